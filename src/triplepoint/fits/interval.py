"""How sure α is, under a stated sampling model.

Closed form. For independent Pareto points with xmin known, (α−1)/(α̂−1)·n follows a Gamma law of shape n−1. Choosing
xmin by the smallest D spreads α̂ further; dividing the shape by κ² with κ = 1.15 restores the nominal coverage. The
factor was calibrated by `benchmarks/calibrate_interval.py`, where the 95 % interval covers the true exponent as
often as its table says; WeightWatcher's ±1.96 sigma covers 88 %. The pivot does not depend on α itself.

Eigenvalues are not independent: they repel each other, so for a matrix drawn anew from one population α varies less
than the interval says. The interval describes what the tail's points can tell, not how training runs differ.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy.special import gammainc, gammaincinv

from triplepoint.fits.power_law import Tail, best_tail
from triplepoint.records import PowerLawFit

Array = np.ndarray[Any, np.dtype[np.float64]]

# Selection factor κ; see the module docstring.
WIDENING = 1.15
COVERAGE = 0.95
CLOSED = "closed:iid-pareto"
BOOTSTRAP = "bootstrap:iid-eigenvalues"


def closed_interval(
    alpha: float, count: int, coverage: float = COVERAGE, widening: float = WIDENING
) -> tuple[float, float]:
    """(α_low, α_high) of a tail of `count` points; 1 + (α̂−1)·κ²/n · Γ⁻¹(p; (n−1)/κ²) at both ends.

    >>> low, high = closed_interval(3.0, 100)
    >>> round(low, 3), round(high, 3)
    (2.557, 3.453)
    """
    shape = (count - 1) / widening**2
    tails = (0.5 - coverage / 2, 0.5 + coverage / 2)
    low, high = ((alpha - 1) * widening**2 / count * float(gammaincinv(shape, p)) for p in tails)
    return 1 + low, 1 + high


def share_below(fit: PowerLawFit, bound: float) -> float:
    """Share of the interval's distribution below `bound`: P(α < bound) in the stated sampling model."""
    if fit.draws:
        return float(np.searchsorted(np.asarray(fit.draws), bound)) / len(fit.draws)
    if bound <= 1:
        return 0.0
    shape = (fit.num_tail - 1) / WIDENING**2
    return float(gammainc(shape, (bound - 1) / (fit.alpha - 1) * fit.num_tail / WIDENING**2))


def bootstrap_draws(ascending: Array, count: int, generator: np.random.Generator) -> tuple[float, ...]:
    """Sorted α of `count` refits to eigenvalues drawn with replacement, xmin chosen anew in each."""
    draws = []
    for _ in range(count):
        sample = np.sort(generator.choice(ascending, ascending.size))
        tail = best_tail(sample)
        if isinstance(tail, Tail):
            draws.append(tail.alpha)
    return tuple(sorted(draws))


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one matrix, a function of (seed, id) alone, so that filters and workers change nothing."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])
