"""Claim: the memories are bounded, keep the beginning and the end, and say what the whole series says."""

from __future__ import annotations

import numpy as np
import pytest

from triplepoint.alerts.series import Bins, Thinned, median, noise


@pytest.mark.parametrize("count", [1, 5, 8, 9, 63, 1000, 4097])
def test_a_thinned_series_keeps_its_ends_and_an_even_grain(count):
    series = Thinned(8)
    for step in range(count):
        series.add(step, float(step))
    points = series.points
    assert points[0] == (0, 0.0)
    assert points[-1] == (count - 1, count - 1.0)
    assert len(points) <= 9
    if count >= 8:
        assert len(points) >= 5
        gaps = np.diff([step for step, _ in points])
        assert len(set(gaps[:-1])) <= 1
        assert gaps[-1] <= gaps[0]


def test_a_cleared_series_begins_again():
    series = Thinned(4)
    for step in range(50):
        series.add(step, 1.0)
    series.clear()
    assert series.points == []
    series.add(60, 2.0)
    series.add(61, 3.0)
    assert series.points == [(60, 2.0), (61, 3.0)]


@pytest.mark.parametrize(
    "steps", [range(10, 1000), range(0, 64_000, 50), [int(1.1**k) for k in range(60, 150)]]
)
def test_bins_hold_the_means_of_their_stretches(steps):
    rng = np.random.default_rng(1)
    values = rng.standard_normal(len(steps))
    bins = Bins(16)
    for step, value in zip(steps, values, strict=True):
        bins.add(step, float(value))
        assert len(bins.means) < 16
    at = (np.asarray(steps) - steps[0]) // bins.width
    assert len(bins.values) >= 4
    for index, (mean, count) in enumerate(bins.means):
        inside = values[at == bins.starts[index]]
        # The last finished stretch may have been merged with the first half of one that still runs.
        if index < len(bins.means) - 1:
            assert count == len(inside)
            assert mean == pytest.approx(float(inside.mean()))
            assert bins.step_of(index) == steps[0] + bins.starts[index] * bins.width


def test_bins_weigh_blocks_by_their_values():
    bins = Bins(16)
    for step, value, count in ((0, 1.0, 1), (0, 4.0, 3), (1, 0.0, 1)):
        bins.add(step, value, count)
    assert bins.means == [(13 / 4, 4)]


def test_a_stretch_that_runs_on_after_a_merge_is_one_stretch():
    bins = Bins(4)
    for step in (0, 1, 2, 4, 5, 6):
        bins.add(step, float(step))
    assert bins.width == 2
    assert bins.starts == [0, 1, 2]
    assert bins.means == [(0.5, 2), (2.0, 1), (4.5, 2)]


def test_noise_is_the_scatter_and_knows_no_trend():
    rng = np.random.default_rng(2)
    scatter = [noise((0.3 * rng.standard_normal(400) + np.arange(400) * 2.0).tolist()) for _ in range(20)]
    assert np.mean(scatter) == pytest.approx(0.3, rel=0.05)
    assert noise([1.0, 2.0, 3.0, 9.0]) is None


def test_a_jump_is_no_noise():
    assert noise([0.0] * 20 + [5.0] * 20) == 0.0


@pytest.mark.parametrize(
    ("values", "middle"), [([3.0], 3.0), ([1.0, 9.0, 2.0], 2.0), ([4.0, 1.0, 3.0, 2.0], 2.5)]
)
def test_median(values, middle):
    assert median(values) == middle
