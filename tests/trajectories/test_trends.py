"""Claim: the slope is the weighted Theil–Sen, and its interval holds what correlated noise does, a walk included.

Witnesses: the sum that it minimises; scipy's unweighted one; simulated noise without a slope, in which the textbook
interval fails.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from tests.trajectories.worlds import noise, trajectory
from triplepoint.records import Reason
from triplepoint.trajectories import slope
from triplepoint.trajectories.theil_sen import theil_sen


@pytest.mark.parametrize("seed", range(3))
def test_no_slope_has_a_smaller_sum_over_all_pairs(seed):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.choice(1000, 41, replace=False)).astype(float)
    values = 0.01 * times + rng.standard_t(2, 41)
    found = slope(trajectory(values, steps=times.astype(int))).per_step
    apart, moved = np.subtract.outer(times, times), np.subtract.outer(values, values)

    def dispersion(b: float) -> float:
        return float(np.abs(moved - b * apart).sum())

    best = optimize.minimize_scalar(dispersion, bounds=(-0.1, 0.1), method="bounded", options={"xatol": 1e-9})
    assert found == pytest.approx(best.x, abs=1e-7)
    assert dispersion(found) <= dispersion(best.x) * (1 + 1e-12)


def test_at_equal_spacing_it_is_near_the_unweighted_one():
    values = 0.05 * np.arange(100) + noise(100, 0.0, 3)
    assert theil_sen(np.arange(100.0), values) == pytest.approx(stats.theilslopes(values).slope, abs=0.002)


def test_where_two_slopes_share_the_middle_it_is_between_them():
    # Slopes −1, 0, 0, 1/3, 1, 1 with weights 1, 2, 2, 3, 1, 1: half of them up to the second 0.
    assert theil_sen(np.arange(4.0), np.array([0.0, 1.0, 0.0, 1.0])) == pytest.approx(1 / 6)
    assert theil_sen(np.array([0.0, 1.0]), np.array([0.0, 3.0])) == 3.0


def test_a_log_spaced_schedule_without_a_slope_shows_few():
    steps = np.unique(np.geomspace(1, 10_000, 60).astype(int))
    wrong = 0
    for seed in range(100):
        values = np.random.default_rng(seed).standard_normal(len(steps))
        for i, gap in enumerate(np.diff(steps)):
            keep = np.exp(-gap / 100)
            values[i + 1] = keep * values[i] + np.sqrt(1 - keep**2) * values[i + 1]
        wrong += slope(trajectory(values, steps)).p_value < 0.05
    assert wrong <= 12


def rejected(n: int, phi: float, count: int = 150, steps: np.ndarray | None = None) -> tuple[float, float]:
    """Shares of series without a slope in which ours and the textbook's interval miss it."""
    ours = textbook = 0
    for seed in range(count):
        values = noise(n, phi, 1000 * n + seed)
        ours += slope(trajectory(values, steps)).p_value < 0.05
        textbook += stats.kendalltau(np.arange(n), values).pvalue < 0.05
    return ours / count, textbook / count


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
def test_correlated_noise_without_a_slope_shows_one_in_few_of_twenty(phi):
    ours, textbook = rejected(40, phi)
    assert ours <= 0.06
    assert textbook > 0.2 or phi == 0


def test_a_random_walk_without_drift_has_none():
    ours, textbook = rejected(60, 1.0)
    assert ours <= 0.11
    assert textbook > 0.7


def test_white_noise_costs_little_power():
    found = [slope(trajectory(0.05 * np.arange(100) + noise(100, 0.0, seed))) for seed in range(20)]
    assert sum(one.low < 0.05 < one.high for one in found) >= 18
    widths = [(one.high - one.low) / (2 * 1.96 * np.sqrt(12 / 100**3)) for one in found]
    assert 1.0 < np.median(widths) < 1.7
    assert np.median([one.effective_points for one in found]) > 30


def test_of_a_walk_fewer_than_one_point_is_left():
    assert slope(trajectory(noise(200, 1.0, 4))).effective_points < 1.5


