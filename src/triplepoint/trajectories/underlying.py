"""What lies under the errors of a trajectory: where the level is that single values scatter about.

The local level model, y = f + e with f a random walk over the steps (Harvey 1989): its smoother gives the mean and the
variance of f at every point, averaged over how far f moves, each weighted by its likelihood. Errors that are known
(`sem`, or a quarter of high − low) are taken as they are; where they are not, e has one variance, which is estimated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from triplepoint.records import Trajectory

Array = np.ndarray[Any, np.dtype[np.float64]]

RATIOS = np.geomspace(1e-6, 1e4, 21)
"""Mean square move of f over the typical gap, in units of the variance of e."""


def known_errors(trajectory: Trajectory) -> Array | None:
    """(n,) standard errors where all are known and any is above 0."""
    if trajectory.sem is not None:
        sem = trajectory.sem
    elif trajectory.low is not None and trajectory.high is not None:
        sem = (trajectory.high - trajectory.low) / 3.92
    else:
        return None
    return (
        sem if len(sem) and bool(np.all(np.isfinite(sem))) and bool(np.all(sem >= 0)) and sem.any() else None
    )


def probability_above(trajectory: Trajectory, sign: float, level: float) -> Array:
    """(n,) that sign·(f − level) ≥ 0, at each point given all of them."""
    height = sign * (trajectory.values - level)
    sem = known_errors(trajectory)
    n = len(height)
    if n < 3 and sem is None:
        return (height >= 0).astype(np.float64)
    scale = float(np.std(np.diff(height))) if n > 2 else 0.0
    if sem is None:
        if scale == 0:
            return (height >= 0).astype(np.float64)
        errors = np.full(n, 1.0)
        unit = 1.0
    else:
        errors = np.maximum(sem**2, 1e-12 * float(np.max(sem)) ** 2)
        unit = float(np.mean(errors))
    gaps = np.diff(trajectory.steps).astype(np.float64)
    gaps = gaps / np.median(gaps) if n > 1 else gaps
    mean, variance, likelihood, free = _smoothed(height, errors, gaps, RATIOS * unit, sem is not None)
    shares = np.exp(likelihood - likelihood.max())
    shares /= shares.sum()
    z = mean / np.sqrt(variance)
    chance = special.ndtr(z) if sem is not None else special.stdtr(free, z)
    return np.asarray(chance @ shares)


def _smoothed(
    values: Array, errors: Array, gaps: Array, moves: Array, absolute: bool
) -> tuple[Array, Array, Array, int]:
    """Mean and variance (n, G) of f, log likelihood (G,), degrees of freedom."""
    n, count = len(values), len(moves)
    mean, variance = np.zeros((n, count)), np.zeros((n, count))
    ahead, ahead_variance = np.zeros((n, count)), np.zeros((n, count))
    squares, volume = np.zeros(count), np.zeros(count)
    mean[0], variance[0] = values[0], errors[0]
    for i in range(1, n):
        ahead[i], ahead_variance[i] = mean[i - 1], variance[i - 1] + moves * gaps[i - 1]
        around = ahead_variance[i] + errors[i]
        surprise = values[i] - ahead[i]
        gain = ahead_variance[i] / around
        mean[i] = ahead[i] + gain * surprise
        variance[i] = ahead_variance[i] * (1.0 - gain)
        squares += surprise**2 / around
        volume += np.log(around)
    for i in range(n - 2, -1, -1):
        back = variance[i] / ahead_variance[i + 1]
        mean[i] += back * (mean[i + 1] - ahead[i + 1])
        variance[i] += back**2 * (variance[i + 1] - ahead_variance[i + 1])
    free = max(n - 1, 1)
    if absolute:
        return mean, variance, -0.5 * (volume + squares), free
    return mean, variance * squares / free, -0.5 * (volume + free * np.log(squares)), free
