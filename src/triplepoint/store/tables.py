"""Whole tables of a run as columns, for what shows all of its matrices at once.

300 matrices with 1,000 visits each are 300,000 records of a visit; as columns they are a few arrays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.records import Alert, Event
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import reading
from triplepoint.store.access import END, LAST_FULL, Access, span
from triplepoint.store.reading import Names
from triplepoint.store.schema import VISITS_OF_A_MATRIX

Array = np.ndarray[Any, Any]
# The phase of a failed row is NULL.
_VISIT = "SELECT id, step, kind, phase, json_extract(rest, '$.phase_confidence') FROM visits"
_AT_ONCE = 200_000
"""Rows fetched at once."""
_IN_ONE_LIST = 500
"""Visits asked for by one statement."""


@dataclass(frozen=True, slots=True, eq=False)
class VisitTable:
    """Every visit up to a frame: those of a matrix lie together, its steps ascending."""

    matrices: tuple[str, ...]
    """(L,) ids of rows, in the order in which they first came."""
    offsets: Array
    """(L + 1,) int64; the visits of matrix i are offsets[i] … offsets[i + 1] − 1."""
    ids: Array
    """(V,) int64, numbers of the visits in the file."""
    steps: Array
    """(V,) int64."""
    kinds: tuple[str, ...]
    """(V,) full, leading, unchanged."""
    phases: tuple[str | None, ...]
    """(V,) of full visits that have one."""
    confidence: Array
    """(V,) float64, NaN where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class ScalarTable:
    """Every block of one scalar up to a frame."""

    steps: Array
    """(n,) int64, ascending; of a step that came twice the later."""
    values: Array
    """(n,) float64, NaN where no value of the block was finite."""
    low: Array
    """(n,) the smallest of the block."""
    high: Array
    """(n,) the largest."""


def visits(run: Access, frame: int = END) -> VisitTable:
    """Those of the frames up to the one with id `frame`. Cost: about 4 s for 300,000."""
    with run._reading() as connection:
        # Ids of visits are ordered by matrix.
        found = connection.execute(f"{_VISIT} WHERE frame <= ? ORDER BY id", (frame,)).fetchall()
        return _visit_table(Names(connection), found)


def latest(run: Access) -> VisitTable:
    """Of every matrix its last full visit alone. Cost: 0.1 s for 300 of 1,000 visits."""
    last = f"{_VISIT} WHERE {LAST_FULL}"
    with run._reading() as connection:
        names = Names(connection)
        asked = (connection.execute(last, span(matrix)).fetchone() for matrix in sorted(names.matrices))
        return _visit_table(names, [entry for entry in asked if entry is not None])


def _visit_table(names: Names, found: Sequence[tuple[Any, ...]]) -> VisitTable:
    """Rows of `_VISIT` by id as columns."""
    ids, steps = (_whole([entry[k] for entry in found]) for k in (0, 1))
    matrices = list(names.matrices)
    places = ids // VISITS_OF_A_MATRIX
    order = np.lexsort((ids, steps, places))
    offsets = np.searchsorted(places[order], np.array([*matrices, END], np.int64))
    if not np.isin(places, matrices).all():
        raise ValueError("a visit of a matrix that is not there")
    return VisitTable(
        matrices=tuple(names.matrices.values()),
        offsets=np.append(offsets[:-1], len(found)),
        ids=ids[order],
        steps=steps[order],
        kinds=tuple(found[place][2] for place in order),
        phases=tuple(found[place][3] for place in order),
        confidence=_numbers([entry[4] for entry in found])[order],
    )


def metrics(
    run: Access, names: Sequence[str], table: VisitTable, chosen: Array | None = None
) -> dict[str, Array]:
    """{name: (V,) float64} at every visit of `table`, or only at the places `chosen`; NaN where a metric has no value,
    and elsewhere. UsageError for a metric that no visit has.

    Cost: one pass over all measurements, 1 s for the 12 million of 300,000 visits, and .4 s a metric; or 50 µs a visit
    that was chosen.
    """
    found = {name: np.full(table.ids.size, np.nan) for name in names}
    if not table.ids.size or not names:
        return found
    order = np.argsort(table.ids)
    with run._reading() as connection:
        numbers = {run._named("metric", name): name for name in names}
        for ids, of, values in _measured(
            connection, [*numbers], None if chosen is None else table.ids[chosen]
        ):
            places = np.minimum(np.searchsorted(table.ids, ids, sorter=order), table.ids.size - 1)
            places = order[places]
            there = table.ids[places] == ids
            for number, name in numbers.items():
                own = there & (of == number)
                found[name][places[own]] = values[own]
    return found


