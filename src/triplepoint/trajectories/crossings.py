"""The first step at which a trajectory reaches a level and stays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.records import Crossing, Reason, Trajectory
from triplepoint.trajectories.underlying import probability_above

Array = np.ndarray[Any, np.dtype[np.float64]]


def first_crossing(trajectory: Trajectory, level: float, rising: bool, confirm: int = 2) -> Crossing | Reason:
    """First step from which `confirm` measured points in a row are at the level or beyond."""
    if not math.isfinite(level):
        raise UsageError(f"level {level!r}", "not a finite number", "Use one, such as 0.9")
    if confirm < 1:
        raise UsageError(f"confirm {confirm!r}", "not a whole number from 1 on", "Use one, such as 2")
    if len(trajectory.steps) < confirm:
        return Reason.too_few_points
    steps = trajectory.steps
    sign = 1.0 if rising else -1.0
    height = sign * (trajectory.values - level)
    reached = _first_run(height >= 0, confirm)
    above = probability_above(trajectory, sign, level)
    if reached is None:
        unsure = np.flatnonzero(above > 0.025)
        before = len(steps) - 1 if not len(unsure) else int(unsure[0]) - 1
        low = float(steps[before]) if before >= 0 else None
        return Crossing(level, rising, None, low, None, None)
    first = reached
    while first > 0 and above[first - 1] > 0.025:
        first -= 1
    last = reached
    while last < len(steps) and above[last] < 0.975:
        last += 1
    low = float(steps[first - 1]) if first > 0 else None
    high = float(steps[last]) if last < len(steps) else None
    if reached == 0:
        return Crossing(level, rising, float(steps[0]), None, high, (int(steps[0]), int(steps[0])))
    at = _between(steps, height, reached)
    return Crossing(level, rising, at, low, high, (int(steps[reached - 1]), int(steps[reached])))


def _first_run(holds: Any, length: int) -> int | None:
    """Index of the first of `length` in a row."""
    runs = np.convolve(holds.astype(int), np.ones(length, int), "valid") == length
    return int(np.argmax(runs)) if runs.any() else None


def _between(steps: Any, height: Array, index: int) -> float:
    """Straight line between the points before and at `index`, over ln steps where those are spaced more evenly."""
    share = float(-height[index - 1] / (height[index] - height[index - 1]))
    low, high = float(steps[index - 1]), float(steps[index])
    if low > 0 and log_spaced(steps):
        return float(low * (high / low) ** share)
    return low + share * (high - low)


def log_spaced(steps: Any) -> bool:
    """Whether the gaps vary less on a logarithmic axis than on a plain one."""
    positive = steps[steps > 0]
    if len(positive) < 3:
        return False
    plain, log = np.diff(positive), np.diff(np.log(positive))
    return bool(np.std(log) / np.mean(log) < np.std(plain) / np.mean(plain))
