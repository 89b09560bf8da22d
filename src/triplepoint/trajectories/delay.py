"""How many steps a test curve reaches a level after the training curve: the delay of grokking."""

from __future__ import annotations

from dataclasses import dataclass

from triplepoint.records import Reason, Trajectory
from triplepoint.trajectories.crossings import first_crossing


@dataclass(frozen=True, slots=True)
class Delay:
    """Steps between two crossings of one level."""

    steps: float
    low: float | None
    """95 % interval; None where unbounded."""
    high: float | None


def grokking_delay(
    train: Trajectory, test: Trajectory, level: float, rising: bool = True, confirm: int = 2
) -> Delay | Reason:
    """Crossing of `test` less that of `train`; the worst cases of both intervals."""
    first, second = (
        first_crossing(train, level, rising, confirm),
        first_crossing(test, level, rising, confirm),
    )
    if isinstance(first, Reason):
        return first
    if isinstance(second, Reason):
        return second
    if first.step is None or second.step is None:
        return Reason.not_reached
    low = None if second.low is None or first.high is None else second.low - first.high
    high = None if second.high is None or first.low is None else second.high - first.low
    return Delay(second.step - first.step, low, high)
