"""Claim: a phase is told as left or entered once it is so for good, with α's interval on both sides."""

from __future__ import annotations

import pytest

from tests.alerts.frames import fed, look, raised, said, visit
from triplepoint.alerts import Watch
from triplepoint.records import Frame, Phase, Severity

UNDER, WELL, OVER = Phase.under_trained, Phase.well_trained, Phase.over_trained
UNDECIDED, NONE = Phase.undecided, Phase.not_assessable
RULES = ["phase_left", "phase_entered"]


def course(*phases, **fields):
    """Alerts of one matrix that is looked at every 10 steps from step 10 on."""
    return fed(Watch(RULES), [look(10 * at, "w", phase, **fields) for at, phase in enumerate(phases, 1)])


def test_well_to_over_is_left_with_both_intervals():
    (alert,) = course(*[WELL] * 3, *[OVER] * 3)
    assert (alert.rule, alert.step, alert.severity, alert.matrix) == ("phase_left", 60, Severity.warning, "w")
    assert alert.statement == (
        "well-trained → over-trained: α = 3.00 [2.50, 3.50] at step 30, α = 1.50 [1.30, 1.80] at step 60"
    )
    assert alert.evidence["first_step"] == 40
    assert (alert.evidence["alpha_high"], alert.evidence["alpha_low_before"]) == (1.8, 2.5)


def test_under_to_well_is_good_news():
    (alert,) = course(*[UNDER] * 3, *[WELL] * 3)
    assert (alert.rule, alert.severity, alert.step) == ("phase_entered", Severity.info, 60)
    assert alert.statement.startswith("under-trained → well-trained: α = 8.00")


@pytest.mark.parametrize(("first", "then"), [(UNDER, OVER), (OVER, UNDER)])
def test_past_the_water_is_a_warning(first, then):
    (alert,) = course(*[first] * 3, *[then] * 3)
    assert (alert.rule, alert.severity) == ("phase_entered", Severity.warning)


def test_a_phase_that_is_entered_and_left_again():
    found = course(*[UNDER] * 3, *[WELL] * 4, *[OVER] * 4, *[WELL] * 4)
    assert said(found) == [
        ("phase_entered", "raised", 60),
        ("phase_left", "raised", 100),
        ("phase_entered", "cleared", 100),
        ("phase_left", "cleared", 140),
    ]
    assert found[2].statement == "well-trained no more: over-trained, α = 1.50 [1.30, 1.80]"
    assert found[3].statement == "well-trained again: α = 3.00 [2.50, 3.50]"


def test_it_must_have_been_there_for_good():
    assert course(WELL, WELL, *[OVER] * 6) == []
    assert course(UNDER, UNDER, *[WELL] * 6) == []


def test_it_must_be_gone_for_good():
    assert course(*[WELL] * 3, OVER, OVER, WELL, OVER, OVER, WELL) == []
    assert course(*[UNDER] * 3, WELL, WELL, UNDER, WELL, WELL, UNDER) == []


def test_what_is_undecided_holds():
    found = course(
        *[WELL] * 3, OVER, UNDECIDED, NONE, OVER, UNDECIDED, OVER, *[UNDECIDED] * 9, WELL, WELL, UNDECIDED
    )
    assert said(found) == [("phase_left", "raised", 90)]


def test_undecided_does_not_interrupt_a_stay():
    assert said(course(WELL, UNDECIDED, WELL, NONE, WELL, *[OVER] * 3)) == [("phase_left", "raised", 80)]


def test_only_what_counts_is_judged():
    assert course(*[WELL] * 3, *[OVER] * 6, counted=False) == []


def test_looks_without_a_spectrum_are_no_evidence():
    watch = Watch(RULES)
    looks = [look(10 * at, "w", WELL) for at in range(1, 4)]
    found = fed(watch, [*looks, look(40, "w", OVER), *(visit(s) for s in range(41, 60)), look(60, "w", OVER)])
    assert found == []
    assert [alert.step for alert in watch.update(Frame(70, 0.0, (), (look(70, "w", OVER),)))] == [70]


def test_each_phase_is_entered_once():
    found = course(*[UNDER] * 3, *[OVER] * 3, *[UNDER] * 3, *[OVER] * 6)
    assert [alert.evidence["phase"] for alert in raised(found, "phase_entered")] == ["over_trained"]


def test_a_layer_like_noise_is_said_to_be_so():
    looks = [look(at, "w", UNDER, alpha=(4.0, 3.0, 5.0), null_p=0.4) for at in (1, 2, 3)]
    (alert,) = fed(Watch(RULES), [*looks, *(look(at, "w", WELL, null_p=1e-6) for at in (4, 5, 6))])
    assert alert.statement == (
        "under-trained → well-trained: α = 4.00 [3.00, 5.00], like noise (null_p = 0.4) at step 3, "
        "α = 3.00 [2.50, 3.50] at step 6"
    )
