"""The slope of a trajectory, with an interval that allows for what correlated noise, and even a random walk, drifts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, special

from triplepoint.records import Reason, Slope, Trajectory
from triplepoint.trajectories.noise import grid, variance_of, whitened
from triplepoint.trajectories.points import Points, despiked, prepare
from triplepoint.trajectories.theil_sen import theil_sen

Array = np.ndarray[Any, np.dtype[np.float64]]

LEAST = 5
LEVEL = 0.05
OF_WHITE = np.pi / 3
"""Variance of the Theil–Sen slope over that of least squares, in uncorrelated Gaussian noise."""
OF_WALK = 1.03
"""The same in a random walk; measured."""


def slope(trajectory: Trajectory, log_steps: bool = False, window: int | None = None) -> Slope | Reason:
    """Theil–Sen slope of the points of the last `window` steps, a step or (`log_steps`) a factor e of steps."""
    points = prepare(trajectory, LEAST, log_steps, window)
    return points if isinstance(points, Reason) else of_points(points)


def of_points(points: Points) -> Slope:
    """The slope of points that are ready."""
    n = len(points.times)
    times = points.times - points.times.mean()
    found = theil_sen(times, points.values)
    rest = despiked(points.values - found * times)
    rest = rest - rest.mean()
    weights = times / float(times @ times)
    floor = 0.0 if points.sem is None else float(np.sqrt(weights**2 @ points.sem**2))
    variance = float(np.mean(rest**2))
    if np.sqrt(variance) <= 1e-13 * float(np.abs(points.values).max()):
        shares, errors = np.ones(1), np.array([floor])
    else:
        shares, unit = _errors(points, rest / np.sqrt(variance), times, weights)
        errors = np.maximum(unit * np.sqrt(variance), floor)
    if not errors.any():
        return Slope(found, found, found, float(found == 0), points.count, float(points.count))
    quantile = float(special.stdtrit(n - 2, 1.0 - LEVEL / 2))

    def beyond(distance: float) -> float:
        return float(2.0 * shares @ special.stdtr(n - 2, -distance / errors))

    widest = 1.01 * quantile * float(errors.max())
    half = float(optimize.brentq(lambda d: beyond(d) - LEVEL, 0.0, widest, xtol=1e-9 * widest))
    worth = variance / float(np.mean(times**2)) * (quantile / half) ** 2
    effective = min(worth, float(points.count)) if variance else float(points.count)
    return Slope(found, found - half, found + half, beyond(abs(found)), points.count, effective)


def _errors(points: Points, rest: Array, times: Array, weights: Array) -> tuple[Array, Array]:
    """Probability of each noise model, and the standard error of the slope under it: (G,) each."""
    n, noises = len(rest), grid(points.times)
    columns = np.column_stack([rest, np.ones(n), times / times[-1]])
    white, total = whitened(noises, points.times, points.shares, columns)
    moments = np.einsum("ngi,ngj->gij", white, white)
    design, cross = moments[:, 1:, 1:], moments[:, 1:, 0]
    explained = np.einsum("gi,gi->g", cross, np.linalg.solve(design, cross[..., None])[..., 0])
    left = np.maximum(moments[:, 0, 0] - explained, 1e-20)
    volume = total + np.log(np.linalg.det(design))
    shares = np.log(noises.weight) - 0.5 * (volume + (n - 2) * np.log(left))
    shares = np.exp(shares - shares.max())
    moving, uncorrelated = variance_of(noises, points.times, points.shares, weights)
    return shares / shares.sum(), np.sqrt(left / (n - 2) * (OF_WALK * moving + OF_WHITE * uncorrelated))
