"""Steps at which the level of a trajectory changes, beyond what its own correlated noise does.

Under each noise model of `noise.grid` the exact cheapest division into levels is found (`segments.divide`); the model
and its division with the largest likelihood win. So a slow drift, a curve or a random walk is explained by noise that
wanders, and only what is sudden against it by a change. Lone spikes are drawn in before (`points.despiked`).

A change is shown where it gains enough in −2 log likelihood over the best explanation without it: 10 at 20 points, 13
at 240. The p-value of a gain g is exp(−(g − o)/2), o = 4 + 1.2·ln(n/20), fitted to series without a change.

Series without a change in which one is shown, in % (300 to 120 draws, ± 1 to 2), at 20, 40, 80 and 240 points: white
noise 1.3, 0, 0.5, 0; AR(1) of φ = 0.3 to 0.95 at most 4.0, 2.8, 3.5, 6.7; random walk 3.3, 3.2, 4.0, 3.3; walk under
errors ten times its step 0.3, 1.6, 5.0, 6.7; a line or a wave under noise at most 1.7, 4.0, 2.0, 0.8. Known to be more:
log-spaced steps with noise correlated over steps 9, 7, 8, 12; an exponential decay that begins within a few points up
to 14; and noise whose size falls tenfold along the series 9, 22, 36, 33, so cut the beginning off with `window`. A
change of 3 standard deviations of white noise is shown in 58, 90 and 99.5 % of series of 20, 40 and 80 points, in
AR(0.6) in 45, 42 and 69 %, one of 6 in 96 to 100 %, nearly all within 3 points of it.

The interval of the step holds 95 % of the likelihood of its place between the changes on both sides, under the model
that won; it held 96–100 % of the steps of those changes. benchmarks/calibrate_trajectories.py has the tables.

Sources: Jackson et al. 2005, IEEE Signal Process. Lett. 12 (optimal partitioning); Killick et al. 2012, J. Am. Stat.
Assoc. 107; changes beside correlated noise and a drift: Romano et al. 2021 (DeCAFS); Zhang and Siegmund 2007,
Biometrics 63 (what a change costs beside its levels).
"""

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
LEVEL = 0.05
"""Share of series without a change in which one may be shown."""
NOTHING = 1e-20
"""Least sum of squares, of a series of variance 1: what is below is rounding."""


def change_points(
    trajectory: Trajectory, log_steps: bool = False, window: int | None = None
) -> ChangePoints | Reason:
    """All changes of level of the points of the last `window` steps, in order, each with the interval of its step.

    `log_steps` lets correlation times be factors of the step instead of steps, as log-spaced schedules ask; it leaves
    step 0 out. Longer trajectories than 256 points are averaged in blocks of equal length on the axis, and the interval
    is rounded outwards to blocks. Needs 10 points, or it is `too_few_points`; steps that do not ascend raise
    `UsageError`. Cost O(n²·G) for n ≤ 256 points and G ≈ 60 models: 0.02 s for 60 points, 0.2 s for 256 or more.

    >>> from triplepoint.records import Trajectory
    >>> noise = np.random.default_rng(0).standard_normal(60)
    >>> found = change_points(Trajectory("loss", 10 * np.arange(60), noise - 9 * (np.arange(60) >= 40)))
    >>> [(one.step, round(one.after - one.before)) for one in found.points]
    [(400, -9)]
    """
    points = prepare(trajectory, LEAST, log_steps, window)
    if isinstance(points, Reason):
        return points
    search = Search(points)
    cuts, model = search.best(offset(len(points.values)) - 2.0 * math.log(LEVEL))
    return ChangePoints(tuple(search.described(cuts, k, model) for k in range(len(cuts))))


def offset(points: int) -> float:
    """P(gain > g) = exp(−(g − offset)/2) of the best change in a series without one; more points have more places."""
    return 4.0 + 1.2 * math.log(points / 20)


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

    def best(self, penalty: float) -> tuple[Cuts, int]:
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
            p_value=min(1.0, math.exp(-(gain - offset(len(p.values))) / 2.0)),
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
