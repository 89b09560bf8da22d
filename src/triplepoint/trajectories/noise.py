"""What the noise along a run may be: uncorrelated, correlated over any time, a random walk, or a sum of two of these.

A series is x + e: x an Ornstein–Uhlenbeck process of correlation time τ (τ → ∞ is a random walk; unequal gaps Δ are
allowed for by exp(−Δ/τ)), e uncorrelated errors. The covariance is Markovian, so a Kalman filter turns any column into
uncorrelated ones in O(n); the whole grid of (τ, e) is filtered at once. No member of the grid is chosen: what is
concluded is averaged over all, each weighted by its likelihood, because a short series does not tell how it is
correlated, and a number that pretends it does is too sure of itself.

Sources: Uhlenbeck and Ornstein 1930, Phys. Rev. 36; Harvey 1989, Forecasting, structural time series models and the
Kalman filter; Patterson and Thompson 1971, Biometrika 58 (restricted likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

LONGEST = 4.0
"""Longest finite correlation time, in lengths of the series."""
ERRORS = (0.3, 3.0, 30.0, 300.0, 3000.0, 30000.0)
"""Variance of e, in units of the mean square change of x over the typical gap."""
WHITE, CORRELATED, WALK, BOTH, WALK_AND_ERRORS = 2.0, 1.0, 8.0, 0.2, 1.0
"""Weights before the data, of the family as a whole, tuned so that no test on AR(1) noise of any φ, a random walk
included, exceeds its level by more than is stated there; benchmarks/calibrate_trajectories.py measures it."""

SHORTER = 0.3
"""Within a family a correlation time weighs τ^−0.3."""


@dataclass(frozen=True, slots=True, eq=False)
class Noises:
    """A grid of G noise models."""

    rate: Array
    """(G,) typical gap over τ; 0 is a random walk."""
    spread: Array
    """(G,) stationary variance of x, whose mean square change over the typical gap is 1; 0 for a random walk."""
    error: Array
    """(G,) variance of e."""
    weight: Array
    """(G,) weight before the data, sum 1."""
    gap: float
    """The typical (median) gap, in units of the axis."""

    @property
    def walk(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(G,) which of them are random walks."""
        return np.asarray(self.rate == 0.0)

    def one(self, index: int) -> Noises:
        """A grid of this model alone."""
        part = slice(index, index + 1)
        return Noises(self.rate[part], self.spread[part], self.error[part], np.ones(1), self.gap)


def grid(times: Array) -> Noises:
    """White noise, then every τ with every size of e that is not lost beside it: about 6·log2 n models.

    `times` (n,) ascending.
    """
    gaps = np.diff(times)
    gap = float(np.median(gaps))
    shortest = max(float(gaps.min()), gap / 1024) / 2
    longest = LONGEST * float(times[-1] - times[0])
    count = int(np.ceil(np.log2(longest / shortest))) + 1
    rates = gap / np.geomspace(shortest, longest, count)
    spreads = -0.5 / np.expm1(-rates)
    members = [(1.0, 0.0, 1.0, WHITE), (0.0, 0.0, 0.0, WALK)]
    share = CORRELATED * rates**SHORTER / np.sum(rates**SHORTER)
    members += [(r, s, 0.0, w) for r, s, w in zip(rates, spreads, share, strict=True)]
    both = [(r, s, e) for r, s in zip(rates, spreads, strict=True) for e in ERRORS if e <= 10.0 * s]
    members += [(*one, BOTH / len(both)) for one in both]
    walks = [e for e in ERRORS if e <= max(3.0, len(times) ** 2 / 10)]
    members += [(0.0, 0.0, e, WALK_AND_ERRORS / len(walks)) for e in walks]
    rate, spread, error, weight = np.array(members, np.float64).T
    return Noises(rate, spread, error, weight / weight.sum(), gap)


def whitened(noises: Noises, times: Array, shares: Array, columns: Array) -> tuple[Array, Array]:
    """Columns that are uncorrelated with variance 1 under each model, and the log determinant of each covariance.

    `shares` (n,) is the variance of e relative to others, `columns` (n, C); returns (n, G, C) and (G,). A random walk
    needs a column of ones among the regressors: where it starts is then of no account. Cost n·G·C.
    """
    keep, fresh = moves(noises, times)
    variance = np.where(noises.walk, 1.0, noises.spread)
    n, count = columns.shape
    expected = np.zeros((len(variance), count))
    result = np.empty((n, len(variance), count))
    total = np.zeros(len(variance))
    for i in range(n):
        around = variance + noises.error * shares[i]
        surprise = columns[i] - expected
        result[i] = surprise / np.sqrt(around)[:, None]
        total += np.log(around)
        if i + 1 < n:
            gain = variance / around
            expected = keep[i][:, None] * (expected + gain[:, None] * surprise)
            variance = keep[i] ** 2 * variance * (1.0 - gain) + fresh[i]
    return result, total


def variance_of(noises: Noises, times: Array, shares: Array, weights: Array) -> tuple[Array, Array]:
    """Variance of Σ w_i y_i under each model, of x and of e: (G,) each. `weights` (n,) must sum to 0."""
    keep, fresh = moves(noises, times)
    carried = np.zeros(len(noises.rate))
    pairs = np.zeros(len(noises.rate))
    for i in range(len(times) - 1):
        pairs += weights[i] * carried
        carried = keep[i] * (carried + weights[i])
    pairs += weights[-1] * carried
    moving = noises.spread * (float(weights @ weights) + 2.0 * pairs)
    after = np.cumsum(weights[::-1])[::-1][1:]
    moving = np.where(noises.walk, after**2 @ fresh, moving)
    return moving, noises.error * float(weights**2 @ shares)


def moves(noises: Noises, times: Array) -> tuple[Array, Array]:
    """What stays of x from point to point, and the variance that is added: (n − 1, G) each."""
    gaps = np.diff(times)[:, None] / noises.gap
    keep = np.exp(-gaps * noises.rate)
    fresh = np.where(noises.walk, gaps, -noises.spread * np.expm1(-2.0 * gaps * noises.rate))
    return keep, fresh
