"""Claim: the gap of training and test opens and closes beyond its own scatter, or nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.alerts.frames import fed, raised, said, scalars
from triplepoint.alerts import Watch
from triplepoint.records import Severity

RULES = ["gap_opening", "gap_closing"]


def accuracies(pairs, scatter=0.0, seed=0, kind="accuracy"):
    """A test every 10 steps; training is a mean over the steps between, noisier than the test."""
    rng = np.random.default_rng(seed)
    for at, (train, test) in enumerate(pairs):
        for step in range(10 * at + 1, 10 * at + 10):
            yield scalars(step, **{f"train_{kind}": train + 3 * scatter * rng.standard_normal()})
        yield scalars(10 * at + 10, **{f"test_{kind}": test + scatter * rng.standard_normal()})


def course(pairs, **options):
    return fed(Watch(RULES), accuracies(pairs, **options))


GOOD = [(0.9, 0.9)] * 6


def test_a_test_that_falls_while_training_holds():
    found = course([*GOOD, (0.95, 0.9), (0.97, 0.88), *[(1.0, 0.8)] * 5])
    (alert,) = found
    assert (alert.rule, alert.severity) == ("gap_opening", Severity.warning)
    assert alert.evidence["gap_before"] == pytest.approx(0)
    assert alert.evidence["best_test"] == pytest.approx(0.9)
    assert "training 1, test 0.8" in alert.statement
    # The fifth value of the series: three for the median to turn, one to confirm.
    assert alert.step == 110


def test_a_gap_that_opens_because_training_improves_is_none():
    assert course([*GOOD, *[(1.0, 0.9)] * 20]) == []
    # Unless everything was memorised.
    assert [a.rule for a in course([(0.2, 0.2)] * 4 + [(1.0, 0.2)] * 6)] == ["gap_opening"]


@pytest.mark.parametrize(("test", "count"), [(0.88, 0), (0.86, 1)])
def test_how_far_the_test_must_fall(test, count):
    assert len(course([*GOOD, *[(0.95, test)] * 20])) == count


@pytest.mark.parametrize(("train", "count"), [(0.89, 0), (0.93, 1)])
def test_how_far_the_gap_must_open(train, count):
    assert len(course([*GOOD, *[(train, 0.86)] * 20])) == count


def test_scatter_is_no_gap():
    for seed in range(5):
        assert course([(0.95, 0.9)] * 100, scatter=0.02, seed=seed) == []


def test_it_is_held_until_half_of_it_is_closed():
    opened = [*GOOD, *[(1.0, 0.8)] * 5]
    assert said(course([*opened, *[(1.0, 0.88)] * 10], kind="accuracy"))[1:] == []
    found = said(course([*opened, *[(1.0, 0.92)] * 10]))
    assert [state for rule, state, _ in found if rule == "gap_opening"] == ["raised", "cleared"]


def test_losses_speak_where_no_accuracy_is_given_and_more_quietly():
    pairs = [(2.0, 2.0)] * 17 + [(0.5, 0.7), (0.4, 0.6), (0.3, 0.6), *[(0.1, 1.2)] * 6]
    (alert,) = course(pairs, kind="loss")
    assert (alert.rule, alert.severity) == ("gap_opening", Severity.info)
    assert "the accuracy may hold" in alert.statement
    both = [
        frame
        for pair in zip(accuracies(pairs, kind="loss"), accuracies([(0.9, 0.9)] * len(pairs)), strict=True)
        for frame in pair
    ]
    assert fed(Watch(RULES), both) == []


def test_grokking_closes_the_gap():
    found = course([(1.0, 0.1)] * 10 + [(1.0, 0.1 + 0.092 * k) for k in range(10)] + [(1.0, 1.0)] * 5)
    closing = raised(found, "gap_closing")
    assert [alert.severity for alert in closing] == [Severity.info]
    (alert,) = closing
    assert alert.evidence["gap_before"] == pytest.approx(0.9)
    assert "test 0.1 → " in alert.statement
    # Half is closed where the test is 0.55, the fifth after the tenth; the median lags by one and two must agree.
    assert alert.step == 180


def test_a_gap_that_training_closes_by_getting_worse_is_none():
    assert raised(course([(1.0, 0.5)] * 6 + [(0.6, 0.5)] * 10), "gap_closing") == []


@pytest.mark.parametrize(("gap", "count"), [(0.18, 0), (0.24, 1)])
def test_how_wide_it_must_have_been(gap, count):
    assert len(raised(course([(1.0, 1.0 - gap)] * 6 + [(1.0, 1.0)] * 10), "gap_closing")) == count


def test_it_stays_closed_up_to_three_quarters():
    closed = [(1.0, 0.2)] * 6 + [(1.0, 0.9)] * 6
    closing = "gap_closing"
    assert len(said(course([*closed, *[(1.0, 0.45)] * 9]), closing)) == 1
    assert len(said(course([*closed, *[(1.0, 0.35)] * 9]), closing)) == 2


def test_a_test_before_any_training_value_is_no_gap():
    assert (
        fed(Watch(RULES), (scalars(step, test_accuracy=0.5 + 0.4 * (step % 2)) for step in range(1, 50)))
        == []
    )
