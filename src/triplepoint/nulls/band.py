"""Where the eigenvalues of a matrix that has learned nothing lie, and how far their count strays from the law.

The law is that of Marchenko and Pastur (see `marchenko_pastur`). Eigenvalues repel each other, so the count in an
interval that expects μ of them strays by far less than √μ: its variance is (2/π²)(ln 2πμ + γ + 1 − π²/8) (Dyson and
Mehta 1963, for the orthogonal ensemble), .44 at μ = 1, .91 at 10, 1.38 at 100, whatever the shape. Measured on
Gaussian matrices: .446, .911, 1.367.

The band holds every count that neither as many or more nor as many or fewer has a chance below 2.5 %. Beyond μ = 8 that
is μ ± (½ + 1.96 standard deviations); below, where counts are far from normal, it was simulated.

What it is worth (`benchmarks/calibrate_band.py`; 64 x 64 to 1024 x 1024 and 4096 x 256; 32, 64 and 128 bins of log10 λ
over the range of the spectrum; σ known, from the entries or fitted, which makes no difference): of the bins with at
least one eigenvalue expected beyond them on either side 98.3–99.6 % have their count within it, of no single one fewer
than 95.4 %. It is more than 95 % because counts are whole numbers. Of as many independent eigenvalues 57–97 % of the
bins would. In the outermost bins the law is off by the fluctuation of the edge (Tracy and Widom), and real square
matrices have a quarter of an eigenvalue more near 0: within are 93.7–98.0 % at the lower end, 94.9–100 % at the upper,
and whether an eigenvalue beyond λ₊ is noise is for `tracy_widom` to say. It does not hold for products of factors, nor
for pooled slices (where their σ agree, add their variances).
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
HARD_EDGE = 1e-3
"""Of a square matrix, whose density diverges at 0, the law reaches down to where so many eigenvalues are expected."""
ENTERS = (0.0, 0.025, 0.454, 1.213, 2.076, 2.988, 3.922, 4.867, 5.831, 6.801, 7.763)
"""The expected count from which on a count of 0, 1, 2 … is in the band: as many or more have a chance of 2.5 %.
Simulated; ± .005."""
LEAVES = (1.833, 2.981, 4.067, 5.123, 6.172, 7.202, 8.239, 9.266, 10.286, 11.309, 12.328)
"""The expected count up to which it is: as many or fewer have a chance of 2.5 %."""
LARGEST = 1e6
"""Expected count up to which the band reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A 95 % band over the expected count, to be interpolated linearly; a count n lies in it where low ≤ n ≤ high."""

    mean: Array
    """(n,) expected counts μ, ascending from 0."""
    low: Array
    high: Array
    variance: Array
    """(n,) of the count; counts of several independent spectra have the sum of theirs."""


@lru_cache(maxsize=512)
def law(shape: tuple[int, int]) -> tuple[Array, Array]:
    """(x, cdf): x = log10(λ/σ²) for λ of WᵀW, ascending, and the share of eigenvalues below, at `POINTS` points.

    The points lie where the law bends, so that linear interpolation is good to 0.2 of 4096 eigenvalues. Of a square
    matrix it reaches down to where `HARD_EDGE` eigenvalues are expected. Cost: 0.5 ms.

    >>> x, cdf = law((400, 100))
    >>> [round(float(10**v)) for v in (x[0], x[-1])], float(cdf[0]), float(cdf[-1])
    ([100, 900], 0.0, 1.0)
    """
    n, m = shape
    low, high = marchenko_pastur.edges((n, m))
    # F ≈ (2/π)√(λ/N) near 0 where N = M.
    floor = n * (math.pi / 2 * HARD_EDGE / m) ** 2
    start, end = math.log10(max(low, floor)), math.log10(high)
    # Even steps of the angle resolve both edges, even steps of the logarithm what lies between them on a long axis.
    angle = (1 - np.cos(np.linspace(0, math.pi, 4000))) / 2
    fine = np.unique(np.concatenate([start + (end - start) * angle, np.linspace(start, end, 4000)]))
    x = _bent(fine, marchenko_pastur.cdf(np.power(10.0, fine), shape, 1.0))
    cdf = marchenko_pastur.cdf(np.power(10.0, x), shape, 1.0)
    cdf[-1] = 1.0
    if low > floor:
        cdf[0] = 0.0
    return x, cdf


@lru_cache(maxsize=1)
def rigidity() -> Band:
    """The band of the count of eigenvalues in an interval of the bulk.

    >>> band = rigidity()
    >>> [round(float(np.interp(100, band.mean, end))) for end in (band.low, band.high)]
    [97, 103]
    """
    enters, leaves = np.array(ENTERS), np.array(LEAVES)
    far = np.geomspace(enters[-1] + 1, LARGEST, 120)
    spread = np.sqrt(number_variance(far))
    # Half a count, because counts are whole; the sum over them falls short of the integral by 1/24 of its slope.
    half = 0.5 + Z * (spread - 1 / (24 * spread))
    # A count k is in the band for the means between ENTERS[k] and LEAVES[k], so these are corners of its two ends.
    above = far > leaves[-1] + 1
    mean = np.unique(np.concatenate([enters, leaves, far, np.geomspace(0.01, 20, 40)]))
    high = np.interp(
        mean, np.concatenate([enters, far]), np.concatenate([np.arange(enters.size), far + half])
    )
    below = np.concatenate([[0.0], leaves, far[above]])
    low = np.interp(mean, below, np.concatenate([[0.0], np.arange(leaves.size), (far - half)[above]]))
    return Band(mean, low, high, number_variance(mean))


def number_variance(mean: Array) -> Array:
    """Variance of the count in an interval of the bulk that expects `mean` eigenvalues, good to .02.

    Below a half, where the formula of the module fails, μ − μ² + π²μ³/18 from the repulsion of two neighbours.
    """
    small = mean * (1 - mean) + math.pi**2 / 18 * mean**3
    large = (
        2 / math.pi**2 * (np.log(2 * math.pi * np.maximum(mean, 0.5)) + np.euler_gamma + 1 - math.pi**2 / 8)
    )
    return np.asarray(np.where(mean < 0.5, small, large))


def _bent(x: Array, y: Array) -> Array:
    """`POINTS` of the points x, denser where y(x) bends: √|y″| is the density that makes a chord err least."""
    slope = np.diff(y) / np.diff(x)
    bend = np.sqrt(np.abs(np.diff(slope)))  # √(|y″|·dx), so that a sum over it times √dx is ∫√|y″|dx
    steps = np.concatenate([[0.0], bend * np.sqrt((x[2:] - x[:-2]) / 2), [0.0]])
    along = np.cumsum(steps)
    places = np.interp(np.linspace(0, along[-1], POINTS), along, x)
    places[0], places[-1] = x[0], x[-1]
    return np.asarray(places)
