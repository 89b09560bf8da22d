"""Claim: a metric of a trajectory keeps the promises of any other; a new one is tested by existing."""

from __future__ import annotations

import pytest

from triplepoint import records
from triplepoint.metrics import METRICS, MODEL_METRICS, STUDY, TRAJECTORY_METRICS
from triplepoint.trajectories.describing import needs

NAMES = sorted(TRAJECTORY_METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_known_answers(name):
    assert TRAJECTORY_METRICS[name].examples, "a metric needs a known answer"
    for given, expected in TRAJECTORY_METRICS[name].examples:
        assert TRAJECTORY_METRICS[name].function(*given) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_words_are_there(name):
    metric = TRAJECTORY_METRICS[name]
    assert len(metric.definition) > 20
    assert metric.reference
    assert metric.misleads
    assert metric.unit in {"1", "y", "y/step", "step", "count"}
    low, high = metric.valid
    for _, expected in metric.examples:
        assert low is None or expected >= low
        assert high is None or expected <= high


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_function_of_one_record_of_a_trajectory(name):
    known = {records.Slope, records.ChangePoints, records.Crossing, records.Delay}
    assert needs(TRAJECTORY_METRICS[name]) in known


def test_no_name_is_used_twice():
    assert not set(TRAJECTORY_METRICS) & {*METRICS, *MODEL_METRICS, *STUDY}
