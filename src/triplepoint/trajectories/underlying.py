"""The level that single values scatter about, and the chance that it lies above a threshold at each step.

The local level model, y = f + e with f a random walk over the steps: its smoother gives mean and variance of f at every
point, given all points before and after. How far f moves from point to point is not known: the answer is averaged over
21 sizes, each weighted by its likelihood. The errors are taken as they are, and what is beyond them is f.

Source: Harvey 1989, Forecasting, structural time series models and the Kalman filter, sections 2.3 and 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

Array = np.ndarray[Any, np.dtype[np.float64]]

MOVES = np.geomspace(1e-6, 1e4, 21)
"""Mean square move of f over the typical gap, in units of the variance of e."""


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """n points above (or below) a threshold."""

    steps: Array
    """(n,) ascending."""
    values: Array
    """(n,) at least 0 where the threshold is reached."""
    errors: Array
    """(n,) standard errors."""

    def part(self, first: int, end: int) -> Heights:
        """Points first … end − 1."""
        return Heights(self.steps[first:end], self.values[first:end], self.errors[first:end])

    def blocks(self, size: int) -> Heights:
        """Means of `size` points in a row."""
        starts = np.arange(0, len(self.steps), size)
        counts = np.diff(starts, append=len(self.steps))

        def mean(values: Array) -> Array:
            return np.asarray(np.add.reduceat(values, starts) / counts)

        return Heights(mean(self.steps), mean(self.values), np.sqrt(mean(self.errors**2) / counts))


def chance_above(heights: Heights) -> Array:
    """(n,) probability that f ≥ 0 at each point, given all of them."""
    errors = np.square(heights.errors)
    if not errors.any():
        return (heights.values >= 0).astype(np.float64)
    errors = np.maximum(errors, 1e-12 * float(np.max(errors)))
    gaps = np.diff(heights.steps)
    gaps = gaps / np.median(gaps) if len(gaps) else gaps
    mean, variance, squares, volume = _smoothed(heights.values, errors, gaps, MOVES * float(np.mean(errors)))
    shares = np.exp(-0.5 * (volume + squares - np.min(volume + squares)))
    return np.asarray(special.ndtr(mean / np.sqrt(variance)) @ (shares / shares.sum()))


def _smoothed(values: Array, errors: Array, gaps: Array, moves: Array) -> tuple[Array, Array, Array, Array]:
    """Mean and variance (n, G) of f; squares of the surprises and log determinant (G,)."""
    n, count = len(values), len(moves)
    mean, variance = np.empty((n, count)), np.empty((n, count))
    ahead, unsure = np.empty((n, count)), np.empty((n, count))
    squares, volume = np.zeros(count), np.zeros(count)
    mean[0], variance[0] = values[0], errors[0]
    for i in range(1, n):
        ahead[i], unsure[i] = mean[i - 1], variance[i - 1] + moves * gaps[i - 1]
        around = unsure[i] + errors[i]
        surprise, gain = values[i] - ahead[i], unsure[i] / around
        mean[i] = ahead[i] + gain * surprise
        variance[i] = unsure[i] * (1.0 - gain)
        squares += surprise**2 / around
        volume += np.log(around)
    for i in range(n - 2, -1, -1):
        back = variance[i] / unsure[i + 1]
        mean[i] += back * (mean[i + 1] - ahead[i + 1])
        variance[i] += back**2 * (variance[i + 1] - unsure[i + 1])
    return mean, variance, squares, volume
