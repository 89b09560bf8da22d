"""The lognormal law cut off below xmin: ln x is normal with mean μ and deviation s, given x ≥ xmin.

With u = ln(x/xmin), h = (ln xmin − μ)/s and y = (ln x − μ)/s ≥ h, the two likelihood equations have one unknown (Cohen
1959, Technometrics 1): R(h) = ⟨(y−h)²⟩/⟨y−h⟩² = mean(u²)/mean(u)², and then s = mean(u)/⟨y−h⟩, μ = ln xmin − s·h. R
rises from 1 at h → −∞ to 2 at h → ∞, where μ → −∞ and the law has become the power law. So a tail with
mean(u²) ≥ 2·mean(u)² has no lognormal that is better than its power law; nor, by more than 8e-8 a point, has one whose
h would be above 50. Both are `undefined`.

For h > 0, ⟨y−h⟩ = 1/(h + k) and ⟨(y−h)²⟩ = k/(h + k) with the continued fraction k = 2/(h + 3/(h + 4/(h + …))) of
Mills' ratio, so that nothing cancels however far out xmin lies.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import erfcx, log_ndtr

from triplepoint.fits._tail import left_distance, log_ratios
from triplepoint.records import Reason, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]

MIN_POINTS = 3
LARGEST_H = 50.0
# From here on the continued fraction converges to rounding in 200 terms; below, nothing cancels yet.
FRACTION_FROM = 2.0
TERMS = 200


def fit_lognormal(ascending: Array, start: int) -> TailFit | Reason:
    """The law on the points from index `start` on; `undefined` where the power law is its limit.

    >>> fit = fit_lognormal(np.exp(np.linspace(1, 2, 101)), 0)
    >>> round(fit.log_mean, 3), round(fit.log_std, 3)
    (1.424, 0.351)
    """
    tail = ascending[start:]
    u = log_ratios(tail)
    if u.size < MIN_POINTS or u[-1] <= 0:
        return Reason.degenerate_tail
    mean, spread = float(np.mean(u)), float(np.var(u))
    ratio = 1 + spread / mean**2
    if ratio >= _ratio(LARGEST_H):
        return Reason.undefined
    # R(h) < 1 + 1/h² for h < 0.
    h = float(brentq(lambda h: _ratio(h) - ratio, -mean / math.sqrt(spread) - 1, LARGEST_H, xtol=1e-13))
    s = mean / _mean(h)
    y = h + u / s
    log_survival = float(log_ndtr(-h))
    fitted = -np.expm1(log_ndtr(-y) - log_survival)
    log_density = -np.log(tail) - math.log(s * math.sqrt(2 * math.pi)) - y**2 / 2 - log_survival
    return TailFit(
        xmin=float(tail[0]),
        num_tail=u.size,
        log_mean=math.log(tail[0]) - s * h,
        log_std=s,
        ks_distance=left_distance(fitted),
        log_likelihood=float(np.sum(log_density)),
    )


def _fraction(h: float) -> float:
    """k = 2/(h + 3/(h + …))."""
    value = h
    for term in range(TERMS, 2, -1):
        value = h + term / value
    return 2 / value


def _mean(h: float) -> float:
    """⟨y − h⟩ of the standard normal law above h."""
    if h > FRACTION_FROM:
        return 1 / (h + _fraction(h))
    if h < -30:
        return -h
    return math.sqrt(2 / math.pi) / float(erfcx(h / math.sqrt(2))) - h


def _ratio(h: float) -> float:
    """⟨(y − h)²⟩/⟨y − h⟩²."""
    if h > FRACTION_FROM:
        k = _fraction(h)
        return k * (h + k)
    mean = _mean(h)
    return (1 - h * mean) / mean**2
