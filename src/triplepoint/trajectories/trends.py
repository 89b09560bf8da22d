"""The slope of a trajectory, with an interval that allows for what correlated noise, and even a random walk, drifts.

The slope is Theil–Sen's, weighted for unequal spacing. Its standard error under a noise model is that of least squares
with the covariance of the model, times the excess of Theil–Sen (π/3 in variance for uncorrelated errors, 1.03 for a
walk). The model is not known: interval and p-value are a mixture of Student laws, n − 2 degrees of freedom each, over
all models of `noise.grid`, weighted by restricted likelihood. The weights before the data are tuned, and measured by
benchmarks/calibrate_trajectories.py. Series without a slope that have p < 5 %, in % (600 to 200 draws, ± 1 to 2), at
10, 20, 50, 100 and 300 points; beside them Mann–Kendall, with the variance of Hamed and Rao, and pre-whitened, at 100:

    white noise             0.0  2.0   4.2   1.7   2.5      4   8   4
    AR(1), φ = 0.6          1.2  0.8   3.0   4.7   3.5     33  20  40
    AR(1), φ = 0.9          3.2  2.3   0.5   0.3   6.0     65  33  81
    random walk             8.3  7.5   5.2   6.0   9.0     82  61  95
    uneven gaps, AR         0.7  3.0   7.0   7.7   6.0     20  16  25
    log-spaced steps, AR    3.2  5.5  12.0  14.3  11.5     68  55  73
    walk under errors       0.2  2.8  13.8  27.0  19.0     55  56  55

A slope that is added shifts the interval with it, so coverage is 100 % less these. The interval is 1.2 to 1.6 times as
wide as if the noise were known for white noise from 20 points on, 1.0 to 1.1 for φ = 0.6 from 100 on and for walks of
any length; in between, where a series cannot tell (φ = 0.6 at 50 points, 0.9 at 300), 5 times.

What the p-value of a random walk means: weights do random walks, and a walk ends elsewhere than it began. That it moved
is certain, and its textbook p-value says so; that it will go on does not follow. Here p is that of its drift, against
walks without one. Not wholly allowed for: a walk that errors ten times its step hide (the last line), and early steps
that lie so close that the last few decide (the line above; there a logarithmic axis asks another question).

Sources: Theil 1950; Sen 1968, J. Am. Stat. Assoc. 63; a unit root as one of the possibilities: Perron and Yabu 2009,
J. Econometrics 151; in the table: Hamed and Rao 1998, J. Hydrol. 204; Yue et al. 2002, Hydrol. Process. 16.
"""

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
WALK = 4.0
"""A pure random walk weighs so many times its weight in the grid: it is the worst that a slope can meet."""
SHARPNESS = 2.0
"""Power of the likelihood in the weight of a noise model, between the average (1) and the best model alone (∞). With 1
no size was larger, but AR(0.6) at 50 points had an interval 6.5 times as wide as if the noise were known; with 2 it is
4 times, and 1.1 instead of 2.4 times at 100 points."""


def slope(trajectory: Trajectory, log_steps: bool = False, window: int | None = None) -> Slope | Reason:
    """Theil–Sen slope of the points of the last `window` steps, a step or (`log_steps`) a factor e of steps.

    With `log_steps` noise correlates over factors of the step too, and step 0 is left out. Where the standard errors
    of all points are known (`sem`) the slope's is never below what they make it. Needs 5 points, or it is
    `too_few_points`; steps that do not ascend raise `UsageError`. Cost: more than 256 points are averaged in blocks of
    equal length on the axis (means of each without its outer tenths); 0.03 s for 256 points or more, 3 ms for 60.

    >>> from triplepoint.records import Trajectory
    >>> noise = np.random.default_rng(0).standard_normal(200)
    >>> found = slope(Trajectory("alpha", np.arange(200), 5.0 - 0.02 * np.arange(200) + noise))
    >>> found.low < -0.02 < found.high < 0
    True
    """
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
    first = np.log(noises.weight) + np.log(WALK) * (noises.walk & (noises.error == 0))
    shares = first - 0.5 * SHARPNESS * (volume + (n - 2) * np.log(left))
    shares = np.exp(shares - shares.max())
    moving, uncorrelated = variance_of(noises, points.times, points.shares, weights)
    return shares / shares.sum(), np.sqrt(left / (n - 2) * (OF_WALK * moving + OF_WHITE * uncorrelated))
