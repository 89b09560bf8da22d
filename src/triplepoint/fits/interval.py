"""How sure α is, under a stated sampling model.

Closed form. For independent Pareto points with xmin known, (α−1)·Σ ln(x/xmin) follows a Gamma law of shape n−1.
Choosing xmin by the smallest D spreads α̂ further; dividing the shape by κ² restores the nominal coverage, with κ = 1.15
from 20 eigenvalues on and 1.05 below. Measured by `benchmarks/calibrate_interval.py`: 94.1–95.8 % for 20–1024 points
and 94.9–96.4 % below, against 89.3–92.0 % at κ = 1 from 20 on. The pivot does not depend on α itself. With a bulk below
the tail, where xmin has to be found, the coverage is 92–95 % from 64 eigenvalues on and 89–91 % at 20–32; with fewer
the tail is too short to be told from the bulk.

Bootstrap. The percentiles of α over refits to resampled eigenvalues; for the same Pareto points 200 refits cover
91.5–92.7 % at 64 points and 94.3–95.8 % at 256, the closed form 94.7–95.3 % (`benchmarks/calibrate_fit.py`).

Eigenvalues are not independent: they repel each other, so for a matrix drawn anew from one population α varies less
than the interval says. For W = ZΣ^½ of 256 x 128, Z Gaussian and Σ fixed at the quantiles of a power law of exponent 2
(3), α has a standard deviation of 0.047 (0.222) and the interval a half-width of 0.380 (1.094): it covered in all of
2000 draws. With Σ a sample of that law, the deviation is 0.230 (0.627) and the coverage 94.6 % (96.9 %). The interval
describes what the tail's points can tell, not how training runs differ.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy.special import gammainc, gammaincinv

from triplepoint.fits.power_law import SMALL_SAMPLE
from triplepoint.fits.refits import refit_all, resampled
from triplepoint.records import PowerLawFit

Array = np.ndarray[Any, np.dtype[np.float64]]

# Selection factor κ, from 20 eigenvalues on and below; see the module docstring.
WIDENING = 1.15
WIDENING_SMALL = 1.05
COVERAGE = 0.95
CLOSED = "closed:iid-pareto"
BOOTSTRAP = "bootstrap:iid-eigenvalues"


def closed_interval(
    alpha: float, count: int, *, small: bool = False, widening: float | None = None
) -> tuple[float, float]:
    """(α_low, α_high) of a tail of `count` points; `small` where the bias-corrected estimator was used.

    1 + κ²/S · Γ⁻¹(p; (n−1)/κ²) at both ends, with S = Σ ln(x/xmin), which is n/(α̂−1), or (n−1)/(α̂−1) where `small`.

    >>> low, high = closed_interval(3.0, 100)
    >>> round(low, 3), round(high, 3)
    (2.557, 3.453)
    """
    shape, unit = _gamma(alpha, count, small=small, widening=widening)
    low, high = (unit * float(gammaincinv(shape, p)) for p in (0.5 - COVERAGE / 2, 0.5 + COVERAGE / 2))
    return 1 + low, 1 + high


def _gamma(alpha: float, count: int, *, small: bool, widening: float | None = None) -> tuple[float, float]:
    """Shape and unit of the Gamma law of α − 1 that the interval stands for."""
    square = (widening or (WIDENING_SMALL if small else WIDENING)) ** 2
    return (count - 1) / square, (alpha - 1) * square / (count - 1 if small else count)


def share_below(fit: PowerLawFit, bound: float) -> float:
    """Share of the interval's distribution below `bound`: P(α < bound) in the stated sampling model."""
    if fit.draws:
        return float(np.searchsorted(np.asarray(fit.draws), bound)) / len(fit.draws)
    if bound <= 1:
        return 0.0
    shape, unit = _gamma(fit.alpha, fit.num_tail, small=fit.num_fitted < SMALL_SAMPLE)
    return float(gammainc(shape, (bound - 1) / unit))


def bootstrap_draws(ascending: Array, count: int, generator: np.random.Generator) -> tuple[float, ...]:
    """Sorted α of `count` refits to eigenvalues drawn with replacement, xmin chosen anew in each."""
    fits = refit_all(resampled(ascending, count, generator))
    return tuple(np.sort(fits.alpha[fits.found]).tolist())


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one matrix, a function of (seed, id) alone, so that filters and workers change nothing."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])
