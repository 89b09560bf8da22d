"""Claim: a spike of the loss is told once it lasts and cleared once it heals; NaN is told at once."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.alerts.frames import fed, look, raised, said, scalars, series
from triplepoint.alerts import Watch
from triplepoint.records import Frame, Reason, ScalarPoint, Severity


def noisy(count, level=1.0, scatter=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (level + scatter * rng.standard_normal(count)).tolist()


def spikes(values, **options):
    return fed(Watch(["loss_spike"]), series("train_loss", values, **options))


def test_a_spike_and_its_end():
    found = spikes([*noisy(400), *noisy(40, 4.0), *noisy(100, seed=1)])
    assert [state for _, state, _ in said(found)] == ["raised", "cleared"]
    up, down = found
    # Three of five values must stand high, and two judgements in a row.
    assert up.step == 404
    assert 440 < down.step < 455
    assert up.evidence["usual"] == pytest.approx(1.0, abs=0.03)
    assert up.severity is Severity.warning
    assert "back at 1" in down.statement
    assert down.evidence["steps"] == down.step - up.step


@pytest.mark.parametrize("length", [1, 2])
def test_a_few_hard_batches_are_no_spike(length):
    assert spikes([*noisy(400), *[9.0] * length, *noisy(100, seed=1)]) == []


def test_heavy_tailed_noise_is_no_spike():
    rng = np.random.default_rng(3)
    assert spikes(np.exp(1.5 * rng.standard_normal(20_000) - 3).tolist()) == []


def test_near_nothing_a_loss_may_scatter():
    falls = [2.0 * 0.98**k for k in range(600)]
    assert spikes([*falls, *[0.08] * 50]) == []
    assert len(spikes([*falls, *[0.12] * 50])) == 1


def test_how_far_it_must_rise():
    # Median 1, 95 % quantile 1.16: four times the distance is at 1.66.
    assert spikes([*noisy(400), *[1.55] * 60]) == []
    assert len(spikes([*noisy(400), *[1.80] * 60])) == 1


def test_in_the_band_it_is_held():
    found = spikes([*noisy(400), *[4.0] * 20, *[1.29] * 200])
    assert [state for _, state, _ in said(found)] == ["raised"]
    assert len(spikes([*noisy(400), *[4.0] * 20, *[1.2] * 20])) == 2


def test_a_new_level_that_stays_is_not_taken_for_usual():
    assert [state for _, state, _ in said(spikes([*noisy(400), *noisy(3000, 4.0)]))] == ["raised"]


def test_the_beginning_is_no_spike():
    assert spikes([9.0, 8.0, 7.0, *noisy(15)]) == []
    assert spikes([1.0] * 12 + [8.0] * 8) == []


def test_what_is_usual_is_of_the_later_half():
    falls = (2.3 * np.exp(-np.arange(150) / 30) + 0.01).tolist()
    assert len(spikes([*falls, *[0.6] * 20])) == 1
    # Of 256 values, where the run is long enough.
    assert len(spikes([*[9.0] * 2000, *falls, *[0.6] * 20])) == 0


def test_steps_without_a_loss_are_not_judged():
    watch = Watch(["loss_spike"])
    fed(watch, series("train_loss", [*noisy(400), *[4.0] * 3]))
    assert fed(watch, series("lr", [0.1] * 50, first=404)) == []


def test_a_loss_that_is_nan_is_an_error_at_once():
    watch = Watch(["loss_not_finite"])
    found = fed(watch, series("train_loss", [1.0, 1.0, None, *[1.0] * 9]))
    assert said(found) == [("loss_not_finite", "raised", 3)]
    assert found[0].severity is Severity.error
    assert found[0].statement == "train_loss is NaN or infinite: the value up to step 3"
    # Other scalars say nothing of it.
    assert fed(watch, series("lr", [0.1] * 50, first=20)) == []
    assert said(fed(watch, [scalars(99, train_loss=1.0)])) == [("loss_not_finite", "cleared", 99)]


def test_part_of_a_block_is_enough():
    point = ScalarPoint("val_loss", 50, 1.0, 0.9, 1.1, 10, 3)
    (alert,) = Watch(["loss_not_finite"]).update(Frame(50, 0.0, (point,)))
    assert alert.statement == "val_loss is NaN or infinite: 3 of 10 values up to step 50"


def test_other_scalars_are_no_error():
    (alert,) = fed(Watch(["loss_not_finite"]), [scalars(1, grad_norm=None)])
    assert alert.severity is Severity.warning
    (alert,) = fed(Watch(["loss_not_finite"]), [scalars(1, grad_norm=None, train_loss=None)])
    assert alert.severity is Severity.error
    assert alert.statement.endswith("; so is grad_norm")


def test_weights_that_are_nan():
    watch = Watch(["weights_not_finite"])
    bad = {"reason": Reason.non_finite}
    found = fed(watch, [look(10), look(20, **bad), look(30, **bad), look(40)])
    assert said(found) == [("weights_not_finite", "raised", 20), ("weights_not_finite", "cleared", 40)]
    assert found[0].severity is Severity.error
    assert "finite at the visit before" in found[0].statement
    (first,) = fed(Watch(["weights_not_finite"]), [look(10, **bad)])
    assert "before" not in first.statement
    assert fed(Watch(["weights_not_finite"]), [look(10, reason=Reason.all_zero)]) == []


def test_nan_in_the_weights_disturbs_no_other_rule():
    looks = [look(10 * k, "w", norm=4.0, reason=Reason.non_finite if k % 3 == 0 else None) for k in range(30)]
    watch = Watch()
    found = fed(watch, looks)
    assert {alert.rule for alert in found} == {"weights_not_finite"}
    assert not watch.faults
    assert raised(found, "weights_not_finite")
    assert all(math.isfinite(norm) for _, norm in watch.history.norms.points)
