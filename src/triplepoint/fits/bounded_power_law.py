"""The power law between bounds, p(x) ∝ x^(−α) for xmin ≤ x ≤ xmax, any real α, with xmax the largest point.

With u = ln(x/xmin) and U = ln(xmax/xmin) the density of u is ∝ e^(−θu) on [0, U], θ = α − 1, and the likelihood is
largest where mean(u)/U = 1/t − 1/(eᵗ − 1), t = θ·U: one root of a falling function (Hanel et al. 2017,
arXiv 1609.00889). The mean lies strictly inside (0, U), so the root always exists.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq

from triplepoint.fits._tail import left_distance, log_ratios
from triplepoint.records import Reason, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]

# Smaller rates are none: even over the whole range they change the density by less than rounding does.
TINY = 1e-12


def fit_bounded(ascending: Array, start: int) -> TailFit | Reason:
    """The law on the points from index `start` on.

    >>> round(fit_bounded(np.exp(np.linspace(0, 2, 9)), 0).alpha, 9)  # even in ln x: density 1/x
    1.0
    """
    tail = ascending[start:]
    u = log_ratios(tail)
    n, whole = u.size, float(u[-1])
    if n < 2 or whole <= 0:
        return Reason.degenerate_tail
    share = float(np.mean(u)) / whole
    # 1/t bounds the mean's share from above for t > 0, and 1 − 1/|t| from below for t < 0.
    t = float(brentq(lambda t: _share(t) - share, -2 / (1 - share), 2 / share, xtol=1e-14))
    theta = t / whole
    # ln of ∫ e^(−θu) du over [0, U]; of the two ends the density is larger at the lower one for t > 0.
    log_norm = math.log(whole) + max(0.0, -t) + math.log(_mass(abs(t)))
    return TailFit(
        xmin=float(tail[0]),
        num_tail=n,
        alpha=1 + theta,
        ks_distance=left_distance(_distribution(t, u / whole)),
        log_likelihood=-n * (math.log(tail[0]) + float(np.mean(u)) * (1 + theta) + log_norm),
    )


def _mass(t: float) -> float:
    """∫ e^(−tx) dx over [0, 1], t ≥ 0."""
    return -math.expm1(-t) / t if t > TINY else 1.0


def _distribution(t: float, x: Array) -> Array:
    """F of an exponential law of rate t on [0, 1]; no exponent is positive, so that none overflows."""
    if abs(t) <= TINY:
        return x
    if t > 0:
        return np.asarray(np.expm1(-t * x) / math.expm1(-t))
    return np.asarray(np.exp(t * (1 - x)) * np.expm1(t * x) / math.expm1(t))


def _share(t: float) -> float:
    """Mean of an exponential law of rate t on [0, 1]."""
    if abs(t) < 1e-2:
        # The two terms cancel near 0.
        return 0.5 - t / 12 + t**3 / 720
    if t > 700:
        return 1 / t
    return 1 / t - 1 / math.expm1(t)
