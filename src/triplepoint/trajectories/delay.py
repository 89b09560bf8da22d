"""How many steps a test curve reaches a level after the training curve: the delay of grokking."""

from __future__ import annotations

from triplepoint.records import Crossing, Delay, Reason, Trajectory
from triplepoint.trajectories.crossings import first_crossing


def grokking_delay(
    train: Trajectory, test: Trajectory, level: float, rising: bool = True, confirm: int = 2
) -> Delay | Reason:
    """First crossing of `test` less that of `train`, with the interval that both intervals allow.

    The errors of both are taken at their worst, so it is wider than 95 % asks. Where either curve does not reach the
    level it is `not_reached`; a reason of `first_crossing` is passed on, and so are its errors. Source of the term:
    Power et al. 2022, arXiv 2201.02177.

    >>> import numpy as np
    >>> steps = np.arange(0, 1000, 100)
    >>> train = Trajectory("train_accuracy", steps, np.where(steps < 150, 0.1, 1.0))
    >>> test = Trajectory("test_accuracy", steps, np.where(steps < 650, 0.1, 1.0))
    >>> grokking_delay(train, test, 0.9).steps
    500.0
    """
    first = first_crossing(train, level, rising, confirm)
    second = first_crossing(test, level, rising, confirm)
    return between(first, second)


def between(first: Crossing | Reason, second: Crossing | Reason) -> Delay | Reason:
    """Steps from one crossing to the other."""
    if isinstance(first, Reason):
        return first
    if isinstance(second, Reason):
        return second
    if first.step is None or second.step is None:
        return Reason.not_reached
    low = None if second.low is None or first.high is None else second.low - first.high
    high = None if second.high is None or first.low is None else second.high - first.low
    return Delay(second.step - first.step, low, high)
