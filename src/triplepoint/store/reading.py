"""Rows of the tables → records, every field checked; ValueError says what does not fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Frame,
    MatrixRow,
    ScalarPoint,
    Severity,
    Visit,
    VisitKind,
    encoding,
)
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import rows, sketching
from triplepoint.store.schema import VISITS_OF_A_MATRIX

VISIT = "SELECT id, frame, step, kind, change, seconds, status, phase, rest FROM visits "
POINT = "SELECT frame, name, step, value, low, high, count, non_finite FROM scalars "
ALERT = "SELECT frame, step, rule, severity, state, matrix, statement, evidence FROM alerts "
EVENT = "SELECT frame, step, kind, text, data FROM events "
SKETCH = (
    "SELECT visits.id, visits.step, eigenvalues, unresolved, low, high, counts, counts_type, tail, tail_type, sigma, "
    "sigma_type FROM visits JOIN spectra ON spectra.visit = visits.id "
    "LEFT JOIN full_spectra ON full_spectra.visit = visits.id "
)
_AT_ONCE = 500
"""Visits whose measurements are fetched by one statement."""


class Names:
    """What the numbers of matrices, metrics and scalars stand for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.scalars: dict[int, str] = {}
        self.metrics: dict[int, str] = {}
        self.matrices: dict[int, str] = {}
        self._connection = connection
        self._read: dict[int, rows.Document] = {}
        for id, kind, name in connection.execute("SELECT id, kind, name FROM names ORDER BY id"):
            (self.scalars if kind == "scalar" else self.metrics)[whole(id)] = words(name)
        for id, name in connection.execute("SELECT id, name FROM matrices ORDER BY id"):
            self.matrices[whole(id)] = words(name)

    def identity(self, matrix: int) -> rows.Document:
        """The fields of the matrix's row that do not change; empty before its first full visit."""
        if matrix not in self._read:
            asked = "SELECT identity FROM matrices WHERE id = ?"
            (text,) = self._connection.execute(asked, (matrix,)).fetchone() or (None,)
            self._read[matrix] = {} if text is None else rows.loads(text)
        return self._read[matrix]

    def matrix_of(self, visit: int) -> str:
        """Id of the row that a visit is of."""
        return known(self.matrices, visit // VISITS_OF_A_MATRIX)


def visits(
    connection: sqlite3.Connection, names: Names, found: Sequence[tuple[Any, ...]], spectra: bool
) -> list[Visit]:
    """The records of rows of `VISIT`; `spectra`: with the singular values where all were kept."""
    made: list[Visit] = []
    for first in range(0, len(found), _AT_ONCE):
        part = found[first : first + _AT_ONCE]
        ids = [whole(entry[0]) for entry in part]
        metrics = _metrics(connection, names, ids)
        full = _blobs(connection, "SELECT visit, sigma, sigma_type FROM full_spectra", ids if spectra else [])
        leading = _blobs(connection, "SELECT visit, eigenvalues, eigenvalues_type FROM leading", ids)
        for id, entry in zip(ids, part, strict=True):
            made.append(_visit(names, entry, *metrics[id], full.get(id), leading.get(id)))
    return made


def _visit(
    names: Names,
    entry: tuple[Any, ...],
    metrics: dict[str, float | None],
    reasons: dict[str, str],
    *arrays: Any,
) -> Visit:
    id, _, step, kind, change, seconds, status, phase, rest = entry
    row: MatrixRow | None = None
    if rest is not None:
        identity = names.identity(id // VISITS_OF_A_MATRIX)
        row = rows.row(identity, rows.Parts(status, phase, rest, metrics, reasons))
        if arrays[0] is not None:
            row = rows.with_spectrum(row, arrays[0])
    return Visit(
        step=whole(step),
        matrix=names.matrix_of(id),
        kind=VisitKind(kind),
        metrics=metrics,
        row=row,
        change=real(change),
        seconds=real(seconds) or 0.0,
        eigenvalues=arrays[1],
    )


def _metrics(
    connection: sqlite3.Connection, names: Names, ids: Sequence[int]
) -> dict[int, tuple[dict[str, float | None], dict[str, str]]]:
    found: dict[int, tuple[dict[str, float | None], dict[str, str]]] = {id: ({}, {}) for id in ids}
    marks = ",".join("?" * len(ids))
    statement = f"SELECT visit, metric, value, reason FROM measurements WHERE visit IN ({marks}) ORDER BY visit, metric"
    for visit, metric, value, reason in connection.execute(statement, ids):
        values, reasons = found[visit]
        name = known(names.metrics, metric)
        values[name] = real(value)
        if reason is not None:
            reasons[name] = reason
    return found


def _blobs(connection: sqlite3.Connection, statement: str, ids: Sequence[int]) -> dict[int, Any]:
    marks = ",".join("?" * len(ids))
    found = connection.execute(f"{statement} WHERE visit IN ({marks})", ids)
    return {visit: sketching.unpack(data, kind) for visit, data, kind in found}


def point(names: Names, entry: tuple[Any, ...]) -> ScalarPoint:
    """Of one row of `POINT`."""
    _, name, step, value, low, high, count, non_finite = entry
    numbers = (real(value), real(low), real(high))
    return ScalarPoint(known(names.scalars, name), whole(step), *numbers, whole(count), whole(non_finite))


def alert(entry: tuple[Any, ...]) -> Alert:
    """Of one row of `ALERT`."""
    _, step, rule, severity, state, matrix, statement, evidence = entry
    return Alert(
        rule=words(rule),
        severity=Severity(severity),
        step=whole(step),
        statement=words(statement),
        matrix=None if matrix is None else words(matrix),
        state=AlertState(state),
        evidence=encoding.plain(rows.loads(evidence)),
    )


def event(entry: tuple[Any, ...]) -> Event:
    """Of one row of `EVENT`."""
    _, step, kind, text, data = entry
    return Event(
        words(kind), words(text), None if step is None else whole(step), encoding.plain(rows.loads(data))
    )


def sketch(names: Names, entry: tuple[Any, ...]) -> SpectrumSketch:
    """Of one row of `SKETCH`."""
    id, step, size, unresolved, low, high, counts, counts_type, tail, tail_type, sigma, sigma_type = entry
    scale = names.identity(id // VISITS_OF_A_MATRIX).get("scale", 1.0)
    return SpectrumSketch(
        matrix=names.matrix_of(id),
        step=whole(step),
        num_eigenvalues=whole(size),
        scale=real(scale) or 0.0,
        low=real(low),
        high=real(high),
        counts=sketching.unpack_counts(counts, counts_type),
        unresolved=whole(unresolved),
        tail=sketching.unpack(tail, tail_type),
        full=None if sigma is None else sketching.unpack(sigma, sigma_type),
    )


def frames(
    connection: sqlite3.Connection, names: Names, after: int, most: int
) -> tuple[tuple[int, Frame], ...]:
    """(id, frame) of at most `most` frames behind the one with id `after`, within the caller's transaction."""
    heads = connection.execute(
        "SELECT id, step, time FROM frames WHERE id > ? ORDER BY id LIMIT ?", (after, most)
    ).fetchall()
    if not heads:
        return ()
    span = (heads[0][0], heads[-1][0])

    def fetched(statement: str, order: str) -> list[tuple[Any, ...]]:
        return connection.execute(
            f"{statement} WHERE frame BETWEEN ? AND ? ORDER BY {order}", span
        ).fetchall()

    of_visits = fetched(VISIT, "frame, id")
    parts = (
        _by_frame((entry[0], point(names, entry)) for entry in fetched(POINT, "frame, name, step")),
        _by_frame(
            (entry[1], visit)
            for entry, visit in zip(of_visits, visits(connection, names, of_visits, False), strict=True)
        ),
        _by_frame((entry[0], alert(entry)) for entry in fetched(ALERT, "frame, place")),
        _by_frame((entry[0], event(entry)) for entry in fetched(EVENT, "frame, place")),
    )
    return tuple(
        (whole(id), Frame(whole(step), real(time) or 0.0, *(tuple(part.get(id, ())) for part in parts)))
        for id, step, time in heads
    )


def _by_frame(entries: Iterable[tuple[int, Any]]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for frame, entry in entries:
        found.setdefault(frame, []).append(entry)
    return found


def known(names: Mapping[int, str], id: Any) -> str:
    """The name of a number that a row refers to."""
    if id not in names:
        raise ValueError(f"a row refers to the name {str(id)[:20]}, which is not there")
    return names[id]


def whole(value: Any) -> int:
    """A whole number."""
    if not isinstance(value, int):
        raise ValueError(f"a whole number was expected, not {type(value).__name__}")
    return value


def real(value: Any) -> float | None:
    """A finite number or None."""
    if value is None or isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise ValueError("a number is not finite")
        return value
    return float(whole(value))


def words(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError(f"a text was expected, not {type(value).__name__}")
    return value
