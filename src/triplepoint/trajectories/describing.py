"""Every metric of a trajectory at once, by the records that it names."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from triplepoint.metrics import TRAJECTORY_METRICS, Metric
from triplepoint.records import ChangePoints, Crossing, Delay, Reason, Slope, Trajectory
from triplepoint.trajectories.changes import change_points
from triplepoint.trajectories.crossings import first_crossing
from triplepoint.trajectories.delay import between
from triplepoint.trajectories.trends import slope

Record = Slope | ChangePoints | Crossing | Delay


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of one trajectory."""

    metrics: Mapping[str, float | None]
    """{metric: value}; None where `status` says why."""
    status: Mapping[str, Reason]
    """{metric without a value: why}."""


def describe(
    trajectory: Trajectory,
    level: float | None = None,
    rising: bool | None = None,
    confirm: int = 2,
    train: Trajectory | None = None,
) -> Description:
    """All of `TRAJECTORY_METRICS` that what is given allows.

    Trend and changes always; the crossing of `level` where one is given, upwards or downwards (`rising`; by default
    away from where the trajectory begins); the delay after the same crossing of `train` where that is given too. A
    number that cannot be had is None with its reason; errors are those of `first_crossing`. Cost: that of its parts,
    half a second for 256 points or more.

    >>> import numpy as np
    >>> steps = np.arange(0, 2000, 100)
    >>> found = describe(Trajectory("test_accuracy", steps, np.where(steps < 950, 0.1, 1.0)), level=0.9)
    >>> found.metrics["crossing_high"], found.metrics["change_step"]
    (1000.0, 1000.0)
    """
    records: dict[type, Callable[[], Record | Reason]] = {
        Slope: lambda: slope(trajectory),
        ChangePoints: lambda: change_points(trajectory),
    }
    if level is not None:
        up = bool(len(trajectory.values) and trajectory.values[0] < level) if rising is None else rising
        crossing = first_crossing(trajectory, level, up, confirm)
        records[Crossing] = lambda: crossing
        if train is not None:
            records[Delay] = lambda: between(first_crossing(train, level, up, confirm), crossing)
    built: dict[type, Record | Reason] = {}
    metrics: dict[str, float | None] = {}
    status: dict[str, Reason] = {}
    for name, metric in TRAJECTORY_METRICS.items():
        needed = needs(metric)
        if needed in records:
            if needed not in built:
                built[needed] = records[needed]()
            record = built[needed]
            value = None if isinstance(record, Reason) else metric.function(record)
            metrics[name] = value
            if value is None:
                status[name] = record if isinstance(record, Reason) else why(record)
    return Description(metrics, status)


def needs(metric: Metric) -> type:
    """The record that a metric of a trajectory is a function of."""
    hints = typing.get_type_hints(metric.function)
    (found,) = (hint for name, hint in hints.items() if name != "return")
    return typing.cast(type, found)


def why(record: Record) -> Reason:
    """What is behind a number that a record does not have."""
    if isinstance(record, ChangePoints):
        return Reason.no_change
    return Reason.not_reached if isinstance(record, Crossing) and record.step is None else Reason.unbounded
