"""Claim: the division is the cheapest of all. Witness: every division, each with its cost from dense matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.trajectories.worlds import covariance, noise
from triplepoint.trajectories.noise import Noises, grid
from triplepoint.trajectories.points import Points
from triplepoint.trajectories.segments import divide, segment, sides


def points(values: np.ndarray, times: np.ndarray, shares: np.ndarray) -> Points:
    steps = times.astype(int)
    return Points(times, values, shares, None, steps, steps, len(values))


@pytest.fixture(params=range(3))
def series(request):
    rng = np.random.default_rng(request.param)
    times = np.cumsum(rng.uniform(0.5, 3.0, 11))
    values = noise(11, 0.5, request.param)
    values[6:] += 4.0
    return points(values, times, rng.uniform(0.3, 1.0, 11))


def slow(noises: Noises, g: int, p: Points, first: int, end: int) -> tuple[float, float]:
    """Misfit and volume of a segment by least squares with the dense covariance."""
    part = slice(first, end)
    model = noises.rate[g], noises.spread[g], noises.error[g]
    inverse = np.linalg.inv(covariance(*model, p.times[part] / noises.gap, p.shares[part]))
    values, ones = p.values[part], np.ones(end - first)
    weight = ones @ inverse @ ones
    rest = values - (ones @ inverse @ values) / weight
    return rest @ inverse @ rest, np.log(weight) - np.linalg.slogdet(inverse)[1]


def test_a_segment_is_fitted_as_least_squares_says(series):
    noises = grid(series.times)
    misfit, volume = segment(noises, series, 2, 9)
    for g in range(len(noises.rate)):
        expected = slow(noises, g, series, 2, 9)
        assert misfit[g] == pytest.approx(expected[0], rel=1e-6, abs=1e-9)
        assert volume[g] == pytest.approx(expected[1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("price", [1.0, 6.0, 40.0])
def test_no_division_is_cheaper(series, price):
    noises = grid(series.times)
    models, n, least = len(noises.rate), 11, 2
    scale = np.random.default_rng(0).uniform(0.5, 2.0, models)
    prices = np.full(models, price) + np.linspace(0, 1, models)
    found = divide(noises, series, scale, prices, least)
    for g in range(0, models, 5):
        parts = {
            (a, b): slow(noises, g, series, a, b)
            for a, b in itertools.combinations(range(n + 1), 2)
            if b - a >= least
        }
        best, chosen = np.inf, ()
        for count in range(n // least):
            for cuts in itertools.combinations(range(1, n), count):
                ends = list(itertools.pairwise((0, *cuts, n)))
                if all(one in parts for one in ends):
                    cost = sum(parts[one][0] / scale[g] + parts[one][1] for one in ends) + prices[g] * count
                    if cost < best:
                        best, chosen = cost, cuts
        assert found[g].cuts == chosen
        ends = list(itertools.pairwise((0, *chosen, n)))
        assert found[g].misfit == pytest.approx(sum(parts[one][0] for one in ends), rel=1e-6)
        assert found[g].volume == pytest.approx(sum(parts[one][1] for one in ends), rel=1e-6, abs=1e-8)


def test_both_sides_of_every_place(series):
    noises = grid(series.times)
    for g in (0, 1, 7, len(noises.rate) - 1):
        misfit, volume = sides(noises.one(g), series, 1, 10)
        for place in range(1, 9):
            left, right = slow(noises, g, series, 1, 1 + place), slow(noises, g, series, 1 + place, 10)
            assert misfit[place] == pytest.approx(left[0] + right[0], rel=1e-6, abs=1e-9)
            assert volume[place] == pytest.approx(left[1] + right[1], rel=1e-6, abs=1e-8)
