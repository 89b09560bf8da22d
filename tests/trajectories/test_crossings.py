"""Claim: the first crossing that lasts is found between its measurements, and its interval holds the curve's own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trajectories.worlds import trajectory
from triplepoint.errors import UsageError
from triplepoint.records import Reason
from triplepoint.trajectories import first_crossing, grokking_delay
from triplepoint.trajectories.crossings import MOST, log_spaced, residual_errors
from triplepoint.trajectories.underlying import Heights, chance_above

STEPS = np.arange(0, 1000, 10)


def sigmoid(steps: np.ndarray, middle: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(steps - middle) / width))


def test_a_line_without_noise_crosses_where_algebra_says():
    found = first_crossing(trajectory(STEPS / 1000, STEPS), 0.333, rising=True)
    assert found.step == pytest.approx(333)
    assert found.bracket == (330, 340)
    assert (found.low, found.high) == (330, 340)


def test_downwards_is_the_mirror_image():
    values = STEPS / 1000 + 0.02 * np.random.default_rng(0).standard_normal(100)
    up = first_crossing(trajectory(values, STEPS), 0.5, rising=True)
    down = first_crossing(trajectory(-values, STEPS), -0.5, rising=False)
    assert (down.step, down.low, down.high, down.bracket) == (up.step, up.low, up.high, up.bracket)
    assert not down.rising


def test_it_has_to_stay():
    values = np.array([0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1.0])
    at = [first_crossing(trajectory(values), 0.5, True, confirm=k).bracket for k in (1, 2, 3)]
    assert at == [(1, 2), (4, 5), (7, 8)]


def test_what_is_never_reached_is_known_not_to_come_before():
    values = 0.5 + 0.01 * np.random.default_rng(1).standard_normal(100)
    found = first_crossing(trajectory(values, STEPS), 0.9, rising=True)
    assert (found.step, found.high, found.bracket) == (None, None, None)
    assert found.low == 990
    near = first_crossing(
        trajectory(sigmoid(STEPS, 1000, 50), STEPS, sem=np.full(100, 0.1)), 0.5, rising=True
    )
    assert near.step is None
    assert near.low < 980


def test_what_is_there_from_the_first_measurement_has_no_lower_bound():
    found = first_crossing(trajectory(np.full(100, 2.0), STEPS), 1.0, rising=True)
    assert (found.step, found.low, found.high, found.bracket) == (0.0, None, 0.0, (0, 0))


def test_between_measurements_of_a_logarithmic_schedule_the_line_is_over_the_logarithm():
    steps = 2 ** np.arange(12)
    assert log_spaced(steps)
    assert not log_spaced(STEPS)
    found = first_crossing(trajectory(np.log2(steps), steps), 5.5, rising=True)
    assert found.step == pytest.approx(2**5.5)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("noise", "width"), [(0.02, 20), (0.1, 20), (0.1, 100)])
def test_the_interval_holds_the_crossing_of_the_curve(noise, width, known):
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        middle = rng.uniform(400, 600)
        values = sigmoid(STEPS, middle, width) + noise * rng.standard_normal(100)
        sem = np.full(100, noise) if known else None
        found = first_crossing(trajectory(values, STEPS, sem=sem), 0.5, rising=True)
        held += (found.low or 0) <= middle <= (found.high or 1000)
    assert held >= 36


def test_intervals_of_the_values_stand_for_their_errors():
    values, ones = STEPS / 1000, np.ones(100)
    by_sem = first_crossing(trajectory(values, STEPS, sem=0.05 * ones), 0.5, True)
    by_ends = first_crossing(trajectory(values, STEPS, low=values - 0.098, high=values + 0.098), 0.5, True)
    assert (by_ends.low, by_ends.high) == (by_sem.low, by_sem.high)
    assert by_sem.high - by_sem.low > 20


def test_many_points_are_smoothed_in_blocks_and_then_around_the_crossing():
    rng = np.random.default_rng(3)
    steps = np.arange(20 * MOST)
    values = sigmoid(steps, 12_345, 30) + 0.05 * rng.standard_normal(len(steps))
    found = first_crossing(trajectory(values, steps), 0.5, rising=True)
    assert found.low <= 12_345 <= found.high
    assert found.high - found.low < 60
    assert found.high - found.low < 20  # less than a block
    slow = sigmoid(steps, 12_345, 4000) + 0.3 * rng.standard_normal(len(steps))
    wide = first_crossing(trajectory(slow, steps), 0.5, rising=True)
    assert wide.low <= 12_345 <= wide.high


def test_blocks_are_means_with_the_errors_of_means():
    found = Heights(np.arange(5.0), np.array([1.0, 3, 5, 7, 9]), np.array([3.0, 4, 1, 1, 2])).blocks(2)
    np.testing.assert_allclose(found.steps, [0.5, 2.5, 4.0])
    np.testing.assert_allclose(found.values, [2.0, 6.0, 9.0])
    np.testing.assert_allclose(found.errors, [2.5, np.sqrt(0.5), 2.0])


def test_the_chance_is_that_of_the_dense_gaussian():
    """With one size of move it is the mean of a normal law given all points; checked through the average over sizes."""
    rng = np.random.default_rng(4)
    steps = np.array([0.0, 1, 2, 5, 6, 9])
    values, errors = rng.standard_normal(6), rng.uniform(0.3, 1.0, 6)
    found = chance_above(Heights(steps, values, errors))
    from scipy import stats

    from triplepoint.trajectories.underlying import MOVES

    total, chance = 0.0, np.zeros(6)
    for move in MOVES * np.mean(errors**2) / np.median(np.diff(steps)):
        prior = move * np.minimum.outer(steps, steps) + 1e5  # a level that is not known
        matrix = prior + np.diag(errors**2)
        weight = np.exp(stats.multivariate_normal(np.zeros(6), matrix).logpdf(values))
        gain = prior @ np.linalg.inv(matrix)
        mean, variance = gain @ values, np.diag(prior - gain @ prior)
        chance += weight * stats.norm.cdf(mean / np.sqrt(variance))
        total += weight
    np.testing.assert_allclose(found, chance / total, rtol=1e-3)


def test_unknown_errors_are_read_off_the_scatter_about_the_neighbours():
    line = np.linspace(0, 3, 200)
    found = [
        residual_errors(line + 0.1 * np.random.default_rng(k).standard_normal(200), 100)[0] for k in range(30)
    ]
    assert np.mean(found) == pytest.approx(0.1, rel=0.15)
    assert not residual_errors(np.array([0.0, 5.0, 0.0]), 1).any()
    assert not residual_errors(np.repeat([0.1, 1.0], 20), 20).any()


def test_wrong_requests_are_refused_and_too_short_series_have_a_reason():
    with pytest.raises(UsageError, match="not a finite number"):
        first_crossing(trajectory(STEPS), np.nan, True)
    with pytest.raises(UsageError, match="confirm 0"):
        first_crossing(trajectory(STEPS), 1.0, True, confirm=0)
    assert first_crossing(trajectory(np.ones(1)), 0.5, True) is Reason.too_few_points


def test_the_delay_of_grokking_is_the_difference_of_two_crossings():
    rng = np.random.default_rng(6)
    train = trajectory(sigmoid(STEPS, 105, 3) + 0.01 * rng.standard_normal(100), STEPS)
    test = trajectory(sigmoid(STEPS, 705, 3) + 0.01 * rng.standard_normal(100), STEPS)
    found = grokking_delay(train, test, 0.5)
    assert found.low <= 600 <= found.high
    assert found.steps == pytest.approx(600, abs=5)
    first, second = (first_crossing(one, 0.5, True) for one in (train, test))
    assert (found.low, found.high) == (second.low - first.high, second.high - first.low)
    flat = trajectory(np.zeros(100), STEPS)
    assert grokking_delay(train, flat, 0.5) is Reason.not_reached
    assert grokking_delay(flat, test, 0.5) is Reason.not_reached
    assert grokking_delay(train, trajectory(np.ones(1)), 0.5) is Reason.too_few_points
    assert grokking_delay(trajectory(np.ones(100), STEPS), test, 0.5).high is None
