"""Claim: the band holds at least 95 % of the bins of a spectrum of noise, and is narrow because eigenvalues repel.

Witnesses: singular values of dense Gaussian matrices by NumPy (the tables come from tridiagonal draws), the density of
Marchenko and Pastur integrated by SciPy, and independent draws from the same law, which the band must not hold.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from triplepoint.nulls import marchenko_pastur
from triplepoint.nulls.band import ENTERS, LEAVES, law, number_variance, rigidity

SHAPES = [(64, 64), (80, 64), (200, 100), (256, 64)]


def density(value: float, shape: tuple[int, int]) -> float:
    """Of λ of WᵀW at unit variance."""
    n, m = shape
    low, high = ((math.sqrt(n) - math.sqrt(m)) ** 2, (math.sqrt(n) + math.sqrt(m)) ** 2)
    return math.sqrt(max((high - value) * (value - low), 0.0)) / (2 * math.pi * m * value)


@pytest.mark.parametrize("shape", [(90, 30), (33, 32), (32, 32)])
def test_the_law_is_the_integral_of_its_density(shape):
    x, cdf = law(shape)
    for place in (20, 90, 150, 190):
        # In u = √λ nothing diverges at 0.
        start = max(0.0, math.sqrt(shape[0]) - math.sqrt(shape[1]))
        found, _ = quad(lambda u: 2 * u * density(u * u, shape), start, math.sqrt(10 ** x[place]), limit=200)
        assert cdf[place] == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("shape", [(4096, 4096), (4097, 4096), (16384, 4096), (8, 1), (128, 128)])
def test_a_law_drawn_with_straight_lines_is_good_to_a_fifth_of_an_eigenvalue(shape):
    x, cdf = law(shape)
    assert x.size <= 200
    assert (np.diff(x) > 0).all()
    assert (np.diff(cdf) >= 0).all()
    assert cdf[-1] == 1
    fine = np.linspace(x[0], x[-1], 20_001)
    exact = marchenko_pastur.cdf(10**fine, shape, 1.0)
    assert np.abs(np.interp(fine, x, cdf) - exact).max() * shape[1] < 0.2


def test_the_law_of_a_square_matrix_reaches_down_to_a_thousandth_of_an_eigenvalue():
    x, cdf = law((100, 100))
    assert cdf[0] * 100 == pytest.approx(1e-3, rel=1e-3)
    values = np.linalg.svd(np.random.default_rng(0).standard_normal((200, 100, 100)), compute_uv=False) ** 2
    # Real square matrices have a quarter of an eigenvalue more at 0 than the law: the correction of order 1/M.
    expected = 100 * np.interp(-1.0, x, cdf) + 0.25
    assert np.mean((values < 0.1).sum(axis=1)) == pytest.approx(expected, abs=0.15)


def draws(shape: tuple[int, int], count: int) -> np.ndarray:
    random = np.random.default_rng([3, *shape])
    return np.linalg.svd(random.standard_normal((count, *shape)), compute_uv=False)[:, ::-1] ** 2


def inside(values: np.ndarray, shape: tuple[int, int], bins: int) -> np.ndarray:
    """Whether the count of each bin of the bulk is in the band; bins over each spectrum's own range."""
    x, cdf = law(shape)
    band = rigidity()
    found = []
    for one in values:
        logs = np.log10(one)
        ends = np.linspace(logs.min(), logs.max(), bins + 1)
        below = shape[1] * np.interp(ends, x, cdf)
        mean, count = np.diff(below), np.histogram(logs, ends)[0]
        bulk = (below[:-1] >= 1) & (below[1:] <= shape[1] - 1)
        low, high = (np.interp(mean[bulk], band.mean, end) for end in (band.low, band.high))
        found.append((count[bulk] >= low) & (count[bulk] <= high))
    return np.concatenate(found)


@pytest.mark.parametrize("bins", [32, 64, 128])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_bins_of_noise_lie_within_the_band(shape, bins):
    share = inside(draws(shape, 200), shape, bins).mean()
    assert 0.975 < share < 0.999


@pytest.mark.parametrize("shape", [(64, 64), (200, 100)])
def test_independent_eigenvalues_do_not(shape):
    x, cdf = law(shape)
    random = np.random.default_rng(4)
    values = 10 ** np.interp(np.sort(random.random((200, shape[1])), axis=1), cdf, x)
    assert inside(values, shape, 32).mean() < 0.85


def test_the_variance_is_that_of_dense_matrices():
    shape = (240, 120)
    x, cdf = law(shape)
    places = shape[1] * np.interp(np.log10(draws(shape, 300)), x, cdf)
    for mean in (0.2, 0.5, 1.0, 3.0, 10.0):
        starts = np.arange(20, 90, 0.7)
        counts = [np.searchsorted(u, starts + mean) - np.searchsorted(u, starts) for u in places]
        assert np.var(counts) == pytest.approx(float(number_variance(np.array(mean))), abs=0.03)


def test_the_tabulated_means_give_dense_matrices_a_chance_of_a_fortieth():
    shape = (240, 120)
    x, cdf = law(shape)
    places = shape[1] * np.interp(np.log10(draws(shape, 400)), x, cdf)
    for count in range(1, 8):
        chances = []
        for mean in (ENTERS[count], LEAVES[count]):
            starts = np.arange(15, 95, 0.3)
            found = np.concatenate(
                [np.searchsorted(u, starts + mean) - np.searchsorted(u, starts) for u in places]
            )
            chances.append(float(np.mean(found >= count if mean == ENTERS[count] else found <= count)))
        assert chances == pytest.approx([0.025, 0.025], abs=0.008)


def test_a_count_is_in_the_band_exactly_between_its_two_means():
    band = rigidity()
    for count, (enters, leaves) in enumerate(zip(ENTERS, LEAVES, strict=True)):
        for mean in np.linspace(0.001, 15, 400):
            low, high = (np.interp(mean, band.mean, end) for end in (band.low, band.high))
            if min(abs(mean - enters), abs(mean - leaves)) > 1e-9:
                assert (low <= count <= high) == (enters < mean < leaves)


def test_the_band_goes_on_smoothly_to_any_count():
    band = rigidity()
    for ends in (band.mean, band.low, band.high, band.variance[band.mean >= 0.6]):
        assert (np.diff(ends) >= 0).all()
    assert (band.low <= band.mean).all()
    assert (band.mean <= band.high).all()
    wide = band.mean > 20
    assert (band.high - band.low)[wide].max() < 10
    at = np.interp(100.0, band.mean, band.high)
    assert at - 100 == pytest.approx(0.5 + 1.96 * math.sqrt(1.375), abs=0.1)
