"""A run as its readers see it: any number of processes, while it is written, never half of a frame."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from triplepoint import showing
from triplepoint.errors import UsageError
from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Frame,
    MatrixRow,
    ScalarPoint,
    Trajectory,
    Visit,
    encoding,
)
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import locks, places, reading, rows, series
from triplepoint.store.access import END, LAST_FULL, Access, span
from triplepoint.store.reading import Names
from triplepoint.store.writer import RUNNING

CRASHED = "crashed"
UNKNOWN = "unknown"
SILENT_SECONDS = 900.0
"""Without locks that can be asked, a run that wrote nothing for so long counts as crashed."""
_CHUNK = 500
"""Visits read at once."""


class Run(Access):
    """Reads one run. Threads may share it; a child made by `fork` gets a connection of its own.

    Every call sees the newest whole frames. Nothing is kept between calls, so nothing grows old.
    """

    def _repr_html_(self) -> str | None:
        """What a notebook shows: status, scalars, the phases at the last step, alerts; None where it is closed."""
        found = showing.show(self, "html")
        return None if found is None else str(found)

    @property
    def plot(self) -> Any:
        """Figures of this run for papers, such as `run.plot.scalars()`; see `triplepoint.figures.plots.RunPlots`.

        Each returns matplotlib's `Axes`; needs `triplepoint[figures]`.
        """
        return showing.show(self, "plot")

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What the run was begun with."""
        found = self.about.get("configuration")
        return found if isinstance(found, dict) else {}

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Versions, machine, model."""
        found = self.about.get("provenance")
        return found if isinstance(found, dict) else {}

    @property
    def about(self) -> Mapping[str, Any]:
        """Every entry of the run's own table: schema, configuration, provenance, status, started, ended (epoch s)."""
        with self._reading() as connection:
            found = connection.execute("SELECT key, value FROM run").fetchall()
            whole = {reading.words(key): rows.loads(f'{{"value":{value}}}')["value"] for key, value in found}
            return encoding.plain(whole)  # type: ignore[no-any-return]  # a dict of str, as it went in

    @property
    def status(self) -> str:
        """`running`, `crashed` (running, but its writer is gone), or what the writer said at the end."""
        found = self.about.get("status")
        if found != RUNNING:
            return found if isinstance(found, str) else UNKNOWN
        writing = locks.writing(self.path)
        if writing is locks.Writing.unknown:
            silent = time.time() - (self.last_time or 0.0) > SILENT_SECONDS
            writing = locks.Writing.no if silent else locks.Writing.yes
        return RUNNING if writing is locks.Writing.yes else CRASHED

    @property
    def matrices(self) -> Mapping[str, Mapping[str, Any]]:
        """{id: fields of its row that never change: shape, kind, dtype, counted …}; empty before its first full
        visit."""
        with self._reading() as connection:
            names = Names(connection)
            return {name: rows.checked(names.identity(id)) for id, name in names.matrices.items()}

    @property
    def scalar_names(self) -> tuple[str, ...]:
        """In the order in which they first came."""
        with self._reading() as connection:
            return tuple(Names(connection).scalars.values())

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Of all visits, in the order in which they first came."""
        with self._reading() as connection:
            return tuple(Names(connection).metrics.values())

    @property
    def steps(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) the steps that frames end at, ascending."""
        with self._reading() as connection:
            found = connection.execute("SELECT DISTINCT step FROM frames ORDER BY step").fetchall()
            return np.array([reading.whole(step) for (step,) in found], dtype=np.int64)

    @property
    def last_frame(self) -> int:
        """Id of the newest frame, from which `frames(after=…)` goes on; 0 before the first."""
        return self._newest()[0]

    @property
    def last_step(self) -> int | None:
        """The largest step of a frame; None before the first."""
        with self._reading() as connection:
            (found,) = connection.execute("SELECT max(step) FROM frames").fetchone()
            return None if found is None else reading.whole(found)

    @property
    def last_time(self) -> float | None:
        """When the newest frame was made, seconds since the epoch: the run's sign of life."""
        return self._newest()[1]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Everything that was raised or cleared, in order."""
        with self._reading() as connection:
            found = connection.execute(f"{reading.ALERT} ORDER BY frame, place").fetchall()
            return tuple(reading.alert(entry) for entry in found)

    @property
    def raised(self) -> tuple[Alert, ...]:
        """The alerts that hold now."""
        holding: dict[tuple[str, str | None], Alert] = {}
        for alert in self.alerts:
            holding.pop((alert.rule, alert.matrix), None)
            if alert.state is AlertState.raised:
                holding[alert.rule, alert.matrix] = alert
        return tuple(holding.values())

    @property
    def events(self) -> tuple[Event, ...]:
        """In order."""
        with self._reading() as connection:
            found = connection.execute(f"{reading.EVENT} ORDER BY frame, place").fetchall()
            return tuple(reading.event(entry) for entry in found)

    def scalar(self, name: str) -> tuple[ScalarPoint, ...]:
        """Every block of one scalar, steps ascending."""
        with self._reading() as connection:
            names = Names(connection)
            id = self._named("scalar", name)
            found = connection.execute(
                f"{reading.POINT} WHERE name = ? ORDER BY step, frame", (id,)
            ).fetchall()
            return tuple(reading.point(names, entry) for entry in found)

    def last_value(self, name: str) -> float | None:
        """The newest finite value of a scalar; None where there is none, or no such scalar."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT value FROM scalars "
                "WHERE name = (SELECT id FROM names WHERE kind = 'scalar' AND name = ?) AND value IS NOT NULL "
                "ORDER BY frame DESC, name DESC, step DESC LIMIT 1",
                (name,),
            ).fetchone()
            return None if found is None else reading.real(found[0])

    def trajectory(self, name: str, matrix: str | None = None) -> Trajectory:
        """A scalar of the run, or a metric of one matrix; of α with its standard error and 95 % interval.

        Cost: about 1 ms for 1,000 visits.
        """
        with self._reading() as connection:
            if matrix is None:
                return series.of_scalar(connection, name, self._named("scalar", name))
            place, id = self._matrix(matrix), self._named("metric", name)
            return series.of_metric(connection, name, id, matrix, place)

    def visits(self, matrix: str | None = None, *, after: int = 0, spectra: bool = False) -> Iterator[Visit]:
        """Visits in the order of their frames, of one matrix or all, from behind the frame with id `after`.

        `spectra`: rows with their singular values, to seven digits, where all of them were kept.
        """
        if matrix is None:
            place, where = [after, END], "WHERE (frame, id) > (?, ?)"
        else:
            first, last = self._span(matrix)
            place, where = [first - 1], f"WHERE id > ? AND id <= {last} AND frame > {int(after)}"
        order = "frame, id" if matrix is None else "id"
        while True:
            with self._reading() as connection:
                found = connection.execute(
                    f"{reading.VISIT} {where} ORDER BY {order} LIMIT {_CHUNK}", place
                ).fetchall()
                made = reading.visits(connection, Names(connection), found, spectra)
            yield from made
            if len(found) < _CHUNK:
                return
            id, frame = found[-1][:2]
            place = [frame, id] if matrix is None else [id]

    def row(self, matrix: str, step: int | None = None) -> MatrixRow | None:
        """The row of the last full visit at or before `step` (default: the last), as a scan would have given it.

        Its singular values are there, to seven digits, where all were kept; None where no visit is that early.
        """
        with self._reading() as connection:
            found = self._last(f"{reading.VISIT} WHERE rest IS NOT NULL AND", matrix, step)
            return found and reading.visits(connection, Names(connection), [found], True)[0].row

    def rows(self) -> Mapping[str, MatrixRow]:
        """{id: row of the last full visit} of every matrix that has one, in the order in which they first came; without
        singular values. For 2,000 matrices 20 times faster than `row` for each, which reads all names each time."""
        last = f"{reading.VISIT} WHERE {LAST_FULL}"
        with self._reading() as connection:
            names = Names(connection)
            spans = (span(matrix) for matrix in names.matrices)
            found = [
                entry for one in spans if (entry := connection.execute(last, one).fetchone()) is not None
            ]
            made = reading.visits(connection, names, found, False)
        return {visit.matrix: visit.row for visit in made if visit.row is not None}

    def spectrum(self, matrix: str, step: int | None = None) -> SpectrumSketch | None:
        """Log bins and tail at the last full visit at or before `step`, and every value where all were kept."""
        with self._reading() as connection:
            found = self._last(f"{reading.SKETCH} WHERE", matrix, step)
            return found and reading.sketch(Names(connection), found)

    def spectra(self, matrix: str) -> tuple[SpectrumSketch, ...]:
        """Those of every full visit, steps ascending."""
        with self._reading() as connection:
            among = self._span(matrix)
            found = connection.execute(
                f"{reading.SKETCH} WHERE visits.id BETWEEN ? AND ? ORDER BY visits.step, visits.id", among
            ).fetchall()
            names = Names(connection)
            return tuple(reading.sketch(names, entry) for entry in found)

    def frames(self, after: int = 0, most: int = 1000) -> tuple[tuple[int, Frame], ...]:
        """(id, frame) of at most `most` frames behind the one with id `after`, oldest first: what is new.

        Within a frame visits and scalars are ordered by name, and rows come without singular values. A run that went
        back to an earlier step tells so by an event `rewound` with `data["step"]`: what came after it is void.
        """
        with self._reading() as connection:
            return reading.frames(connection, Names(connection), after, most)

    def counts(self) -> Mapping[str, int]:
        """How many frames, matrices, visits, alerts and events there are, and how many steps frames end at."""
        with self._reading() as connection:
            ask = connection.execute
            (steps,) = ask("SELECT count(DISTINCT step) FROM frames").fetchone()
            tables = ("frames", "matrices", "visits", "alerts", "events")
            return {"steps": steps} | {t: ask(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}

    def check(self) -> str | None:
        """What SQLite finds wrong with the file, reading all of it; None where nothing is."""
        with self._reading() as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            return None if found == "ok" else str(found)


def open_run(run: str | os.PathLike[str]) -> Run:
    """Open a run to read: the name of one under `./runs`, its folder, or its file.

    Any number of processes may, while it is written; what they see is whole frames. The file is trusted in nothing:
    one that is damaged, foreign or of a later version is refused in one line.

    Raises:
        UsageError: there is no such run.
        UnreadableRun: the file is none that this version can read.

    >>> import tempfile
    >>> from triplepoint.records import Frame, ScalarPoint
    >>> from triplepoint.store import RunWriter
    >>> path = f"{tempfile.mkdtemp()}/first.db"
    >>> with RunWriter(path) as writer:
    ...     writer.write([Frame(0, 0.0, (ScalarPoint("train_loss", 0, 2.5),))])
    True
    >>> with open_run(path) as run:
    ...     run.status, run.trajectory("train_loss").values.tolist()
    ('stopped', [2.5])
    """
    path = places.find(run)
    if not path.exists():
        raise UsageError(
            f"open run {os.fspath(run)!r}", f"there is no {path}", "To list runs: triplepoint runs"
        )
    return Run(path)
