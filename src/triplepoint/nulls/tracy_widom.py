"""The largest eigenvalue of a matrix without signal (Tracy and Widom 1996; Johnstone 2001).

F₁(s) = det(I − T) on L²(s, ∞) with the kernel ½·Ai((x+y)/2) (Ferrari and Spohn 2005), evaluated by Gauss–Legendre
quadrature (Bornemann 2010, arXiv 0904.1581): 48 nodes leave errors below 1e-12. For W of shape (N, M) with
independent entries of variance σ², (λmax/σ² − centre)/scale follows F₁ with
centre = (√(N−½) + √(M−½))², scale = √centre · (1/√(N−½) + 1/√(M−½))^⅓, to second order (Ma 2012, arXiv 0810.1329).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import airy

from triplepoint.nulls import bulk_table

NODES = 48
# The kernel at s + 20 is below 1e-24 for s ≥ −10; beyond the ends F₁ is 0 or 1 to double precision.
REACH = 20.0
LOW, HIGH = -10.0, 14.0
# 1 − F₁ is a difference of numbers near 1.
MIN_LEVEL = 1e-12
GAUSSIAN = 3.0

_X, _W = np.polynomial.legendre.leggauss(NODES)


def cdf(s: float) -> float:
    """F₁(s), absolute error below 1e-12. Cost 2 ms.

    >>> round(cdf(0.9793), 5)
    0.95
    """
    if s <= LOW:
        return 0.0
    if s >= HIGH:
        return 1.0
    x = s + REACH * (_X + 1) / 2
    root = np.sqrt(_W * REACH / 2)
    kernel = 0.5 * airy((x[:, None] + x) / 2)[0]
    return float(np.clip(np.linalg.det(np.eye(NODES) - root[:, None] * kernel * root), 0.0, 1.0))


@lru_cache(maxsize=1024)
def quantile(p: float) -> float:
    """s with F₁(s) = p, for p between 1e-12 and 1 − 1e-12; remembered.

    >>> [round(quantile(p), 4) for p in (0.95, 0.99, 0.999)]
    [0.9793, 2.0234, 3.2722]
    """
    p = min(max(p, MIN_LEVEL), 1 - MIN_LEVEL)
    return float(brentq(lambda s: cdf(s) - p, LOW, HIGH, xtol=1e-10))


def largest_eigenvalue_law(shape: tuple[int, int]) -> tuple[float, float]:
    """(centre, scale) of λmax of WᵀW for standard Gaussian W of `shape` (N, M): (λmax − centre)/scale follows F₁."""
    n, m = (math.sqrt(side - 0.5) for side in shape)
    return (n + m) ** 2, (n + m) * (1 / n + 1 / m) ** (1 / 3)


def threshold(
    shape: tuple[int, int], sigma: float, level: float, *, fitted: bool = False, kurtosis: float = GAUSSIAN
) -> float:
    """λ of WᵀW that the largest eigenvalue of noise of shape (N, M) exceeds with probability `level`.

    `sigma` is an estimate, from the entries of the same matrix (Frobenius norm) or, `fitted`, from its bulk
    (`bulk_fit`). λmax/σ̂² spreads less than λmax/σ², because a matrix with a large λmax has a large norm too; without
    care the size at nominal 1 % is 0.02 % at 8 x 8 and 0.5 % at 32 x 32.

    Entries of smaller `kurtosis` than Gaussian ones, uniform initialisation for one, have their edge lower; see
    `light_shift`. Microseconds once a shape is known.

    >>> threshold((400, 100), 1.0, 0.01) > threshold((400, 100), 1.0, 0.05) > 900
    True
    """
    scale = largest_eigenvalue_law(shape)[1]
    return sigma**2 * (_unit_threshold(shape, level, fitted=fitted) + scale * light_shift(shape, kurtosis))


@lru_cache(maxsize=4096)
def _unit_threshold(shape: tuple[int, int], level: float, *, fitted: bool) -> float:
    level = min(max(level, MIN_LEVEL), 0.5)
    centre, scale = largest_eigenvalue_law(shape)
    place = quantile(1 - level) + closed_shift(shape, level) + bulk_table.shift(shape, level, fitted=fitted)
    return centre + scale * place


def light_shift(shape: tuple[int, int], kurtosis: float) -> float:
    """Shift of the law by a kurtosis κ below 3, Tracy–Widom units.

    A fourth cumulant κ₄ = κ − 3 enters the self-consistent equations of WᵀW at order 1/N and moves its edge by the
    factor 1 + κ₄/√(NM). The factor 1 − 4/M fits it to small matrices. A kurtosis above 3 is left alone: a few huge
    entries raise it, and they are what is looked for.
    """
    if not kurtosis < GAUSSIAN:  # NaN too
        return 0.0
    centre, scale = largest_eigenvalue_law(shape)
    root = math.sqrt(shape[0] * shape[1])
    return (max(kurtosis, 1.0) - GAUSSIAN) / root * centre / scale * max(1 - 4 / shape[1], 0.0)


def noise_kurtosis(kurtosis: float, signal: float) -> float:
    """Largest kurtosis up to 3 that the noise can have where a share `signal` of the variance is spikes.

    Fourth cumulants of independent parts add, κ₄ = (1 − s)²·κ₄(noise) + s²·κ₄(signal), and no entries have κ₄ below −2.
    A signal of two values would pass for light noise otherwise: beside 8·uvᵀ with u, v = ±1 noise of 64 x 64 had a
    second spike in 2.1 % at nominal 1 %. From half of the variance on nothing is known of the noise.

    >>> noise_kurtosis(1.8, 0.0), round(noise_kurtosis(1.8, 0.3), 2), noise_kurtosis(1.8, 0.5)
    (1.8, 0.92, 3.0)
    """
    if not kurtosis < GAUSSIAN or signal >= 0.5:
        return GAUSSIAN
    return min(GAUSSIAN + (kurtosis - GAUSSIAN + 2 * signal**2) / (1 - signal) ** 2, GAUSSIAN)


def closed_shift(shape: tuple[int, int], level: float) -> float:
    """Shift of the quantile by estimating σ from the entries, to first order, Tracy–Widom units.

    λmax/σ² = (λmax/σ̂²)·(σ̂²/σ²) with independent factors, the second of variance 2/(NM). Taking that variance out of a
    law of local decay κ = −d ln f/ds moves the quantile by −κ/(NM)·(centre/scale)² (after Nadler 2011,
    arXiv 1011.5404).
    """
    centre, scale = largest_eigenvalue_law(shape)
    return -decay(level) / (shape[0] * shape[1]) * (centre / scale) ** 2


@lru_cache(maxsize=1024)
def decay(level: float) -> float:
    """κ = −d ln f₁/ds at the quantile 1 − `level`, by central differences."""
    s, h = quantile(1 - level), 0.05
    low, middle, high = cdf(s - h), cdf(s), cdf(s + h)
    return -(high - 2 * middle + low) / h**2 / ((high - low) / (2 * h))
