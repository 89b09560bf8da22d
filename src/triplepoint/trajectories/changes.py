"""Steps at which the level of a trajectory changes, beyond what its own correlated noise does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.records import ChangePoint, ChangePoints, Reason, Trajectory
from triplepoint.trajectories.noise import grid, moves
from triplepoint.trajectories.points import Points, despiked, prepare
from triplepoint.trajectories.segments import divide, segment, sides

Array = np.ndarray[Any, np.dtype[np.float64]]
Cuts = tuple[int, ...]

LEAST = 10
"""Points; fewer have no place for two levels and the noise of both."""
SHORTEST = 4
"""Points of a level; shorter excursions are spikes, and drawn in."""
OFFSET = 5.5
"""P(gain > g) = exp(−(g − OFFSET)/2) of the best change in a series without one, at most."""
LEVEL = 0.05
PENALTY = OFFSET - 2.0 * math.log(LEVEL)
"""Gain in −2 log likelihood that a change must bring."""
NOTHING = 1e-20
"""Least sum of squares, of a series of variance 1: what is below is rounding."""


def change_points(
    trajectory: Trajectory, log_steps: bool = False, window: int | None = None
) -> ChangePoints | Reason:
    """All changes of level, by the exact division of least cost."""
    points = prepare(trajectory, LEAST, log_steps, window)
    if isinstance(points, Reason):
        return points
    search = Search(points)
    cuts, model = search.best()
    return ChangePoints(tuple(search.described(cuts, k, model) for k in range(len(cuts))))


class Search:
    """One series under all models."""

    def __init__(self, points: Points) -> None:
        self.given = points
        values = despiked(points.values)
        self.constant = bool(np.all(values == values[0]))
        spread = 1.0 if self.constant else float(np.std(values))
        self.points = replace(points, values=(values - values.mean()) / spread)
        self.noises = grid(points.times)
        self.parts: dict[tuple[int, int], tuple[Array, Array]] = {}
        self.typical = self._typical()

    def best(self, penalty: float = PENALTY) -> tuple[Cuts, int]:
        """The division of least cost over all models, and its model."""
        if self.constant:
            return (), 0
        price = penalty + self.typical
        found = divide(self.noises, self.points, self._scale(), price, SHORTEST)
        counts = np.array([len(one.cuts) for one in found])
        misfit = np.array([one.misfit for one in found])
        volume = np.array([one.volume for one in found])
        costs = self._cost(counts, misfit, volume) + penalty * counts
        model, none = int(costs.argmin()), self.costs(())
        if float(none.min()) <= float(costs[model]):
            return (), int(none.argmin())
        return found[model].cuts, model

    def costs(self, cuts: Cuts) -> Array:
        """(G,) −2 log likelihood of a division under each model, its own scale at best, weighted beforehand.

        A change takes one difference out of the likelihood; a typical one is put in its place.
        """
        parts = self._parts(cuts)
        return self._cost(
            np.array(len(cuts)),
            np.sum([part[0] for part in parts], axis=0),
            np.sum([part[1] for part in parts], axis=0),
        )

    def described(self, cuts: Cuts, k: int, model: int) -> ChangePoint:
        """Change number k: its p-value, the interval of its step, the levels on both sides."""
        p = self.given
        gain = float(self.costs((*cuts[:k], *cuts[k + 1 :])).min() - self.costs(cuts).min())
        first, end = (0, *cuts)[k], (*cuts, len(self.points.values))[k + 1]
        left = max(float(np.sum([part[0][model] for part in self._parts(cuts)])), NOTHING)
        scale = left / (len(self.points.values) - 1 - len(cuts))
        low, high = self._interval(first, cuts[k], end, model, scale)
        before, after = p.values[first : cuts[k]], p.values[cuts[k] : end]
        steps = p.steps
        return ChangePoint(
            step=int(steps[cuts[k]]),
            low=int(steps[low]),
            high=int(p.last[high]),
            before=_level(before, p.shares[first : cuts[k]]),
            after=_level(after, p.shares[cuts[k] : end]),
            p_value=min(1.0, math.exp(-(gain - OFFSET) / 2.0)),
        )

    def _interval(self, first: int, cut: int, end: int, model: int, scale: float) -> tuple[int, int]:
        """Smallest set of places with 95 % of the likelihood, as first and last."""
        cost = sides(self.noises.one(model), self.points, first, end)
        places = np.arange(SHORTEST, end - first - SHORTEST + 1)
        score = cost[0][places] / scale + cost[1][places]
        share = np.exp(-0.5 * (score - score.min()))
        share /= share.sum()
        order = np.argsort(-share, kind="stable")
        kept = order[: int(np.searchsorted(np.cumsum(share[order]), 0.95)) + 1]
        chosen = np.append(places[kept], cut - first)
        return first + int(chosen.min()), first + int(chosen.max())

    def _cost(self, counts: Any, misfit: Array, volume: Array) -> Array:
        """(G,) of divisions with so many changes, squares and log determinants."""
        free = len(self.points.values) - 1 - counts
        fit = (free + counts) * np.log(np.maximum(misfit, NOTHING) / free)
        return np.asarray(fit + volume + counts * self.typical - 2.0 * np.log(self.noises.weight))

    def _parts(self, cuts: Cuts) -> list[tuple[Array, Array]]:
        """(misfit, volume) of each segment, measured once."""
        ends = list(zip((0, *cuts), (*cuts, len(self.points.values)), strict=True))
        for first, end in ends:
            if (first, end) not in self.parts:
                self.parts[first, end] = segment(self.noises, self.points, first, end)
        return [self.parts[one] for one in ends]

    def _typical(self) -> Array:
        """(G,) mean log variance of what a point brings that those before it do not tell."""
        keep, fresh = moves(self.noises, self.points.times)
        variance = np.where(self.noises.walk, 1.0, self.noises.spread)
        total = np.zeros(len(variance))
        for i, share in enumerate(self.points.shares):
            around = variance + self.noises.error * share
            if i:
                total += np.log(around)
            if i < len(keep):
                variance = keep[i] ** 2 * variance * (1.0 - variance / around) + fresh[i]
        return np.asarray(total / len(keep))

    def _scale(self) -> Array:
        """(G,) variance of a unit of each model, from the typical change of neighbours, which few changes move."""
        noises, changes = self.noises, np.abs(np.diff(self.points.values))
        typical = 1.4826 * float(np.median(changes)) or float(np.sqrt(np.mean(changes**2)))
        moved = np.where(noises.walk, 1.0, -2.0 * noises.spread * np.expm1(-noises.rate))
        return np.asarray(typical**2 / (moved + 2.0 * noises.error * float(np.median(self.points.shares))))


def _level(values: Array, shares: Array) -> float:
    return float(np.average(values, weights=1.0 / shares))