def sketched(run: Access, table: VisitTable) -> Array:
    """(V,) bool: of which visits of `table` there is a spectrum."""
    with run._reading() as connection:
        found = connection.execute("SELECT visit FROM spectra").fetchall()
        return np.isin(table.ids, _whole([id for (id,) in found]))


def sketches(run: Access, table: VisitTable, chosen: Array) -> dict[int, SpectrumSketch]:
    """{place in `table`: spectrum} of the chosen visits that have one. Cost: 50 µs each."""
    places = {int(table.ids[place]): int(place) for place in chosen}
    with run._reading() as connection:
        names = Names(connection)
        found = {}
        for group in _groups([*places]):
            asked = f"{reading.SKETCH} WHERE visits.id IN ({_marks(group)})"
            for entry in connection.execute(asked, group):
                found[places[entry[0]]] = reading.sketch(names, entry)
    return dict(sorted(found.items()))


def _measured(
    connection: sqlite3.Connection, numbers: Sequence[int], visits: Array | None
) -> Iterator[tuple[Array, Array, Array]]:
    """(visits, metrics, values) in portions."""
    asked = f"SELECT visit, metric, value FROM measurements WHERE metric IN ({_marks(numbers)}) AND value IS NOT NULL"
    if visits is None:
        cursors = iter([connection.execute(asked, numbers)])
    else:
        cursors = (
            connection.execute(f"{asked} AND visit IN ({_marks(group)})", [*numbers, *group])
            for group in _groups(visits.tolist())
        )
    for cursor in cursors:
        while part := cursor.fetchmany(_AT_ONCE):
            ids, of, values = zip(*part, strict=True)
            yield _whole(ids), _whole(of), _numbers(values)


def _groups(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _IN_ONE_LIST] for start in range(0, len(ids), _IN_ONE_LIST))


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def scalar(run: Access, name: str, frame: int = END) -> ScalarTable:
    """One scalar, of the frames up to the one with id `frame`."""
    with run._reading() as connection:
        id = run._named("scalar", name)
        found = connection.execute(
            "SELECT step, value, low, high FROM scalars WHERE name = ? AND frame <= ? ORDER BY step, frame",
            (id, frame),
        ).fetchall()
        steps = _whole([entry[0] for entry in found])
        last = np.append(steps[1:] != steps[:-1], True)[: steps.size]
        columns = [_numbers([entry[k] for entry in found])[last] for k in (1, 2, 3)]
        return ScalarTable(steps[last], *columns)


def alerts(run: Access, frame: int = END) -> Sequence[tuple[int, Alert]]:
    """(id of the frame, alert) of everything that was raised or cleared, in order."""
    with run._reading() as connection:
        return _entries(connection, reading.ALERT, frame, reading.alert)


def events(run: Access, frame: int = END) -> Sequence[tuple[int, Event]]:
    """(id of the frame, event), in order."""
    with run._reading() as connection:
        return _entries(connection, reading.EVENT, frame, reading.event)


def _entries(connection: sqlite3.Connection, statement: str, frame: int, made: Any) -> list[tuple[int, Any]]:
    found = connection.execute(f"{statement} WHERE frame <= ? ORDER BY frame, place", (frame,)).fetchall()
    return [(reading.whole(entry[0]), made(entry)) for entry in found]


def _whole(values: Sequence[Any]) -> Array:
    """int64; ValueError for what is no whole number."""
    try:
        return np.array(values, dtype=np.int64)
    except (TypeError, OverflowError):
        raise ValueError("a whole number was expected") from None


def _numbers(values: Sequence[Any]) -> Array:
    """float64 with NaN for None; ValueError for what is no finite number."""
    try:
        found = np.array(values, dtype=np.float64).reshape(-1)
    except (TypeError, OverflowError):
        raise ValueError("a number was expected") from None
    if np.isinf(found).any():
        raise ValueError("a number is not finite")
    return found
