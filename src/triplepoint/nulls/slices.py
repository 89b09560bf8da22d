"""Which slices of a row have noise at all, and the level of each.

A convolution has one slice a kernel position, everything else one. A constant slice, such as a pruned one, has no noise
level: what needs one, such as the bulk fit and a shuffle, leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition
from triplepoint.records import EntryStatistics


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice whose entries vary."""

    index: int
    values: Any
    """(rows, columns) as stored."""
    entries: EntryStatistics


def alive(entries: EntryStatistics) -> bool:
    """Whether the entries vary by more than rounding."""
    return entries.std > 1e-12 * abs(entries.mean)


def varied(values: Any, decomposition: Decomposition) -> Iterator[Slice]:
    """The slices whose entries vary; a constant one has no noise level."""
    for index, entries in enumerate(decomposition.slice_entries):
        if alive(entries):
            yield Slice(index, values[index] if isinstance(values, np.ndarray) else values, entries)


def per_slice(level: float, slices: int) -> float:
    """1 − (1 − level)^(1/slices): false-alarm rate of each, for `level` in all.

    >>> round(per_slice(0.01, 9), 6)
    0.001116
    """
    return -math.expm1(math.log1p(-level) / slices)
