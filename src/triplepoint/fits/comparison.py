"""The power law against other laws of the same tail: likelihood ratios (arXiv 0706.1062, section 5; Vuong 1989).

Vuong's test. With l_i the difference of the two log densities at point i, z = Σ l_i / (√n · sd l) is standard normal
where both laws are equally far from the truth; p = erfc(|z|/√2) is two-sided. Positive z favours the power law.

Nested test. The power law is the truncated one at Λ = 0, the edge of what is allowed, so R = 2·(ℓ_TPL − ℓ_PL) is zero
half of the time and χ² with one degree of freedom otherwise: p = ½·erfc(√(R/2)), and 1 at R = 0.

Both suppose that xmin was known; it was chosen for the power law, whose side the tests then take. On true power laws
(`benchmarks/calibrate_fit.py`; Pareto samples of 64, 256 and 1024) the nested p is ≤ 0.1 in 6.0, 7.2 and 8.7 % and
≤ 0.05 in 2.2, 3.0 and 2.9 %; with a bulk below the tail ≤ 0.1 in 9.0, 8.3 and 8.4 %. `goodness` has the p that knows of
the choice: 10.1, 9.4, 9.2 % and 12.1, 9.2, 9.6 %. For W = ZΣ^½, 256 x 128, with Σ a sample of a power law of exponent
2 (3) the nested p is ≤ 0.1 in 21 % (25 %), that of `goodness` in 14.5 % (17 %). Vuong's test at p ≤ 0.1 takes a true
power law for an exponential or a lognormal in at most 0.5 %, and exponential samples for a power law in 2.0 % at 64
points, in 0.3 % or less from 128 on. It never decides for the power law against the lognormal, of which it is a limit:
there z is at most 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import erfcx, log_ndtr

from triplepoint.fits._tail import log_ratios
from triplepoint.fits.truncated_ratio import truncated_ratios
from triplepoint.records import PowerLawFit, Reason, Spectrum, TailComparison, TailFits

Array = np.ndarray[Any, np.dtype[np.float64]]

# erfcx(t) grows like 2·exp(t²) for negative t; below this the plain form loses nothing.
SCALED_FROM = -5.0
# A lognormal is fitted to that many points.
MIN_POINTS = 3


def compare_tails(fit: PowerLawFit, tails: TailFits, spectrum: Spectrum) -> TailComparison | Reason:
    """Vuong's z and p against the exponential and the lognormal, and the nested ratio for the truncated power law.

    All at the power law's xmin, by the maximum of each likelihood; z, R and p do not change under W → cW. Cost O(n).
    """
    ascending = spectrum.eigenvalues[::-1]
    log = log_ratios(ascending[ascending >= fit.xmin])
    total = float(np.sum(log))
    if total <= 0:
        return Reason.degenerate_tail
    power = power_law_density(log)
    exponential = None
    if (law := tails.exponential) is not None and law.rate is not None:
        exponential = exponential_density(log, law.rate * fit.xmin)
    # The best lognormal has become the power law: the ratio is 0 at every point.
    lognormal: Array | None = power if log.size >= MIN_POINTS else None
    if (law := tails.lognormal) is not None and law.log_mean is not None and law.log_std is not None:
        lognormal = lognormal_density(log, law.log_mean - math.log(fit.xmin), law.log_std)
    ratio = float(truncated_ratios(log[None], np.zeros(1, dtype=np.int64))[0])
    return TailComparison(
        *vuong(power, exponential),
        *vuong(power, lognormal),
        truncated_ratio=None if math.isnan(ratio) else ratio,
        truncated_p=None if math.isnan(ratio) else nested_p(ratio),
    )


def power_law_density(log: Array) -> Array:
    """ln p(y) of the most likely power law, y = x/xmin ≥ 1 given as `log` = ln y."""
    decay = log.size / float(np.sum(log))
    return math.log(decay) - (decay + 1) * log


def exponential_density(log: Array, rate: float) -> Array:
    """ln p(y) of the exponential from 1 on, `rate` in units of 1/xmin."""
    return math.log(rate) - rate * np.expm1(log)


def lognormal_density(log: Array, mean: float, std: float) -> Array:
    """ln p(y) of the lognormal cut off below 1, ln y normal with `mean` and `std`.

    A power law is its limit for mean → −∞ at a fixed mean/std², where the plain form cancels: the scaled
    complementary error function keeps the digits.
    """
    t = -mean / (std * math.sqrt(2))
    if t > SCALED_FROM:
        normaliser = math.log(float(erfcx(t)) / 2)
        exponent = log * (mean - log / 2) / std**2
    else:
        normaliser = float(log_ndtr(mean / std))
        exponent = -0.5 * np.square((log - mean) / std)
    return np.asarray(exponent - log - math.log(std * math.sqrt(2 * math.pi)) - normaliser)


def vuong(power: Array, other: Array | None) -> tuple[float | None, float | None]:
    """z and two-sided p of two sequences of log densities; 0 and 1 where they do not differ, None where one is missing.

    >>> vuong(np.array([0.0, 0.0, 0.0, 0.0]), np.array([-1.0, 1.0, -1.0, 1.0]))
    (0.0, 1.0)
    """
    if other is None:
        return None, None
    ratios = power - other
    spread = float(np.std(ratios))
    if not spread > 1e-12 * max(1.0, float(np.max(np.abs(power)))):
        return 0.0, 1.0
    z = float(np.sum(ratios)) / (math.sqrt(ratios.size) * spread)
    return z, math.erfc(abs(z) / math.sqrt(2))


def nested_p(ratio: float) -> float:
    """P of 2·(ℓ_TPL − ℓ_PL) ≥ `ratio` where Λ = 0 is true and xmin known; half of the samples have ratio 0.

    >>> round(nested_p(2.706), 3)
    0.05
    """
    return 1.0 if ratio <= 0 else 0.5 * math.erfc(math.sqrt(ratio / 2))
