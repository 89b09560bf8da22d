"""Where the eigenvalues of a matrix that has learned nothing lie, and how far their count strays from the law.

The law is that of Marchenko and Pastur (see `marchenko_pastur`). Eigenvalues repel each other, so the count in an
interval that expects μ of them strays by far less than √μ: its variance grows like the logarithm of μ (Dyson and Mehta
1963), (2/π²)(ln 2πμ + γ + 1 − π²/8), and hardly depends on the shape or on the place in the bulk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from triplepoint.nulls import marchenko_pastur

Array = np.ndarray[Any, np.dtype[np.float64]]

POINTS = 200
"""Of a law."""
Z = 1.959964
"""The normal quantile of a two-sided 95 % band."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A band over the expected count, to be interpolated linearly; a count n lies in it where low ≤ n ≤ high."""

    mean: Array
    """(n,) expected counts μ, ascending from 0."""
    low: Array
    high: Array
    variance: Array
    """(n,) of the count."""


@lru_cache(maxsize=512)
def law(shape: tuple[int, int]) -> tuple[Array, Array]:
    """(x, cdf): x = log10(λ/σ²) for λ of WᵀW, and the share of eigenvalues below, at `POINTS` points.

    Of a square matrix, whose density diverges at 0, down to where 0.001 eigenvalues are expected.

    >>> x, cdf = law((400, 100))
    >>> [round(float(10**v)) for v in (x[0], x[-1])], float(cdf[0]), float(cdf[-1])
    ([100, 900], 0.0, 1.0)
    """
    n, m = shape
    low, high = marchenko_pastur.edges((n, m))
    # F ≈ (2/π)√(λ/N) near 0 where N = M.
    floor = n * (math.pi / 2 * 1e-3 / m) ** 2
    x = np.linspace(math.log10(max(low, floor)), math.log10(high), POINTS)
    cdf = marchenko_pastur.cdf(np.power(10.0, x), shape, 1.0)
    cdf[-1] = 1.0
    if low > floor:
        cdf[0] = 0.0
    return x, cdf


@lru_cache(maxsize=1)
def rigidity() -> Band:
    """The 95 % band of the count of eigenvalues in an interval."""
    mean = np.concatenate([[0.0], np.geomspace(0.01, 1e5, 200)])
    variance = np.minimum(mean, number_variance(np.maximum(mean, 0.5)))
    half = 0.5 + Z * np.sqrt(variance)
    return Band(mean, np.maximum(mean - half, 0.0), mean + half, variance)


def number_variance(mean: Array) -> Array:
    """Variance of the count where μ is not small: (2/π²)(ln 2πμ + γ + 1 − π²/8)."""
    return np.asarray(2 / math.pi**2 * (np.log(2 * math.pi * mean) + np.euler_gamma + 1 - math.pi**2 / 8))
