"""Claim: traps that come and stay are told with their cause; the disputed sign is told as disputed."""

from __future__ import annotations

import pytest

from tests.alerts.frames import fed, look, raised, said
from triplepoint.alerts import RULES, Watch
from triplepoint.records import Cause, Phase, Severity

OVER, UNDECIDED = Phase.over_trained, Phase.undecided


def course(rule, looks):
    """Alerts of looks at steps 10, 20, …, each given by its fields."""
    return fed(Watch([rule]), [look(10 * at, **fields) for at, fields in enumerate(looks, 1)])


def traps(*counts, **fields):
    return [{"traps": count, **fields} for count in counts]


def test_a_trap_that_comes_and_stays():
    (alert,) = course("traps_appear", traps(0, 0, 0, 1, 2))
    assert (alert.step, alert.severity) == (50, Severity.warning)
    assert alert.statement == (
        "2 traps where there was none at step 30; the strongest is 3.00 times the edge: a few huge entries, "
        "the largest 12.0 σ"
    )
    assert alert.evidence["cause"] == "few_huge_entries"


@pytest.mark.parametrize("cause", [Cause.shifted_mean, Cause.heavy_tailed_entries])
def test_other_causes_are_quieter(cause):
    (alert,) = course("traps_appear", traps(0, 0, 0, 1, 1, cause=cause))
    assert alert.severity is Severity.info
    assert alert.evidence["cause"] == cause.value


def test_chance_is_no_cause():
    assert course("traps_appear", traps(0, 0, 0, 1, 1, 1, 1, cause=Cause.chance)) == []


def test_only_what_counts_is_judged():
    assert course("traps_appear", traps(0, 0, 0, 1, 1, 1, 1, counted=False)) == []


def test_there_must_have_been_none():
    assert course("traps_appear", traps(1, 0, 0, 1, 1, 1)) == []
    assert course("traps_appear", traps(0, 0, 1, 0, 0, 1, 1, 1)) == []


def test_it_must_stay_and_goes_only_for_good():
    assert course("traps_appear", traps(0, 0, 0, 1, 0, 1, 0, 1, 0)) == []
    found = course("traps_appear", traps(0, 0, 0, 1, 1, 0, 0, 1, 0, 0, None, 0))
    assert said(found) == [("traps_appear", "raised", 50), ("traps_appear", "cleared", 120)]


def joint(*norms, **fields):
    given = {"phase": OVER, "traps": 1, **fields}
    return [{"traps": 0}] * 3 + [{**given, "norm": norm} for norm in norms]


def test_the_three_together_are_told_as_disputed():
    (alert,) = course("joint_sign", joint(4.5, 4.5))
    assert alert.severity is Severity.warning
    assert alert.statement == (
        "1 trap, α = 1.50 [1.30, 1.80], norm 1.12 times what it was before (a few huge entries): "
        "the published sign of anti-grokking, which is disputed"
    )
    assert RULES["joint_sign"].disputed
    assert RULES["joint_sign"].definition.startswith("DISPUTED")


@pytest.mark.parametrize(
    "looks",
    [
        joint(4.3, 4.3, 4.3),
        joint(4.5, 4.5, 4.5, traps=0),
        joint(4.5, 4.5, 4.5, phase=UNDECIDED),
        joint(4.5, 4.5, 4.5, alpha=(1.7, 1.3, 2.1)),
        joint(4.5, 4.5, 4.5, cause=Cause.chance),
        joint(4.5, 4.5, 4.5, counted=False),
    ],
    ids=["no growth", "no trap", "undecided", "interval", "chance", "not counted"],
)
def test_two_of_three_are_no_sign(looks):
    assert course("joint_sign", looks) == []


def test_it_is_held_at_less_and_cleared_below():
    looks = joint(4.5, 4.5, 4.25, 4.25, 4.25)
    assert said(course("joint_sign", looks)) == [("joint_sign", "raised", 50)]
    looks += joint(4.15, 4.15, 4.15)[3:]
    assert said(course("joint_sign", looks))[1:] == [("joint_sign", "cleared", 110)]


def test_one_that_had_traps_from_the_first_is_compared_with_the_first():
    looks = [{"phase": OVER, "traps": 1, "norm": norm} for norm in (4.0, 4.2, 4.5, 4.5)]
    assert [alert.step for alert in raised(course("joint_sign", looks), "joint_sign")] == [40]
