"""Claim: weights that grow with a feedback are found, those that grow as training makes them grow are not."""

from __future__ import annotations

import math

import pytest

from tests.alerts.frames import fed, look, said, visit
from triplepoint.alerts import Watch
from triplepoint.records import VisitKind


def course(norms, rule="norm_runaway", every=100, id="w"):
    """{subject: said} of one matrix at steps 0, 100, …"""
    found = fed(Watch([rule]), [look(every * at, id, norm=norm) for at, norm in enumerate(norms)])
    return {
        matrix: said(alert for alert in found if alert.matrix == matrix)
        for matrix in {a.matrix for a in found}
    }


@pytest.mark.parametrize("power", [0.5, 1.0, 1.3])
def test_growth_as_in_training(power):
    assert course([6 * (1 + 0.03 * at**power) for at in range(60)]) == {}


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_exponential_growth(rate):
    found = course([6 * math.exp(rate * max(at - 20, 0)) for at in range(80)])
    assert set(found) == {"w", None}
    (_, state, step), *rest = found["w"]
    assert state == "raised"
    assert rest == []
    # Raised before it is ten times what it was.
    assert step < 100 * (20 + math.log(10) / rate)


def test_held_in_the_band_and_cleared_when_it_stops():
    grows = [6 * math.exp(0.2 * max(at - 20, 0)) for at in range(30)]
    found = course([*grows, *[grows[-1]] * 60])["w"]
    assert [state for _, state, _ in found] == ["raised", "cleared"]
    # Within an octave after the growth ended: that is how far back it looks.
    assert 3_000 < found[1][2] < 6_500


@pytest.mark.parametrize(("power", "told"), [(0.9, False), (1.25, True)])
def test_far_enough_steps_of_constant_size_are_told(power, told):
    norms = [6 * (1 + 0.5 * at**power) for at in range(80)]
    assert norms[-1] > 100
    assert bool(course(norms)) is told


def test_a_jump_is_told():
    found = course([*[6.0] * 20, *[30.0] * 60])["w"]
    assert [state for _, state, _ in found] == ["raised", "cleared"]
    assert found[0][2] == 2100
    assert course([*[6.0] * 20, *[11.0] * 60]) == {}


def test_what_begins_at_nothing_may_grow():
    # √M is 5.66: as long as the norm is below, growth like t² is none.
    assert course([1e-3 * at**2 for at in range(75)]) == {}
    assert "w" in course([1e-3 * at**2 for at in range(1, 95)])


def test_leading_visits_tell_the_norm_too():
    def leading(at):
        norm = 6 * math.exp(0.1 * at)
        return visit(100 * at, "w", VisitKind.leading, metrics={"param_norm": norm**2})

    found = fed(Watch(["norm_runaway"]), [look(0, norm=6.0), *map(leading, range(1, 40))])
    assert "w" in {alert.matrix for alert in found}


def test_the_sum_begins_again_with_a_new_matrix():
    first_pass = [look(10 * at, f"m{at}", norm=6.0) for at in range(40)]
    later = [look(400 + 10 * at, f"m{at % 40}", norm=6.0) for at in range(200)]
    assert fed(Watch(["norm_runaway"]), [*first_pass, *later]) == []


def test_the_statement_has_both_norms_and_the_exponent():
    watch = Watch(["norm_runaway"])
    alert = fed(watch, [look(100 * at, norm=6 * math.exp(0.2 * at)) for at in range(30)])[0]
    assert alert.statement.startswith("‖W‖_F ")
    assert alert.evidence["exponent"] > 1.5
    assert alert.evidence["growth"] > 2


def test_a_row_that_does_not_count_is_not_in_the_sum():
    looks = [
        look(100 * at + k, "ab"[k], norm=6 * math.exp(0.2 * at * k), counted=not k)
        for at in range(40)
        for k in (0, 1)
    ]
    found = fed(Watch(["norm_runaway"]), looks)
    assert {alert.matrix for alert in found} == {"b"}
