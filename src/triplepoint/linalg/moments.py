"""Third and fourth moments of the entries: what alone can make an outlier of a shuffled matrix.

⟨(w−μ)³⟩ and ⟨(w−μ)⁴⟩ follow from the raw moments, which are summed while a panel is at hand. The sums are taken in
pieces that stay in the cache: 768 x 3072 float64 entries take 1.1 ms so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.records import EntryStatistics

Array = np.ndarray[Any, Any]

PIECE = 1 << 14


def powers(panel: Array) -> tuple[float, float]:
    """(Σw³, Σw⁴) of a C-ordered panel; infinite where the powers leave the range of its type."""
    flat = panel.reshape(-1)
    squares = np.empty(min(PIECE, flat.size), flat.dtype)
    cubes = fourths = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            square = np.square(piece, out=squares[: piece.size])
            cubes += float(np.dot(square, piece))
            fourths += float(np.dot(square, square))
    return cubes, fourths


def standardised(mean: float, variance: float, third: float, fourth: float) -> tuple[float, float]:
    """(skewness, kurtosis) from the mean, the variance and the raw third and fourth moments; NaN without spread.

    >>> standardised(0.5, 0.25, 0.5, 0.5)  # a fair coin
    (0.0, 1.0)
    """
    # Below this the variance is rounding of the mean's square.
    if not (variance > 1e-12 * mean**2 and math.isfinite(third) and math.isfinite(fourth)):
        return math.nan, math.nan
    square = mean**2
    about_three = third - 3 * mean * variance - mean * square
    about_four = fourth - 4 * mean * third + 6 * square * (variance + square) - 3 * square**2
    return about_three / variance**1.5, max(about_four / variance**2, 1.0)


def together(parts: Sequence[EntryStatistics]) -> EntryStatistics:
    """Statistics of equally many entries of each part, as if they were one matrix."""
    mean = math.fsum(p.mean for p in parts) / len(parts)
    # hypot, because squares of extreme entries leave the range of float64.
    std = math.hypot(*(p.std for p in parts), *(p.mean - mean for p in parts)) / math.sqrt(len(parts))
    count, largest = sum(p.count for p in parts), max(p.max_abs for p in parts)
    if std == 0:
        return EntryStatistics(count, mean, std, largest)
    # Relative to the common σ: (spread, shift) of every part.
    scaled = [(p.std / std, (p.mean - mean) / std, p) for p in parts]
    third = math.fsum(_third(s, d, p) for s, d, p in scaled) / len(parts)
    fourth = math.fsum(_fourth(s, d, p) for s, d, p in scaled) / len(parts)
    return EntryStatistics(count, mean, std, largest, third, fourth)


def _third(spread: float, shift: float, part: EntryStatistics) -> float:
    own = spread**3 * part.skewness if spread else 0.0
    return own + 3 * shift * spread**2 + shift**3


def _fourth(spread: float, shift: float, part: EntryStatistics) -> float:
    if not spread:
        return shift**4
    own = spread**4 * part.kurtosis + 4 * shift * spread**3 * part.skewness
    return own + 6 * shift**2 * spread**2 + shift**4
