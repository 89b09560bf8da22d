"""Claim: the closed form is the integral of the density, exact at Q = 1. Witness: the midpoint rule."""

from __future__ import annotations

import numpy as np
import pytest

from tests.naive import marchenko_pastur_cdf
from tests.worlds import gaussian
from triplepoint.nulls import marchenko_pastur


@pytest.mark.parametrize("shape", [(100, 100), (101, 100), (200, 100), (1000, 10), (30522, 384)])
def test_the_distribution_function_is_the_integral_of_the_density(shape):
    low, high = marchenko_pastur.edges(shape)
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        value = low + share * (high - low)
        expected = marchenko_pastur_cdf(value / shape[0], shape[1] / shape[0])
        assert marchenko_pastur.cdf(np.array([value]), shape, 1.0)[0] == pytest.approx(expected, abs=2e-6)


def test_it_ends_at_zero_and_one_outside_the_edges():
    found = marchenko_pastur.cdf(np.array([0.0, 1e9]), (300, 100), 2.0)
    assert found == pytest.approx([0.0, 1.0], abs=1e-12)


def test_a_large_gaussian_matrix_follows_it():
    shape, sigma = (1500, 500), 0.3
    values = np.linalg.svd(gaussian(shape, seed=1, sigma=sigma), compute_uv=False)[::-1] ** 2
    assert marchenko_pastur.ks_distance(values, shape, sigma) < 0.01
    assert values[-1] == pytest.approx(marchenko_pastur.edges(shape, sigma)[1], rel=0.03)


def test_the_distance_looks_at_both_sides_of_every_step():
    one = np.array([marchenko_pastur.edges((4, 1))[0]])
    assert marchenko_pastur.ks_distance(one, (4, 1), 1.0) == pytest.approx(1.0)
