"""The best division of a series into segments of one level each, under every noise model at once.

Optimal partitioning (Jackson et al. 2005; Killick et al. 2012 prune it), exact for the cost of a model: the filter runs
from every possible start at the same time, so a division of n points costs O(n²·G) and no more memory than O(n·G).
The cost of a segment is −2 log restricted likelihood with its level unknown: at a change the noise starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.trajectories.noise import Noises, moves
from triplepoint.trajectories.points import Points

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(slots=True, eq=False)
class Runs:
    """Filters that began at S starts, under G models, and have read up to the same point."""

    variance: Array
    """(S, G) of the next x."""
    expected: Array
    """(S, G, 2) of the series and of the level."""
    squares: Array
    """(S, G, 3): series², series·level, level², whitened."""
    total: Array
    """(S, G) log determinant."""

    def read(self, value: float, error: Array, keep: Array, fresh: Array) -> None:
        """One point, and the way to the next."""
        around = self.variance + error
        surprise = value - self.expected[..., 0]
        level = 1.0 - self.expected[..., 1]
        scaled = level / around
        self.squares[..., 0] += surprise * surprise / around
        self.squares[..., 1] += surprise * scaled
        self.squares[..., 2] += level * scaled
        self.total += np.log(around)
        gain = self.variance / around
        self.expected[..., 0] = keep * (self.expected[..., 0] + gain * surprise)
        self.expected[..., 1] = keep * (self.expected[..., 1] + gain * level)
        self.variance[...] = keep * keep * self.variance * (1.0 - gain) + fresh

    def first(self, count: int) -> Runs:
        """Those that begin at the first `count` starts, in the same memory."""
        return Runs(self.variance[:count], self.expected[:count], self.squares[:count], self.total[:count])

    @property
    def misfit(self) -> Array:
        """(S, G) sum of squares about the best level, whitened."""
        return np.maximum(self.squares[..., 0] - self.squares[..., 1] ** 2 / self.squares[..., 2], 0.0)

    @property
    def volume(self) -> Array:
        """(S, G) log determinant of the differences that do not depend on the level."""
        return self.total + np.log(self.squares[..., 2])


def runs(noises: Noises, starts: int) -> Runs:
    """Filters that have read nothing."""
    shape = (starts, len(noises.rate))
    variance = np.broadcast_to(np.where(noises.walk, 1.0, noises.spread), shape).copy()
    return Runs(variance, np.zeros((*shape, 2)), np.zeros((*shape, 3)), np.zeros(shape))


def ways(noises: Noises, times: Array) -> tuple[Array, Array]:
    """`moves` and a last one, to nowhere: (n, G) each."""
    keep, fresh = moves(noises, times)
    last = np.zeros((1, keep.shape[1]))
    return np.concatenate([keep, last]), np.concatenate([fresh, last])


def segment(noises: Noises, points: Points, first: int, end: int) -> tuple[Array, Array]:
    """Misfit and volume of points first … end − 1 as one segment: (G,) each."""
    keep, fresh = ways(noises, points.times[first:end])
    run = runs(noises, 1)
    for i in range(end - first):
        run.read(float(points.values[first + i]), noises.error * points.shares[first + i], keep[i], fresh[i])
    return run.misfit[0], run.volume[0]


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """The cheapest division under one model."""

    cuts: tuple[int, ...]
    """First points of the new segments."""
    misfit: float
    """Sum of squares about the levels, whitened."""
    volume: float
    """Sum of the log determinants."""


def divide(noises: Noises, points: Points, scale: Array, price: Array, least: int) -> list[Division]:
    """The cheapest division under each model.

    `scale` (G,) is the variance that one unit of the model stands for, `price` (G,) that of a change, `least` the
    fewest points of a segment.
    """
    n, models = len(points.values), len(noises.rate)
    keep, fresh = ways(noises, points.times)
    run = runs(noises, n)
    best, parts = np.full((n + 1, models), np.inf), np.zeros((2, n + 1, models))
    best[0] = 0.0
    came = np.zeros((n + 1, models), int)
    columns = np.arange(models)
    for j in range(n):
        active = run.first(j + 1)
        active.read(float(points.values[j]), noises.error * points.shares[j], keep[j], fresh[j])
        if j + 1 < least:
            continue
        last = j + 2 - least
        misfit, volume = active.misfit[:last], active.volume[:last]
        cost = best[:last] + price + misfit / scale + volume
        chosen = cost.argmin(axis=0), columns
        came[j + 1], best[j + 1] = chosen[0], cost[chosen]
        parts[0, j + 1] = parts[0][chosen] + misfit[chosen]
        parts[1, j + 1] = parts[1][chosen] + volume[chosen]
    found = []
    for g in range(models):
        cuts: list[int] = []
        j = int(came[n, g])
        while j > 0:
            cuts.append(j)
            j = int(came[j, g])
        found.append(Division(tuple(cuts[::-1]), float(parts[0, n, g]), float(parts[1, n, g])))
    return found


def sides(noises: Noises, points: Points, first: int, end: int) -> tuple[Array, Array]:
    """Misfit and volume of the two segments that a change at each place makes, under one model: (m,) each.

    Of the m points first … end − 1; place k parts k of them from the others, place 0 is none, and infinite.
    """
    n = end - first
    keep, fresh = ways(noises, points.times[first:end])
    run = runs(noises, n)
    before = np.full((2, n), np.inf)
    for j in range(n):
        error = noises.error * points.shares[first + j]
        run.first(j + 1).read(float(points.values[first + j]), error, keep[j], fresh[j])
        if j + 1 < n:
            whole = run.first(1)
            before[:, j + 1] = whole.misfit[0, 0], whole.volume[0, 0]
    return before[0] + run.misfit[:, 0], before[1] + run.volume[:, 0]
