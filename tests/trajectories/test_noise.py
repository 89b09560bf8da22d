"""Claim: the filter whitens by the covariance it says. The witness is that covariance, dense."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trajectories.worlds import covariance
from triplepoint.trajectories.noise import grid, variance_of, whitened

TIMES = {
    "equal": np.arange(12.0),
    "uneven": np.array([0.0, 1.0, 3.0, 3.5, 9.0, 10.0, 11.0, 30.0]),
    "tens": 10.0 * np.arange(9) + 5.0,
}


@pytest.fixture(params=sorted(TIMES))
def times(request):
    return TIMES[request.param]


def dense(noises, times, shares):
    scaled = times / noises.gap
    members = zip(noises.rate, noises.spread, noises.error, strict=True)
    return [covariance(*one, scaled, shares) for one in members]


def test_whitened_columns_have_the_products_of_the_dense_inverse(times):
    rng = np.random.default_rng(0)
    noises, shares = grid(times), rng.uniform(0.2, 1.0, len(times))
    columns = np.column_stack([rng.standard_normal(len(times)), np.ones(len(times)), times])
    white, total = whitened(noises, times, shares, columns)
    for g, matrix in enumerate(dense(noises, times, shares)):
        expected = columns.T @ np.linalg.solve(matrix, columns)
        np.testing.assert_allclose(white[:, g].T @ white[:, g], expected, rtol=1e-7, atol=1e-9)
        assert total[g] == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-9, abs=1e-9)


def test_the_variance_of_a_contrast_is_that_of_the_dense_covariance(times):
    rng = np.random.default_rng(1)
    noises, shares = grid(times), rng.uniform(0.2, 1.0, len(times))
    weights = rng.standard_normal(len(times))
    weights -= weights.mean()
    moving, errors = variance_of(noises, times, shares, weights)
    for g, matrix in enumerate(dense(noises, times, shares)):
        assert moving[g] + errors[g] == pytest.approx(weights @ matrix @ weights, rel=1e-7)


def test_the_grid_holds_white_noise_a_walk_and_weighs_one():
    noises = grid(np.arange(100.0))
    assert noises.weight.sum() == pytest.approx(1)
    assert np.any((noises.spread == 0) & ~noises.walk & (noises.error == 1))
    assert np.any(noises.walk & (noises.error == 0))
    moved = -2 * noises.spread * np.expm1(-noises.rate)
    np.testing.assert_allclose(moved[noises.spread > 0], 1.0)
    alone = noises.one(3)
    assert (alone.rate[0], alone.error[0], alone.weight[0]) == (noises.rate[3], noises.error[3], 1.0)
