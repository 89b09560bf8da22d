"""Claim: a change of level is found where it is, and correlated noise, a walk, a line or a spike is none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trajectories.worlds import noise, trajectory
from triplepoint.records import Reason
from triplepoint.trajectories import change_points
from triplepoint.trajectories.changes import Search, offset
from triplepoint.trajectories.points import prepare


def stairs(*heights: float, each: int = 25) -> np.ndarray:
    return np.repeat(np.array(heights, float), each)


def test_planted_changes_are_found_with_their_levels():
    values = stairs(0, 8, 3) + noise(75, 0.0, 0)
    found = change_points(trajectory(values, steps=10 * np.arange(75))).points
    assert [change.step for change in found] == [250, 500]
    assert all(change.low <= change.step <= change.high for change in found)
    assert all(change.p_value < 0.01 for change in found)
    assert found[0].before == pytest.approx(values[:25].mean())
    assert found[0].after == found[1].before == pytest.approx(values[25:50].mean())
    assert found[1].after == pytest.approx(values[50:].mean())


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 1.0])
def test_noise_without_a_change_shows_one_in_few_of_twenty(phi):
    found = [len(change_points(trajectory(noise(40, phi, 500 + seed))).points) > 0 for seed in range(50)]
    assert np.mean(found) <= 0.1


@pytest.mark.parametrize(
    "curve",
    [
        lambda t: 0.3 * t,
        lambda t: 30 * np.exp(-t / 20),
        lambda t: 10 * np.sin(t / 12),
        lambda t: np.zeros(len(t)),
    ],
)
def test_a_smooth_curve_has_no_change_of_level(curve):
    times = np.arange(80)
    for seed in range(3):
        assert not change_points(trajectory(curve(times) + noise(80, 0.0, seed))).points


def test_spikes_are_no_change():
    values = noise(60, 0.0, 1)
    values[[20, 21, 45]] += 60.0
    assert not change_points(trajectory(values)).points


def test_a_change_beside_a_drift_is_found():
    values = 0.05 * np.arange(80) + noise(80, 0.0, 2)
    values[48:] += 12.0
    (found,) = change_points(trajectory(values)).points
    assert found.low <= 48 <= found.high


def test_the_interval_of_the_step_holds_it():
    held, exact = [], []
    for seed in range(40):
        values = stairs(0, 3, each=30) + noise(60, 0.0, 3000 + seed)
        for change in change_points(trajectory(values)).points[:1]:
            held.append(change.low <= 30 <= change.high)
            exact.append(change.step == 30)
    assert len(held) >= 30
    assert np.mean(held) > 0.92
    assert np.mean(exact) < 0.9


def test_units_and_direction_change_nothing():
    values, steps = stairs(0, 5) + noise(50, 0.3, 5), 7 * np.arange(50) + 3
    (one,) = change_points(trajectory(values, steps)).points
    (other,) = change_points(trajectory(-1e-7 * values + 2.0, steps)).points
    assert (other.step, other.low, other.high) == (one.step, one.low, one.high)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-4)
    assert other.after - other.before == pytest.approx(-1e-7 * (one.after - one.before), rel=1e-6)


def test_a_clean_step_and_a_constant():
    (found,) = change_points(trajectory(stairs(0.1, 1.0, each=10))).points
    assert (found.step, found.low, found.high, found.before, found.after) == (
        10,
        10,
        10,
        0.1,
        pytest.approx(1.0),
    )
    assert change_points(trajectory(np.full(30, 2.0))).points == ()


def test_a_change_among_many_points_is_known_to_a_block():
    values = noise(20_000, 0.0, 6)
    values[12_345:] += 2.0
    (found,) = change_points(trajectory(values)).points
    assert found.low <= 12_345 <= found.high
    assert found.high - found.low < 20_000 / 50


def test_a_change_takes_its_gain_against_the_division_without_it():
    search = Search(prepare(trajectory(stairs(0, 8, 3) + noise(75, 0.0, 0)), 10))
    cuts, model = search.best(12.0)
    assert cuts == (25, 50)
    assert search.costs(()).min() > search.costs((25,)).min() > search.costs(cuts).min()
    assert search.costs(cuts).argmin() == model
    gain = search.costs((25,)).min() - search.costs(cuts).min()
    second = search.described(cuts, 1, model)
    assert second.p_value == pytest.approx(np.exp(-(gain - offset(75)) / 2))


def test_the_price_of_a_change_is_that_of_the_calibration():
    prices = [offset(n) - 2 * np.log(0.05) for n in (10, 20, 80, 240)]
    np.testing.assert_allclose(prices, [9.2, 10.0, 11.7, 13.0], atol=0.05)


def test_nine_points_have_no_place_for_two_levels():
    assert change_points(trajectory(np.arange(9.0))) is Reason.too_few_points
