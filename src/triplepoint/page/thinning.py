"""Fewer points of what is too long for a page, denser where a training is young; and the numbers to fewer digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.records import VisitKind
from triplepoint.store.tables import ScalarTable, VisitTable

Array = np.ndarray[Any, Any]
_TRIES = 6


def chosen(steps: Array, most: int, *, linear: bool = True) -> Array:
    """Places of at most `most` of the ascending `steps`: the first, the last, and between them half evenly spaced in
    the logarithm of the steps since the first and half in the steps themselves (`linear` False: the logarithm alone).

    >>> chosen(np.arange(0, 1000), 6, linear=False).tolist()
    [0, 3, 15, 62, 250, 999]
    """
    if steps.size <= most:
        return np.arange(steps.size)
    if most < 2:
        return np.array([steps.size - 1])
    since = steps.astype(np.float64) - float(steps[0])
    best = np.array([0, steps.size - 1])
    asked = most
    for _ in range(_TRIES):
        found = _nearest(since, _wanted(since[-1], asked, linear))
        if best.size < found.size <= most:
            best = found
        # Early on several wishes fall on one step, so more are made.
        asked = max(2, round(asked * most / found.size)) - (found.size > most)
    return best


def _wanted(end: float, count: int, linear: bool) -> Array:
    """Places between 0 and `end`, as `chosen` says."""
    logarithmic = np.geomspace(1.0, end + 1, count - count // 2 if linear else count) - 1
    return np.concatenate([logarithmic, np.linspace(0.0, end, count // 2)]) if linear else logarithmic


def _nearest(since: Array, wanted: Array) -> Array:
    """The places of the values nearest to those that are wanted, the first and the last among them."""
    after = np.minimum(np.searchsorted(since, wanted), since.size - 1)
    before = np.maximum(after - 1, 0)
    places = np.where(wanted - since[before] < since[after] - wanted, before, after)
    return np.unique(np.concatenate([[0], places, [since.size - 1]]))


def kept_visits(table: VisitTable, part: Array, most: int) -> Array:
    """At most `most` of the visits of one layer (places in `table`): full ones before all others, since what is between
    them is held from the last; the last visit always."""
    if part.size <= most:
        return part
    full = part[np.array([table.kinds[place] == VisitKind.full for place in part])]
    if full.size >= most - 1:
        found = full[chosen(table.steps[full], most - 1)]
    else:
        rest = np.setdiff1d(part, full)
        found = np.concatenate([full, rest[chosen(table.steps[rest], most - 1 - full.size)]])
    return np.union1d(found, part[-1:])


def thinned(table: ScalarTable, most: int) -> ScalarTable:
    """A scalar as at most `most` blocks: mean, lowest and highest of those that each is made of."""
    if table.steps.size <= most:
        return table
    ends = chosen(table.steps, most)
    starts = np.concatenate([[0], ends[:-1] + 1])
    low = np.fmin(table.low, table.values)
    high = np.fmax(table.high, table.values)
    there = np.isfinite(table.values)
    count = np.add.reduceat(there.astype(np.float64), starts)
    total = np.add.reduceat(
        np.where(there, table.values / np.maximum(np.repeat(count, ends - starts + 1), 1), 0.0), starts
    )
    return ScalarTable(
        steps=table.steps[ends],
        values=np.where(count > 0, total, np.nan),
        low=np.fmin.reduceat(low, starts),
        high=np.fmax.reduceat(high, starts),
    )


def rounded(values: Array, bits: int) -> Array:
    """Numbers to `bits` binary digits after the first, half up: 12 are good to 1.2e-4 of each, and halve what a series
    takes as gzip (2.6 bytes a number instead of 4.8).

    >>> rounded(np.array([3.14159, np.nan]), 12).tolist()
    [3.1416015625, nan]
    """
    given = np.asarray(values, dtype=np.float64)
    mantissa, exponent = np.frexp(given)
    with np.errstate(over="ignore"):
        found = np.ldexp(np.round(np.ldexp(mantissa, bits + 1)), exponent - bits - 1)
    return np.asarray(
        np.where(np.isfinite(found), found, given)
    )  # the largest of all have nothing above them
