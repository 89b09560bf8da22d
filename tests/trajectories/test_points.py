"""Claim: thinning and spikes change what they say and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trajectories.worlds import noise, trajectory
from triplepoint.errors import UsageError
from triplepoint.records import Reason
from triplepoint.trajectories.points import MOST, SPIKE, despiked, prepare


def test_short_trajectories_pass_unchanged():
    found = prepare(trajectory(noise(50, 0.5, 0)), 5)
    np.testing.assert_array_equal(found.values, noise(50, 0.5, 0))
    assert (found.count, found.sem) == (50, None)
    np.testing.assert_array_equal(found.steps, found.last)


def test_long_ones_become_blocks_of_equal_length_whose_bounds_are_known():
    values = noise(10_000, 0.0, 1)
    found = prepare(trajectory(values, sem=np.full(10_000, 0.5)), 5)
    assert len(found.times) == MOST
    first, last = int(found.steps[3]), int(found.last[3])
    part = np.sort(values[first : last + 1])
    cut = len(part) // 10
    assert found.values[3] == pytest.approx(part[cut : len(part) - cut].mean())
    assert found.shares[3] == pytest.approx(1 / len(part))
    assert found.sem[3] == pytest.approx(0.5 / np.sqrt(len(part)))
    assert found.steps[4] == last + 1
    assert found.count == 10_000


def test_on_a_logarithmic_axis_blocks_are_of_equal_length_there():
    found = prepare(trajectory(np.arange(100_000.0)), 5, log_steps=True)
    assert found.steps[0] == 1  # step 0 has no logarithm
    ratios = (found.last[-20:] + 1) / found.steps[-20:]
    np.testing.assert_allclose(ratios, 99_999 ** (1 / MOST), rtol=1e-3)


def test_a_window_keeps_the_last_steps():
    found = prepare(trajectory(np.arange(30.0), steps=10 * np.arange(30)), 5, window=100)
    np.testing.assert_array_equal(found.steps, np.arange(200, 300, 10))
    assert prepare(trajectory(np.arange(30.0)), 5, window=4) is Reason.too_few_points


def test_errors_that_are_not_all_known_are_none():
    sem = np.full(10, 0.1)
    sem[3] = np.nan
    assert prepare(trajectory(np.arange(10.0), sem=sem), 5).sem is None


def test_steps_that_do_not_ascend_are_refused():
    with pytest.raises(UsageError, match="do not ascend"):
        prepare(trajectory(np.arange(6.0), steps=np.array([0, 1, 2, 2, 3, 4])), 5)


def test_spikes_are_drawn_in_and_steps_are_not():
    values = np.concatenate([np.zeros(30), np.full(30, 50.0)]) + noise(60, 0.0, 3)
    spiked = values.copy()
    spiked[[10, 40]] += 1000.0
    found = despiked(spiked)
    assert np.all(np.abs(found - values)[[10, 40]] < 2 * SPIKE)
    np.testing.assert_array_equal(np.delete(found, [10, 40]), np.delete(spiked, [10, 40]))


def test_a_series_that_is_mostly_constant_is_left_alone():
    values = np.zeros(20)
    values[7] = 1.0
    np.testing.assert_array_equal(despiked(values), values)
