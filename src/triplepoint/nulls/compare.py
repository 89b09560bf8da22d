"""One spectrum against matrices of the same shape that have learned nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import gammaincc, ndtri

from triplepoint.nulls import marchenko_pastur, table
from triplepoint.nulls.slices import alive
from triplepoint.records import AlphaNull, BulkNull, EntryStatistics, Reason

Array = np.ndarray[Any, np.dtype[np.float64]]

# The simulation reaches down to p = 0.002. Below, the tail is continued as an exponential; 200,000 draws at M = 32
# agree with that down to 5e-5 (given: 6e-5). What lies deeper is extrapolated; below this floor nothing is claimed.
P_FLOOR = 1e-9
MAX_Z = 10.0


def bulk_null(
    singular_values: Array, entries: Sequence[EntryStatistics], shape: tuple[int, int], scale: float
) -> BulkNull | Reason:
    """Distance of the whole spectrum from Marchenko–Pastur, with its simulated p-value.

    n·D is compared with its distribution over Gaussian matrices of the same shape, because eigenvalues repel each
    other: for a Gaussian 784 x 200 matrix the textbook Kolmogorov–Smirnov p-value is 1.000 in every draw. σ is the
    standard deviation of the entries, not a fit. Slices of a convolution are tested one by one and combined by
    Fisher's method, since pooled slices of unequal variance imitate a heavy tail; constant ones (pruned away, say) have
    no noise level and are left out. Cost O(slices · M).

    `singular_values` is (slices, M) descending, `shape` (N, M) of one slice, `scale` the λ normalisation of the row.
    """
    if shape[1] < table.MIN_SIDE:
        return Reason.outside_null_table
    varied = [(s, e) for s, e in zip(singular_values, entries, strict=True) if alive(e)]
    if not varied:
        return Reason.undefined
    distances = [marchenko_pastur.ks_distance(np.square(s[::-1]), shape, e.std) for s, e in varied]
    p_values = [p_value(shape[1] * distance, shape) for distance in distances]
    sigma = math.sqrt(math.fsum(e.std**2 for _, e in varied) / len(varied))
    return BulkNull(
        ks_distance=max(distances),
        p_value=fisher(p_values),
        edge=scale * marchenko_pastur.edges(shape, sigma)[1],
    )


def p_value(statistic: float, shape: tuple[int, int]) -> float:
    """P(n·D ≥ statistic) for a Gaussian matrix of `shape` (N, M)."""
    return tail_p(statistic, table.quantiles("statistic", shape))


def tail_p(statistic: float, grid: Array) -> float:
    """P(value ≥ statistic), given the quantiles of the value at `table.STATISTIC_LEVELS`; at least P_FLOOR."""
    log_p = np.log1p(-np.asarray(table.STATISTIC_LEVELS))
    if statistic > grid[-1]:
        slope = (log_p[-1] - log_p[-3]) / (grid[-1] - grid[-3])
        return max(P_FLOOR, math.exp(log_p[-1] + slope * (statistic - grid[-1])))
    return math.exp(np.interp(statistic, np.append(0.0, grid), np.append(0.0, log_p)))


def fisher(p_values: Sequence[float]) -> float:
    """Combined p of independent tests: −2Σ ln p is χ² with 2k degrees of freedom (Fisher 1925)."""
    if len(p_values) == 1:
        return p_values[0]
    total = -math.fsum(math.log(p) for p in p_values)
    return max(P_FLOOR, float(gammaincc(len(p_values), total)))


def alpha_null(alpha: float, shape: tuple[int, int]) -> AlphaNull | Reason:
    """Where α lies among the exponents of Gaussian matrices of `shape` (N, M), as a normal score.

    The tables end at |z| = 2.58; beyond, log α is continued linearly, up to |z| = 10.
    """
    grid = table.quantiles("log_alpha", shape)
    if not np.all(np.isfinite(grid)):
        return Reason.outside_null_table
    scores = ndtri(np.asarray(table.ALPHA_LEVELS))
    value = math.log(alpha)
    if value < grid[0]:
        z = scores[0] + (value - grid[0]) * (scores[2] - scores[0]) / (grid[2] - grid[0])
    elif value > grid[-1]:
        z = scores[-1] + (value - grid[-1]) * (scores[-1] - scores[-3]) / (grid[-1] - grid[-3])
    else:
        z = np.interp(value, grid, scores)
    return AlphaNull(float(np.clip(z, -MAX_Z, MAX_Z)))
