"""Frames → rows of the tables, within the transaction of the caller.

`Known` is what a writer remembers of the file, so that appending a frame asks nothing. It is read again after anything
went wrong, because a transaction that was rolled back took its names and numbers along.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triplepoint.records import Alert, Event, Frame, ScalarPoint, Visit, VisitKind, encoding
from triplepoint.store import rows, sketching
from triplepoint.store.schema import VISITS_OF_A_MATRIX

Keep = Callable[[Visit], bool]


@dataclass(slots=True)
class Matrix:
    """What is known of one matrix."""

    id: int
    identity: rows.Document | None = None
    visits: int = 0
    """Number that the next visit gets."""
    spectra: int = 0
    """Full visits whose spectrum was given."""
    phase: str | None = None
    """Of the last of them."""


@dataclass(slots=True)
class Known:
    """Names and numbers of the file."""

    names: dict[tuple[str, str], int] = field(default_factory=dict)
    """{(kind, name): id}."""
    matrices: dict[str, Matrix] = field(default_factory=dict)
    frame: int = 0
    """The last one."""
    step: int = 0
    """The largest of all frames."""

    @staticmethod
    def of(connection: sqlite3.Connection) -> Known:
        """Read from the file."""
        known = Known({(kind, name): id for id, kind, name in connection.execute("SELECT * FROM names")})
        for id, name, identity in connection.execute("SELECT * FROM matrices").fetchall():
            first = id * VISITS_OF_A_MATRIX
            among = (first, first + VISITS_OF_A_MATRIX - 1)
            (last,) = connection.execute(
                "SELECT max(id) FROM visits WHERE id BETWEEN ? AND ?", among
            ).fetchone()
            spectra, latest = connection.execute(
                "SELECT count(*), max(visit) FROM spectra WHERE visit BETWEEN ? AND ?", among
            ).fetchone()
            phase = connection.execute("SELECT phase FROM visits WHERE id = ?", (latest,)).fetchone()
            known.matrices[name] = Matrix(
                id,
                None if identity is None else rows.loads(identity),
                0 if last is None else last - first + 1,
                spectra,
                phase and phase[0],
            )
        (known.frame,) = connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()
        (known.step,) = connection.execute("SELECT coalesce(max(step), 0) FROM frames").fetchone()
        return known


class Appender:
    """Appends frames to an open file."""

    def __init__(self, connection: sqlite3.Connection, known: Known, keep: Keep | None) -> None:
        """`keep`: of which visits the whole spectrum is kept beside those that always are."""
        self._connection = connection
        self._known = known
        self._keep = keep

    def append(self, frame: Frame) -> int:
        """All of one frame; returns its id."""
        self._known.frame += 1
        self._known.step = max(self._known.step, int(frame.step))
        id, execute = self._known.frame, self._connection.executemany
        self._connection.execute(
            "INSERT INTO frames VALUES (?, ?, ?)", (id, int(frame.step), float(frame.time))
        )
        if frame.scalars:
            execute(
                "INSERT OR REPLACE INTO scalars VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [self._scalar(id, point) for point in frame.scalars],
            )
        for visit in frame.visits:
            self._visit(id, visit)
        if frame.alerts:
            execute(
                "INSERT INTO alerts VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)",
                [_alert(id, place, alert) for place, alert in enumerate(frame.alerts)],
            )
        if frame.events:
            execute(
                "INSERT INTO events VALUES (?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)",
                [_event(id, place, event) for place, event in enumerate(frame.events)],
            )
        return id

    def _scalar(self, frame: int, point: ScalarPoint) -> tuple[Any, ...]:
        name = self._name("scalar", point.name)
        low, high = _finite(point.low), _finite(point.high)
        return (
            *(frame, name, int(point.step), _finite(point.value), low, high),
            *(int(point.count), int(point.non_finite)),
        )

    def _visit(self, frame: int, visit: Visit) -> None:
        matrix = self._matrix(visit)
        id = matrix.id * VISITS_OF_A_MATRIX + matrix.visits
        matrix.visits += 1
        status, phase, rest = None, None, None
        metrics, reasons = {name: _finite(value) for name, value in visit.metrics.items()}, {}
        if visit.row is not None:
            parts = rows.parts(visit.row, matrix.identity or {})
            status, phase, rest = parts.status, parts.phase, parts.rest
            metrics, reasons = dict(parts.metrics), dict(parts.reasons)
        self._connection.execute(
            "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(id, frame, int(visit.step), visit.kind.value, _finite(visit.change)),
                *(_finite(visit.seconds) or 0.0, status, phase, rest),
            ),
        )
        self._connection.executemany(
            "INSERT INTO measurements VALUES (?, ?, ?, ?)",
            [(id, self._name("metric", name), value, reasons.get(name)) for name, value in metrics.items()],
        )
        if visit.row is not None and visit.row.singular_values is not None:
            self._spectrum(id, matrix, visit, phase)
        if visit.eigenvalues is not None and np.isfinite(visit.eigenvalues).all():
            packed = sketching.pack(np.asarray(visit.eigenvalues, dtype=np.float64))
            self._connection.execute("INSERT INTO leading VALUES (?, ?, ?)", (id, packed.data, packed.type))

    def _spectrum(self, id: int, matrix: Matrix, visit: Visit, phase: str | None) -> None:
        row = visit.row
        assert row is not None
        sigma = np.sort(np.asarray(row.singular_values, dtype=np.float64))[::-1]
        if sigma.size == 0 or not np.isfinite(sigma).all():
            return
        found = sketching.binned(sigma, row.scale, row.resolved_from or 0.0)
        counts = sketching.pack_counts(found.counts)
        tail = sketching.pack(sigma[: sketching.tail_length(sigma.size, row.metrics.get("num_tail"))])
        self._connection.execute(
            "INSERT INTO spectra VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(id, int(sigma.size), found.unresolved, found.low, found.high),
                *(counts.data, counts.type, tail.data, tail.type),
            ),
        )
        matrix.spectra += 1
        # The first, and then ever more rarely: early spectra change most.
        key = matrix.spectra & (matrix.spectra - 1) == 0
        if key or phase != matrix.phase or (self._keep is not None and self._keep(visit)):
            full = sketching.pack(sigma)
            self._connection.execute("INSERT INTO full_spectra VALUES (?, ?, ?)", (id, full.data, full.type))
        matrix.phase = phase

    def _matrix(self, visit: Visit) -> Matrix:
        """That of the visit, its identity known as soon as there is a row."""
        name = visit.matrix
        matrix = self._known.matrices.get(name)
        if matrix is None:
            matrix = Matrix(len(self._known.matrices) + 1)
            self._connection.execute(
                "INSERT INTO matrices VALUES (?, CAST(? AS TEXT), NULL)", (matrix.id, text(name))
            )
            self._known.matrices[name] = matrix
        if matrix.identity is None and visit.row is not None and visit.kind is VisitKind.full:
            matrix.identity = rows.identity(visit.row)
            self._connection.execute(
                "UPDATE matrices SET identity = ? WHERE id = ?", (rows.dumps(matrix.identity), matrix.id)
            )
        return matrix

    def _name(self, kind: str, name: str) -> int:
        id = self._known.names.get((kind, name))
        if id is None:
            id = len(self._known.names) + 1
            self._connection.execute(
                "INSERT INTO names VALUES (?, ?, CAST(? AS TEXT))", (id, kind, text(name))
            )
            self._known.names[kind, name] = id
        return id


def text(value: str) -> str | bytes:
    """For `CAST(? AS TEXT)`: a lone surrogate is legal in a name and is no UTF-8, so such a text goes in as bytes."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def _alert(frame: int, place: int, alert: Alert) -> tuple[Any, ...]:
    matrix = None if alert.matrix is None else text(alert.matrix)
    return (
        *(frame, place, int(alert.step), text(alert.rule), alert.severity.value, alert.state.value, matrix),
        *(text(alert.statement), rows.dumps(encoding.plain(alert.evidence))),
    )


def _event(frame: int, place: int, event: Event) -> tuple[Any, ...]:
    step = None if event.step is None else int(event.step)
    return frame, place, step, text(event.kind), text(event.text), rows.dumps(encoding.plain(event.data))


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