@pytest.mark.parametrize("seed", range(8))
def test_the_p_value_and_the_interval_say_the_same(seed):
    found = slope(trajectory(0.03 * np.arange(40) + noise(40, 0.5, seed)))
    assert (found.p_value < 0.05) == (not found.low <= 0 <= found.high)
    assert found.low <= found.per_step <= found.high


def test_units_of_values_and_steps_go_through():
    values, steps = noise(50, 0.7, 1), np.cumsum(np.random.default_rng(2).integers(1, 9, 50))
    one = slope(trajectory(values, steps))
    other = slope(trajectory(1e-6 * values + 7.0, 1000 * steps))
    for name in ("per_step", "low", "high"):
        assert getattr(other, name) == pytest.approx(1e-9 * getattr(one, name), rel=1e-6)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert other.effective_points == pytest.approx(one.effective_points, rel=1e-6)


def test_an_added_line_is_added():
    values = noise(50, 0.7, 1)
    one, other = slope(trajectory(values)), slope(trajectory(values + 0.3 * np.arange(50)))
    assert other.low == pytest.approx(one.low + 0.3, rel=1e-6)
    assert other.high == pytest.approx(one.high + 0.3, rel=1e-6)


def test_a_straight_line_has_no_error_and_a_constant_no_slope():
    line = slope(trajectory(2.0 * np.arange(20)))
    assert (line.low, line.high, line.p_value) == (2.0, 2.0, 0.0)
    level = slope(trajectory(np.full(20, 3.0)))
    assert (level.per_step, level.low, level.high, level.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert level.effective_points == 20


def test_known_errors_are_the_least_that_is_allowed():
    sem = np.full(20, 5.0)
    found = slope(trajectory(2.0 * np.arange(20), sem=sem))
    times = np.arange(20) - 9.5
    half = stats.t.ppf(0.975, 18) * 5.0 / np.sqrt(times @ times)
    assert found.high - 2.0 == pytest.approx(half, rel=1e-6)
    quiet = slope(trajectory(2.0 * np.arange(20) + 0.1 * noise(20, 0.0, 9), sem=sem))
    assert (quiet.high - quiet.low) / 2 == pytest.approx(half, rel=1e-6)


def test_spikes_move_neither_slope_nor_interval_by_much():
    values = 0.05 * np.arange(100) + noise(100, 0.0, 6)
    spiked = values.copy()
    spiked[[20, 50, 90]] += 500.0
    one, other = slope(trajectory(values)), slope(trajectory(spiked))
    assert other.low > 0.0
    assert other.high - other.low < 1.5 * (one.high - one.low)


def test_a_logarithmic_axis_gives_the_change_over_a_factor_e():
    steps = np.unique(np.geomspace(1, 1e6, 60).astype(int))
    values = 0.5 * np.log(steps) + 0.01 * noise(len(steps), 0.0, 7)
    found = slope(trajectory(values, steps), log_steps=True)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.02


def test_a_window_looks_at_the_last_steps_alone():
    values = np.concatenate([np.zeros(50), np.arange(50.0)])
    assert slope(trajectory(values), window=50).per_step == pytest.approx(1.0)


def test_a_hundred_thousand_points_are_blocks():
    values = 1e-4 * np.arange(100_000) + noise(100_000, 0.0, 8)
    found = slope(trajectory(values))
    assert found.points == 100_000
    assert found.low < 1e-4 < found.high
    # The known law of white noise; OLS has 1.96·√12·n^−1.5.
    assert found.high - found.low < 4 * (2 * 1.96 * np.sqrt(12 / 1e5**3))


def test_four_points_have_no_slope():
    assert slope(trajectory(np.arange(4.0))) is Reason.too_few_points
    assert slope(trajectory(np.empty(0))) is Reason.too_few_points


@pytest.mark.slow
@pytest.mark.parametrize("phi", [0.3, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("n", [10, 25, 150])
def test_the_size_at_more_lengths(n, phi):
    assert rejected(n, phi, 400)[0] <= (0.12 if n == 10 or phi == 1 else 0.08)
