"""Claim: a description has every metric that what is given allows, and a reason for each without a value."""

from __future__ import annotations

import numpy as np

from tests.trajectories.worlds import noise, trajectory
from triplepoint.metrics import TRAJECTORY_METRICS
from triplepoint.records import ChangePoints, Reason, Slope
from triplepoint.trajectories import change_points, describe, first_crossing, slope
from triplepoint.trajectories.describing import needs

SERIES = trajectory(np.repeat([0.1, 0.9], 30) + 0.02 * noise(60, 0.0, 0))
EARLY = trajectory(np.repeat([0.1, 0.9, 0.9, 0.9], 15) + 0.02 * noise(60, 0.0, 1))


def test_all_metrics_are_there_with_their_records():
    found = describe(SERIES, level=0.5, train=EARLY)
    assert set(found.metrics) == set(TRAJECTORY_METRICS)
    assert not found.status
    assert found.metrics["trend"] == slope(SERIES).per_step
    assert found.metrics["change_step"] == change_points(SERIES).points[0].step == 30
    assert found.metrics["crossing_step"] == first_crossing(SERIES, 0.5, True).step
    assert found.metrics["grokking_delay_low"] <= 15 <= found.metrics["grokking_delay_high"]


def test_without_a_level_there_is_no_crossing():
    of = {name for name, metric in TRAJECTORY_METRICS.items() if needs(metric) in (Slope, ChangePoints)}
    assert set(describe(SERIES).metrics) == of
    assert "grokking_delay" not in describe(SERIES, level=0.5).metrics


def test_what_has_no_value_has_a_reason():
    short = describe(trajectory(np.arange(4.0)), level=10.0)
    assert short.metrics["trend"] is None
    assert short.status["trend"] is short.status["change_step"] is Reason.too_few_points
    assert short.status["crossing_step"] is Reason.not_reached
    assert short.metrics["crossing_low"] == 3.0
    quiet = describe(trajectory(noise(60, 0.0, 1)), level=50.0, train=EARLY)
    assert quiet.metrics["num_changes"] == 0
    assert quiet.status["change_step"] is quiet.status["change_p"] is Reason.no_change
    assert quiet.status["grokking_delay"] is quiet.status["crossing_high"] is Reason.not_reached
    there = describe(trajectory(np.full(30, 2.0)), level=1.0, rising=True)
    assert there.status["crossing_low"] is Reason.unbounded
    assert set(there.status) == {name for name, value in there.metrics.items() if value is None}


def test_the_direction_is_away_from_the_beginning():
    falling = trajectory(-SERIES.values)
    assert (
        describe(falling, level=-0.5).metrics["crossing_step"]
        == describe(SERIES, 0.5).metrics["crossing_step"]
    )
