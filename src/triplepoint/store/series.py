"""One number along a run, straight from the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triplepoint.records import Trajectory
from triplepoint.records.trajectories import Numbers
from triplepoint.store.schema import VISITS_OF_A_MATRIX

INTERVALS: Mapping[str, tuple[str, str, str]] = {"alpha": ("alpha_sem", "alpha_low", "alpha_high")}
"""Metrics whose standard error and 95 % interval are metrics of their own."""


def of_scalar(connection: sqlite3.Connection, name: str, id: int) -> Trajectory:
    """Blocks with a finite value, steps ascending; of a step that came twice the later."""
    found = connection.execute(
        "SELECT step, value FROM scalars WHERE name = ? AND value IS NOT NULL ORDER BY step, frame", (id,)
    ).fetchall()
    steps, (values,) = _columns(found, 1)
    return Trajectory(name, steps, values)


def of_metric(connection: sqlite3.Connection, name: str, metric: int, matrix: str, place: int) -> Trajectory:
    """Visits at which the metric has a value, steps ascending; `metric` and `place` are the numbers of the names."""
    others = [_metric(connection, other) for other in INTERVALS.get(name, ())]
    picked = "".join(
        f", (SELECT o.value FROM measurements o WHERE o.visit = m.visit AND o.metric = {id})"
        for id in others
        if id is not None
    )
    first = place * VISITS_OF_A_MATRIX
    found = connection.execute(
        f"SELECT v.step, m.value{picked} FROM visits v "
        "CROSS JOIN measurements m ON m.visit = v.id AND m.metric = ? "
        "WHERE v.id BETWEEN ? AND ? AND m.value IS NOT NULL",
        (metric, first, first + VISITS_OF_A_MATRIX - 1),
    ).fetchall()
    steps, columns = _columns(found, 1 + sum(id is not None for id in others))
    rest = iter(columns[1:])
    errors = [None if id is None else next(rest) for id in others]
    return Trajectory(name, steps, columns[0], matrix, *errors)


def _metric(connection: sqlite3.Connection, name: str) -> int | None:
    found = connection.execute("SELECT id FROM names WHERE kind = 'metric' AND name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def _columns(
    found: Sequence[tuple[Any, ...]], width: int
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Sequence[Numbers]]:
    """Steps strictly ascending, and the columns beside them with NaN for None."""
    if not found:
        return np.array([], dtype=np.int64), [np.array([], dtype=np.float64) for _ in range(width)]
    try:
        steps = np.array([entry[0] for entry in found], dtype=np.int64)
        values = np.array([entry[1:] for entry in found], dtype=np.float64)
    except (TypeError, OverflowError):
        raise ValueError("a number was expected") from None
    if not np.isfinite(values[:, 0]).all():
        raise ValueError("a number is not finite")
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    last = np.append(steps[1:] != steps[:-1], True)
    return steps[last], [np.ascontiguousarray(column) for column in values[last].T]
