"""A trajectory made ready: the axis chosen, a window cut, long ones thinned, lone spikes drawn in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.records import Reason, Trajectory

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST = 256
"""Points that the noise models are fitted to: more are averaged in blocks of equal length on the axis."""
NEIGHBOURS = 3
"""On each side, of the running median that a spike is measured against."""
SPIKE = 4.0
"""Standard deviations (by the median) from the running median, from where on a point is drawn in."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """n points; blocks of them where there were more than `MOST`."""

    times: Array
    """(n,) ascending: steps, or ln steps."""
    values: Array
    """(n,)."""
    shares: Array
    """(n,) variance of an uncorrelated error relative to that of a point: 1/points of the block."""
    sem: Array | None
    """(n,) standard error of each value where all are known."""
    steps: np.ndarray[Any, np.dtype[np.int64]]
    """(n,) the step of each point, the first one of a block."""
    last: np.ndarray[Any, np.dtype[np.int64]]
    """(n,) the same, or the last one of a block."""
    count: int
    """Points before thinning."""


def prepare(
    trajectory: Trajectory, least: int, log_steps: bool = False, window: int | None = None
) -> Points | Reason:
    """Points of the last `window` steps, thinned; `too_few_points` where fewer than `least` are left."""
    steps, values, sem = trajectory.steps, trajectory.values, trajectory.sem
    kept = np.ones(len(steps), bool)
    if log_steps:
        kept &= steps > 0
    if window is not None and len(steps):
        kept &= steps > steps[-1] - window
    steps, values = steps[kept], values[kept]
    if len(steps) < least:
        return Reason.too_few_points
    if np.any(np.diff(steps) <= 0):
        raise UsageError(
            f"trajectory {trajectory.name}", "its steps do not ascend", "Sort them and keep one value a step"
        )
    sem = None if sem is None else sem[kept]
    sem = sem if sem is not None and bool(np.all(np.isfinite(sem))) else None
    times = np.log(steps) if log_steps else steps.astype(np.float64)
    return _thinned(times, values, sem, steps)


def _thinned(times: Array, values: Array, sem: Array | None, steps: Any) -> Points:
    n = len(times)
    if n <= MOST:
        return Points(times, values, np.ones(n), sem, steps, steps, n)
    block = np.minimum(((times - times[0]) / (times[-1] - times[0]) * MOST).astype(int), MOST - 1)
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    sizes = np.diff(starts, append=n)
    means = [_trimmed(part) for part in np.split(values, starts[1:])]
    errors = None if sem is None else np.sqrt(np.add.reduceat(sem**2, starts)) / sizes
    centres = np.add.reduceat(times, starts) / sizes
    return Points(
        centres, np.array(means), 1.0 / sizes, errors, steps[starts], steps[np.append(starts[1:], n) - 1], n
    )


def _trimmed(part: Array) -> float:
    """Mean without the tenth at each end."""
    cut = len(part) // 10
    return float(np.mean(np.sort(part)[cut : len(part) - cut]))


def despiked(values: Array) -> Array:
    """Points far from the median of their neighbours, drawn in to `SPIKE` standard deviations from it.

    A change of level, even in one step, is left as it is: half of the neighbours have seen it. After Hampel
    1974, J. Am. Stat. Assoc. 69.
    """
    size = 2 * NEIGHBOURS + 1
    if len(values) < size:
        return values
    padded = np.pad(values, NEIGHBOURS, mode="reflect")
    centre = np.median(np.lib.stride_tricks.sliding_window_view(padded, size), axis=1)
    away = values - centre
    scale = 1.4826 * float(np.median(np.abs(away)))
    if scale == 0:
        return values
    drawn = centre + SPIKE * scale * np.sign(away)
    return np.where(np.abs(away) > SPIKE * scale, drawn, values)
