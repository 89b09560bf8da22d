"""Claim: skewness and kurtosis of the entries are those of their definition, by every kernel, at every scale, and a
stack's are those of all its entries together.

Witness: scipy.stats on the entries themselves.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from tests.worlds import gaussian
from triplepoint.linalg import choose_backend, decompose
from triplepoint.linalg.moments import central

WORLDS = {
    "t6 with a shifted mean": np.random.default_rng(0).standard_t(6, (1, 120, 90)) + 0.3,
    "exponential slices of uneven spread": np.random.default_rng(1).standard_exponential((5, 40, 20))
    * np.arange(1, 6)[:, None, None],
    "two large slices": np.random.default_rng(2).gamma(2.0, size=(2, 140, 120)) - 1,
    "a wide matrix in float16": np.random.default_rng(3).uniform(size=(1, 30, 400)).astype(np.float16),
}


@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
@pytest.mark.parametrize("name", WORLDS)
def test_moments_are_those_of_the_entries(name, mode):
    values = WORLDS[name]
    entries = decompose(values, mode, choose_backend()).entries
    wide = values.astype(np.float64)
    assert entries.kurtosis == pytest.approx(kurtosis(wide, axis=None, fisher=False), rel=1e-5)
    assert entries.skewness == pytest.approx(skew(wide, axis=None), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("factor", [1e-120, 1e-30, 1e30, 1e120])
def test_scale_does_not_matter(factor):
    base = decompose(gaussian((1, 60, 50)), "precise", choose_backend()).entries
    found = decompose(factor * gaussian((1, 60, 50)), "precise", choose_backend()).entries
    assert found.kurtosis == pytest.approx(base.kurtosis, rel=1e-9)
    assert found.skewness == pytest.approx(base.skewness, rel=1e-9)


def test_entries_without_spread_have_none():
    entries = decompose(np.full((1, 120, 100), 0.1), "precise", choose_backend()).entries
    assert math.isnan(entries.kurtosis)
    stack = gaussian((3, 20, 20))
    stack[1] = 0.5
    entries = decompose(stack, "precise", choose_backend()).entries
    assert entries.kurtosis == pytest.approx(kurtosis(stack, axis=None, fisher=False), rel=1e-9)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
@pytest.mark.parametrize("spread", [1e-3, 1e-4, 3e-5, 1e-6, 1e-10])
@pytest.mark.parametrize("shape", [(1, 256, 200), (3, 40, 50), (1, 2000, 600)])
def test_a_mean_far_beyond_the_spread_costs_no_digits(shape, spread, mode, dtype):
    """About zero the fourth moment has no digit left at a spread of 1e-4 of the mean, in float32 at 1e-2."""
    values = (1 + spread * gaussian(shape, 3)).astype(dtype)
    wide = values.astype(np.float64) - 1
    entries = decompose(values, mode, choose_backend()).entries
    if np.std(wide) == 0:
        assert math.isnan(entries.kurtosis)
        return
    assert entries.kurtosis == pytest.approx(kurtosis(wide, axis=None, fisher=False), rel=1e-6)
    assert entries.skewness == pytest.approx(skew(wide, axis=None), abs=1e-5)
    assert entries.std == pytest.approx(np.std(wide), rel=1e-6)
    assert entries.mean - 1 == pytest.approx(np.mean(wide), abs=1e-4 * np.std(wide) + 1e-16)


def test_where_no_digit_is_left_there_is_no_kurtosis():
    """A place 10⁴ σ from the mean: the fourth moment about it is 10¹⁶, that about the mean 3."""
    assert math.isnan(central(1e4, -1e4, 1e8 + 1.0, 0.0, 1e16)[3])
    assert central(1.0, -1.0, 2.0, -4.0, 10.0) == (0.0, 1.0, 0.0, 3.0)


@pytest.mark.parametrize("start", [1e3, 1e8])
def test_panels_far_apart_are_merged(start):
    values = gaussian((1, 9000, 512), 4)
    values[0, :2100] += start
    found = decompose(values, "precise", choose_backend()).entries
    assert found.kurtosis == pytest.approx(kurtosis(values, axis=None, fisher=False), rel=1e-8)
    assert found.std == pytest.approx(np.std(values), rel=1e-10)
