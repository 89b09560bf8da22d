"""Claim: the memories are bounded, keep the beginning and the end, and say what the whole series says."""

from __future__ import annotations

import numpy as np
import pytest

from triplepoint.alerts.scalar_history import ScalarHistory
from triplepoint.alerts.series import Bins, Thinned, median, noise
from triplepoint.records import ScalarPoint


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


@pytest.mark.parametrize("count", [40, 150, 1000])
def test_what_is_usual_of_a_scalar_is_that_of_its_last_values(count):
    values = np.random.default_rng(count).standard_normal(count).tolist()
    history = ScalarHistory()
    for step, value in enumerate(values):
        history.add(ScalarPoint("train_loss", step, value))
    assert history.start == pytest.approx(np.median(values[:5]))
    assert history.level == pytest.approx(np.median(values[-5:]))

    def usual(before):
        """As it stood when so many values lay before the five newest."""
        window = sorted(values[max(before - 256, before - max(before // 2, 16)) : before])
        return window[len(window) // 2], window[19 * len(window) // 20]

    # Taken again after sixteen values.
    assert (history.middle, history.high) in [usual(before) for before in range(count - 5 - 15, count - 4)]


def test_a_value_that_is_none_leaves_a_scalar_as_it_was():
    history = ScalarHistory()
    for step in range(10):
        history.add(ScalarPoint("train_loss", step, 1.0))
    assert not history.add(ScalarPoint("train_loss", 10, None, non_finite=1))
    assert history.level == 1.0
    assert list(history.newest)[-1] == (9, 1.0)
