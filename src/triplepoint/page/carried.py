"""What is known of every layer at every step: the last look holds until the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.page.codes import PHASES
from triplepoint.page.rows_of_run import order, unseen
from triplepoint.page.visits import places
from triplepoint.records import VisitKind, primary
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import Run, tables

Numbers = np.ndarray[Any, np.dtype[np.float64]]

FEWEST, MOST = 24, 96
"""Rows of a spectrum over training."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Numbers over layers and steps."""

    ids: tuple[str, ...]
    """(L,) in the order of the model."""
    steps: np.ndarray[Any, np.dtype[np.int64]]
    """(S,) at which any of them was looked at, ascending."""
    values: Numbers
    """(L, S); NaN before the first."""

    @property
    def edges(self) -> Numbers:
        """(S + 1,) where the cells of the steps begin, and where the last ends: a usual distance behind it."""
        return step_edges(self.steps)


@dataclass(frozen=True, slots=True, eq=False)
class SpectraOverSteps:
    """The spectra of one matrix on one grid."""

    steps: np.ndarray[Any, np.dtype[np.int64]]
    """(S,)."""
    edges: Numbers
    """(rows + 1,) λ, equally far apart in log10 λ."""
    counts: Numbers
    """(rows, S) eigenvalues a row; those of a stored bin are spread evenly over its width."""


def metric(run: Run, name: str) -> Carried:
    """One metric; a look that does not measure it leaves the last one standing, a whole one that finds none ends it."""
    with run.moment():
        table, ids, parts = _table(run)
        values = np.asarray(tables.metrics(run, [name], table)[name], dtype=np.float64)
        # While values are carried, −∞ stands for none: no metric of a store has it.
        found = _carried(ids, parts, table, np.where(np.isnan(values) & _full(table), -np.inf, values))
    return Carried(found.ids, found.steps, np.where(np.isneginf(found.values), np.nan, found.values))


def phases(run: Run) -> tuple[Carried, Carried]:
    """(codes of `page.codes.PHASES`, confidences) of the last full look; NaN confidence where none is given."""
    with run.moment():
        table, ids, parts = _table(run)
        full = _full(table)
        codes = np.array([float(PHASES.get(phase, 0)) for phase in table.phases])
        found = _carried(ids, parts, table, np.where(full, codes, np.nan))
        # A full look without a confidence must not keep the one before: −1 stands for none while it is carried.
        sure = np.where(np.isnan(table.confidence), -1.0, table.confidence)
        confidence = _carried(ids, parts, table, np.where(full, sure, np.nan))
    values = np.where(confidence.values < 0, np.nan, confidence.values)
    return found, Carried(found.ids, found.steps, values)


def spectra(sketches: Sequence[SpectrumSketch]) -> SpectraOverSteps | None:
    """Log-binned spectra of one matrix brought onto one grid; None where no eigenvalue is resolved at any step."""
    usable = [sketch for sketch in sketches if sketch.low is not None and sketch.high is not None]
    if not usable:
        return None
    low = min(sketch.low for sketch in usable if sketch.low is not None)
    high = max(sketch.high for sketch in usable if sketch.high is not None)
    size = max(sketch.num_eigenvalues for sketch in usable)
    rows = min(MOST, max(FEWEST, round(3 * math.sqrt(size))))
    grid = np.linspace(low, max(high, low + 1e-9), rows + 1)
    columns = [
        rebinned(sketch.counts, sketch.edges, grid)
        if sketch.edges is not None and sketch.edges[-1] > sketch.edges[0]
        else np.zeros(rows)
        for sketch in usable
    ]
    steps = np.array([sketch.step for sketch in usable], dtype=np.int64)
    return SpectraOverSteps(steps, np.power(10.0, grid), np.stack(columns, axis=1))


def rebinned(counts: Any, edges: Any, onto: Numbers) -> Numbers:
    """Counts per new bin, those of an old one spread evenly over its width.

    >>> rebinned([4.0, 2.0], [0.0, 1.0, 2.0], np.array([0.5, 1.5, 2.5])).tolist()
    [3.0, 1.0]
    """
    below = np.concatenate(([0.0], np.cumsum(counts, dtype=np.float64)))
    return np.diff(np.interp(onto, edges, below))


def step_edges(steps: Any) -> Numbers:
    """(n + 1,) where cells of these steps begin, and where the last ends: a usual distance behind it.

    >>> step_edges([0, 10, 20]).tolist()
    [0.0, 10.0, 20.0, 30.0]
    """
    found = np.asarray(steps, dtype=np.float64)
    usual = float(np.median(np.diff(found))) if found.size > 1 else 1.0
    return np.append(found, found[-1] + usual) if found.size else found


def _table(run: Run) -> tuple[tables.VisitTable, tuple[str, ...], list[Any]]:
    table = tables.visits(run)
    identities, there = run.matrices, set(table.matrices)
    rows = [unseen(id, identities[id]) for id in order(run, [*identities]) if id in there]
    # Vectors are rows too, and have no spectrum.
    ids = tuple(row.id for row in primary(rows) if row.shape is not None)
    return table, ids, places(table, ids)


def _full(table: tables.VisitTable) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([kind == VisitKind.full for kind in table.kinds], dtype=bool)


def _carried(
    ids: tuple[str, ...], parts: Sequence[Any], table: tables.VisitTable, values: Numbers
) -> Carried:
    steps = np.unique(table.steps)
    grid = np.full((len(ids), steps.size), np.nan)
    for row, part in enumerate(parts):
        known = part[~np.isnan(values[part])]
        at = np.searchsorted(table.steps[known], steps, side="right") - 1
        seen = at >= 0
        grid[row, seen] = values[known[at[seen]]]
    return Carried(ids, steps, grid)
