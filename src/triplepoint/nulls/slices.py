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
from triplepoint.linalg.moments import FLAT
from triplepoint.records import EntryStatistics


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One slice, with what is known of its entries."""

    index: int
    values: Any
    """(rows, columns) as stored."""
    entries: EntryStatistics


def alive(entries: EntryStatistics) -> bool:
    """Whether the entries vary by more than rounding."""
    return entries.std > FLAT * abs(entries.mean)


def slices_of(values: Any, decomposition: Decomposition) -> Iterator[Slice]:
    """All slices of an array, or the one of what is packed."""
    for index, entries in enumerate(decomposition.slice_entries):
        yield Slice(index, values[index] if isinstance(values, np.ndarray) else values, entries)


def varied(values: Any, decomposition: Decomposition) -> list[Slice]:
    """The slices whose entries vary; a constant one has no noise level."""
    return [part for part in slices_of(values, decomposition) if alive(part.entries)]


def per_slice(level: float, slices: int) -> float:
    """1 − (1 − level)^(1/slices): false-alarm rate of each, for `level` in all.

    >>> round(per_slice(0.01, 9), 6)
    0.001116
    """
    return -math.expm1(math.log1p(-level) / slices)
