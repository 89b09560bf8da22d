"""Moments of the entries: the noise level, and what alone can make an outlier of a shuffled matrix.

All are summed about a place near the mean while a panel is at hand, and moved to the mean at the end: about zero the
fourth moment loses (⟨w⟩/σ)⁴ of its digits, all of them in float64 from ⟨w⟩/σ = 10⁴ on. The sums are taken in pieces
that stay in the cache: 768 x 3072 entries take 4 ms so, where their Gram matrix takes 60 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.records import EntryStatistics

Array = np.ndarray[Any, Any]

# OpenBLAS takes a second thread for dot products of more than 10,000, and the threads that NumPy's library so wakes
# then stand in the way of those of SciPy's: 0.2 s instead of 0.12 s for a matrix of 1024 x 4096 on two cores.
PIECE = 1 << 13
# Below this part of the mean a spread is rounding.
FLAT = 1e-12
# (shift − mean)²/σ² from which the fourth moment has lost 12 of its 16 digits.
FAR = 1e6


@dataclass(slots=True)
class Moments:
    """Sums of the powers of w − `shift` in float64, over as many entries as were added."""

    shift: float | None = None
    """The mean of some entries of the first panel; None before it."""
    count: int = 0
    sums: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def add(self, panel: Array) -> None:
        """Take up a C-ordered panel; the sums are infinite where powers leave the range of float64."""
        flat = panel.reshape(-1)
        if self.shift is None:
            # Rounded to the type of the panel: entries near it are then subtracted without rounding.
            some = flat[:: max(1, flat.size // PIECE)]
            self.shift = float(flat.dtype.type(np.mean(some, dtype=np.float64)))
        buffers = np.empty((2, min(PIECE, flat.size)))
        first, second, third, fourth = self.sums
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, flat.size, PIECE):
                piece = flat[start : start + PIECE]
                near, square = buffers[:, : piece.size]
                np.subtract(piece, self.shift, out=near, dtype=np.float64)
                np.square(near, out=square)
                first += float(np.sum(near))
                second += float(np.dot(near, near))
                third += float(np.dot(square, near))
                fourth += float(np.dot(square, square))
        self.count += flat.size
        self.sums = first, second, third, fourth

    def result(self) -> tuple[float, float, float, float]:
        """(mean, σ, skewness, kurtosis) of the entries."""
        assert self.shift is not None, "no panel was added"
        return central(self.shift, *(total / self.count for total in self.sums))


def central(
    shift: float, first: float, second: float, third: float, fourth: float
) -> tuple[float, float, float, float]:
    """(mean, σ, skewness, kurtosis) from ⟨(w − shift)ᵏ⟩, k = 1 … 4.

    The last two are NaN without spread, and where the shift is so far from the mean that fewer than three digits are
    left.

    >>> central(2.0, 0.5, 0.5, 0.5, 0.5)  # a fair coin
    (2.5, 0.5, 0.0, 1.0)
    """
    square = first**2
    variance = max(second - square, 0.0)
    mean, std = shift + first, math.sqrt(variance)
    if not (std > FLAT * abs(mean) and square < FAR * variance and math.isfinite(third + fourth)):
        return mean, std, math.nan, math.nan
    about_three = third - 3 * first * variance - first * square
    about_four = fourth - 4 * first * third + 6 * square * (variance + square) - 3 * square**2
    return mean, std, about_three / variance**1.5, max(about_four / variance**2, 1.0)


def together(parts: Sequence[EntryStatistics]) -> EntryStatistics:
    """Statistics of equally many entries of each part, as if they were one matrix."""
    mean = math.fsum(p.mean for p in parts) / len(parts)
    # hypot, because squares of extreme entries leave the range of float64.
    std = math.hypot(*(p.std for p in parts), *(p.mean - mean for p in parts)) / math.sqrt(len(parts))
    count, largest = sum(p.count for p in parts), max(p.max_abs for p in parts)
    if std == 0:
        return EntryStatistics(count, mean, std, largest)
    # Relative to the common σ: (spread, shift) of every part.
    scaled = [(p.std / std if p.std > FLAT * abs(p.mean) else 0.0, (p.mean - mean) / std, p) for p in parts]
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
