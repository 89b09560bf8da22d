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

from triplepoint.records import Reason, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]


def fit_bounded(ascending: Array, start: int) -> TailFit | Reason:
    """The law on the points from index `start` on.

    >>> round(fit_bounded(np.exp(np.linspace(0, 2, 9)), 0).alpha, 9)  # even in ln x: density 1/x
    1.0
    """
    tail = ascending[start:]
    u = np.log1p((tail - tail[0]) / tail[0])
    n, whole = u.size, float(u[-1])
    if n < 2 or whole <= 0:
        return Reason.degenerate_tail
    share = float(np.mean(u)) / whole
    # 1/t bounds the mean's share from above for t > 0, and 1 − 1/|t| from below for t < 0.
    t = float(brentq(lambda t: _share(t) - share, -2 / (1 - share), 2 / share, xtol=1e-14))
    theta = t / whole
    uniform = abs(t) < 1e-12
    fitted = u / whole if uniform else np.expm1(-theta * u) / math.expm1(-t)
    # ln of ∫ e^(−θu) du over [0, U].
    log_norm = math.log(whole) if uniform else math.log(-math.expm1(-t) / theta)
    return TailFit(
        law="bounded_power_law",
        alpha=1 + theta,
        rate=None,
        log_mean=None,
        log_std=None,
        xmin=float(tail[0]),
        ks_distance=float(np.max(np.abs(fitted - np.arange(n) / n))),
        num_tail=n,
        log_likelihood=-n * (math.log(tail[0]) + float(np.mean(u)) * (1 + theta) + log_norm),
    )


def _share(t: float) -> float:
    """Mean of an exponential law of rate t on [0, 1]."""
    if abs(t) < 1e-2:
        # The two terms cancel near 0.
        return 0.5 - t / 12 + t**3 / 720
    if t > 700:
        return 1 / t
    return 1 / t - 1 / math.expm1(t)
