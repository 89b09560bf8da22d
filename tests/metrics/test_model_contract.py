"""Claim: a metric of a whole network keeps the promises of any other, and all 28 of the study are there once."""

from __future__ import annotations

import inspect
import typing

import pytest

from triplepoint import records
from triplepoint.metrics import METRICS, MODEL_METRICS, STUDY

NAMES = sorted(MODEL_METRICS)


@pytest.mark.parametrize("name", NAMES)
def test_known_answers(name):
    assert MODEL_METRICS[name].examples, "a metric needs a known answer"
    for given, expected in MODEL_METRICS[name].examples:
        assert MODEL_METRICS[name].function(*given) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_words_are_there(name):
    metric = MODEL_METRICS[name]
    assert len(metric.definition) > 20
    assert metric.reference
    assert metric.misleads
    assert metric.kind in {"shape", "scale", "hybrid"}
    assert metric.polarity in {"lower", "higher"}
    assert metric.unit in {"1", "w", "w²", "1/w²", "count"}
    low, high = metric.valid
    for _, expected in metric.examples:
        assert low is None or expected >= low
        assert high is None or expected <= high


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_is_what_its_records_are_made_of(name):
    of = {
        records.WeightNorms: set(),
        records.SampleSize: set(),
        records.WeightDistances: {"init"},
        records.CircularNorms: {"forward"},
        records.CircularDistances: {"forward", "init"},
        records.PathNorm: {"forward"},
        records.Margins: {"data"},
        records.PositiveMargin: {"data"},
        records.AbsoluteTolerance: {"data"},
        records.MagnitudeTolerance: {"data"},
        records.MagnitudeSum: {"data", "init"},
        records.TopCurvature: {"data"},
        records.TotalCurvature: {"data"},
    }
    hints = typing.get_type_hints(MODEL_METRICS[name].function)
    parameters = inspect.signature(MODEL_METRICS[name].function).parameters
    assert set(MODEL_METRICS[name].needs) == set().union(*(of[hints[p]] for p in parameters))


def test_the_28_are_there_once_and_in_order():
    assert [metric.study.number for metric in STUDY.values()] == list(range(1, 29))
    assert all(metric.polarity == "lower" for metric in STUDY.values())
    assert {name: metric.name for name, metric in STUDY.items() if name != metric.name} == {
        "pl_alpha": "alpha",
        "pl_ks_distance": "ks_distance",
    }


def test_no_name_is_used_twice():
    assert not set(METRICS) & set(MODEL_METRICS)
