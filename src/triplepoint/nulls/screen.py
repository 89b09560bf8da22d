"""Can the shuffled entries make an outlier at all? A closed form on five numbers of the entries.

A shuffled matrix is noise, isolated large entries and a mean. In noise of unit variance and shape N × M a rank-one
part of strength θ leaves the bulk once θ > (NM)^¼, at λ = (θ² + N)(θ² + M)/θ² (Baik, Ben Arous and Péché 2005;
Benaych-Georges and Nadakuditi 2012). θ = |w|/σ for an entry and |⟨w⟩|√(NM)/σ for the mean.

Many entries that are large but not huge raise the edge itself: to first order in the excess kurtosis κ the edge
becomes λ₊(1 + κ/√(NM)), from the self-consistent equation z²p = (1 + Nh)(1 + Mh), h = p + κp², whose smallest z² lies
at h = 1/√(NM).
"""

from __future__ import annotations

import math

from triplepoint.records import EntryStatistics

# Fractions of what is critical. Measured by `benchmarks/calibrate_traps.py`.
LARGEST = 0.7
MEAN = 0.7
LIFT = 0.25


def critical(shape: tuple[int, int]) -> float:
    """(NM)^¼: strength in units of σ from which a rank-one part leaves the bulk.

    >>> critical((64, 4))
    4.0
    """
    return math.sqrt(math.sqrt(shape[0] * shape[1]))


def outlier(strength: float, shape: tuple[int, int]) -> float:
    """Eigenvalue that a rank-one part of this strength makes in unit noise; λ₊ below the critical strength.

    >>> outlier(4.0, (64, 4)), outlier(8.0, (64, 4))
    (100.0, 136.0)
    """
    square = max(strength, critical(shape)) ** 2
    return (square + shape[0]) * (square + shape[1]) / square


def lift(kurtosis: float, shape: tuple[int, int]) -> float:
    """How far the kurtosis raises the edge, in units of the Tracy–Widom scale of Gaussian noise.

    λ₊(κ/√(NM)) over (√N + √M)(1/√N + 1/√M)^⅓, κ = kurtosis − 3; NaN where the kurtosis is not known.
    """
    sides = math.sqrt(shape[0]), math.sqrt(shape[1])
    scale = math.cbrt(1 / sides[0] + 1 / sides[1])
    return (kurtosis - 3) / (sides[0] * sides[1]) * (sides[0] + sides[1]) / scale


def mean_strength(entries: EntryStatistics) -> float:
    """|⟨w⟩|√(NM)/σ: strength of the mean as a rank-one part."""
    return abs(entries.mean) / entries.std * math.sqrt(entries.count)


def is_quiet(entries: EntryStatistics, shape: tuple[int, int]) -> bool:
    """Whether no shuffle of these entries has an outlier, but for chance. O(1); False where σ or kurtosis is unknown.

    Largest entry, mean and kurtosis all have to be well below what is critical.
    """
    if not entries.std > 0:
        return False
    limit = critical(shape)
    largest = (entries.max_abs + abs(entries.mean)) / entries.std
    return (
        largest < LARGEST * limit
        and mean_strength(entries) < MEAN * limit
        and lift(entries.kurtosis, shape) < LIFT
    )
