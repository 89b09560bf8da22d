"""Claim: the noise level is that of the noise, however strong the spikes; noise is rejected as often as the level says.

Witnesses: planted noise levels and spikes; Gaussian matrices drawn through their bidiagonal form on streams that the
table has not seen; WeightWatcher's own fit, which the same spikes bend.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.spectra import decomposed
from tests.worlds import gaussian, orthogonal
from triplepoint.facts import Facts
from triplepoint.linalg import choose_backend, decompose
from triplepoint.nulls import bulk_table, kde_fit, marchenko_pastur
from triplepoint.nulls import gaussian as bidiagonal
from triplepoint.nulls.bulk_fit import WINDOW, _partial_sum, fit_noise
from triplepoint.nulls.compare import P_FLOOR, tail_p
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import BulkFit, LowRank, Noises, Reason, Signal

SHAPE = (400, 300)
# Standard deviation of the σ̂ of one Gaussian 400 x 300 matrix, from 400 draws.
ERROR = 0.0023


def fit_bulk(decomposition, spectrum, settings) -> BulkFit | Reason:
    return Facts(decomposition, spectrum, settings).get(BulkFit)


def signal_part(decomposition, settings) -> Signal | Reason:
    return Facts(decomposition, settings).get(Signal)


def noises(stack: np.ndarray, **settings) -> tuple:
    return Facts(decomposed(stack)[0], NullSettings(**settings)).get(Noises).slices


def fit(matrix: np.ndarray, scale: float = 1.0, **settings) -> BulkFit:
    found = fit_bulk(*decomposed(matrix, scale), NullSettings(**settings))
    assert isinstance(found, BulkFit)
    return found


def spiked(strength: float, count: int, seed: int) -> np.ndarray:
    u, v = orthogonal(SHAPE[0], seed)[:, :count], orthogonal(SHAPE[1], seed + 99)[:, :count]
    return gaussian(SHAPE, seed) + strength * u @ v.T


@pytest.mark.parametrize("strength", [8, 16, 32, 64, 1000])
def test_a_spike_of_any_strength_moves_sigma_by_less_than_its_own_error(strength):
    for seed in range(3):
        moved = fit(spiked(strength, 1, seed)).sigma - fit(gaussian(SHAPE, seed)).sigma
        assert abs(moved) < ERROR


@pytest.mark.parametrize("strength", [32, 64, 1000])
def test_spikes_above_the_edge_are_all_counted_and_leave_the_law_alone(strength):
    # The weakest, 32, has its expected λ at (θ² + N)(θ² + M)/θ² = 1841, far above λ₊ = 1393.
    for seed in range(3):
        found = fit(spiked(strength, 5, seed))
        assert found.num_spikes == 5
        assert found.sigma == pytest.approx(1, abs=3.5 * ERROR)
        assert found.edge == pytest.approx(1393, rel=0.03)
        assert found.ks_p > 0.001
        assert found.softrank < 1


def test_the_same_spike_bends_the_density_fit():
    values = decomposed(spiked(1000, 1, 0))[1].eigenvalues[::-1]
    assert abs(kde_fit.fit_sigma(values, SHAPE) - 1) > 50 * ERROR


@pytest.mark.parametrize("shape", [(8, 8), (11, 9), (30, 30), (60, 40), (100, 100), (300, 100)])
def test_sigma_is_unbiased_square_matrices_included_and_the_sizes_are_nominal(shape):
    draws = 2000
    generator = np.random.default_rng(12)
    spectra = [bidiagonal.eigenvalues(shape, generator) for _ in range(draws)]
    sigma = np.array([fit_noise(values, shape, 1e-3).sigma for values in spectra])
    fits = [fit_noise(values, shape, 0.05) for values in spectra]
    spread = np.std(sigma)
    assert np.mean(sigma) == pytest.approx(1, abs=4 * spread / math.sqrt(draws) + 1e-3)
    assert spread < 1.2 / math.sqrt(2 * shape[0] * shape[1])
    passed = np.mean([noise.spikes > 0 for noise in fits])
    assert passed == pytest.approx(0.05, abs=3.5 * math.sqrt(0.05 * 0.95 / draws) + 0.008)
    p = [tail_p(n.shape[1] * n.ks_distance, bulk_table.statistic(n.shape)) for n in fits]
    for level in (0.05, 0.5):
        error = 3.5 * math.sqrt(level * (1 - level) / draws)
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=error + 0.15 * level)


def test_the_partial_sums_are_those_of_the_quantile_function():
    for shape in ((300, 300), (450, 300)):
        low, high = marchenko_pastur.edges(shape)
        middle = (np.arange(300_000) + 0.5) / 300_000
        grid = np.linspace(math.sqrt(low), math.sqrt(high), 400_001) ** 2
        slow = np.interp(middle, marchenko_pastur.cdf(grid, shape, 1.0), grid)
        assert _partial_sum(shape, 270) == pytest.approx(slow[:270_000].mean() * 270, rel=1e-5)
    assert _partial_sum((300, 300), 300) == pytest.approx(300 * 300, rel=1e-5)
    assert WINDOW == (0.1, 0.9)


def test_scale_moves_what_it_should_and_nothing_else():
    base, small = fit(spiked(64, 2, 1)), fit(1e-5 * spiked(64, 2, 1), scale=0.5)
    assert small.sigma == pytest.approx(1e-5 * base.sigma, rel=1e-9)
    for field in ("edge", "edge_low", "threshold"):
        assert getattr(small, field) == pytest.approx(0.5e-10 * getattr(base, field), rel=1e-9)
    assert (small.num_spikes, small.ks_p) == (base.num_spikes, pytest.approx(base.ks_p, rel=1e-6))
    assert fit(spiked(64, 2, 1).T).sigma == pytest.approx(base.sigma, rel=1e-9)


def test_heavy_tails_and_uneven_columns_are_no_noise():
    heavy = np.random.default_rng(0).standard_t(2.0, (300, 200))
    uneven = gaussian((300, 200), 1) * np.geomspace(0.2, 5, 200)
    for matrix in (heavy, uneven):
        found = fit(matrix)
        assert found.ks_p < 1e-6
        assert found.num_spikes < 196


@pytest.mark.parametrize("method", ["quantiles", "kde"])
@pytest.mark.parametrize("rank", [1, 8, 60, 120])
def test_a_low_rank_without_noise_has_no_noise_level_and_all_of_it_is_signal(rank, method):
    matrix = gaussian((300, rank), 2) @ gaussian((rank, 200), 3)
    settings = NullSettings(bulk=method)
    for stored in (matrix, matrix.astype(np.float32)):
        decomposition, spectrum = decomposed(stored)
        assert fit_bulk(decomposition, spectrum, settings) is Reason.undefined
        assert signal_part(decomposition, settings) == Signal(pytest.approx(1.0, rel=1e-12), rank)


def test_noise_far_below_a_low_rank_is_found():
    found = fit(gaussian((300, 8), 2) @ gaussian((8, 200), 3) + 1e-6 * gaussian((300, 200), 4))
    assert found.sigma == pytest.approx(1e-6, rel=0.02)
    assert found.num_spikes == 8


def test_one_entry_that_hides_the_rest_is_no_noise():
    matrix = gaussian((100, 50)).astype(np.float32)
    matrix[3, 4] = 1e30
    decomposition, spectrum = decomposed(matrix)
    assert fit_bulk(decomposition, spectrum, NullSettings()) is Reason.undefined
    assert signal_part(decomposition, NullSettings()) == Signal(1.0, 1)


def test_constant_and_tiny_matrices_end():
    for value in (1.0, 0.1):
        decomposition, spectrum = decomposed(np.full((30, 20), value))
        assert fit_bulk(decomposition, spectrum, NullSettings()) is Reason.undefined
        assert signal_part(decomposition, NullSettings()) is Reason.undefined
    for seed in range(20):
        assert 0 <= fit(gaussian((8, 8), seed)).num_spikes <= 4


@pytest.mark.parametrize("method", ["quantiles", "kde"])
def test_spikes_are_what_lies_above_the_threshold(method):
    generator = np.random.default_rng(7)
    for _ in range(40):
        decomposition, spectrum = decomposed(generator.standard_cauchy((100, 97)))
        found = fit_bulk(decomposition, spectrum, NullSettings(bulk=method))
        assert found.num_spikes == np.count_nonzero(spectrum.eigenvalues > found.threshold)
        assert found.num_spikes == signal_part(decomposition, NullSettings(bulk=method)).rank
        assert found.threshold > found.edge


@pytest.mark.parametrize("square", [2400.0, 2727.0, 3000.0])
def test_a_spectrum_between_the_points_of_the_density_has_no_density_fit(square):
    values = np.ones(400)
    values[0] = np.sqrt(square)
    decomposition, spectrum = decomposed(orthogonal(500, 1)[:, :400] * values @ orthogonal(400, 2))
    assert fit_bulk(decomposition, spectrum, NullSettings(bulk="kde")) is Reason.undefined
    assert signal_part(decomposition, NullSettings(bulk="kde")) is Reason.undefined
    assert fit_bulk(decomposition, spectrum, NullSettings()).num_spikes == 1


@pytest.mark.parametrize("method", ["quantiles", "kde"])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_constant_slice_changes_nothing(value, method):
    stack = gaussian((9, 128, 112), 5).astype(np.float32)
    stack[4] = value
    settings = NullSettings(bulk=method)
    whole, rest = decomposed(stack), decomposed(np.delete(stack, 4, axis=0))
    found, expected = (fit_bulk(*some, settings) for some in (whole, rest))
    assert noises(stack, bulk=method)[4] is None
    assert found == expected
    assert signal_part(whole[0], settings) == signal_part(rest[0], settings)


def test_a_slice_without_noise_adds_its_spikes_and_no_noise_level():
    stack = gaussian((3, 64, 32), 6)
    stack[1] = gaussian((64, 2), 7) @ gaussian((2, 32), 8)
    found = fit(stack)
    noise = fit(stack[[0, 2]])
    assert found.sigma == pytest.approx(noise.sigma, rel=1e-3)
    assert found.num_spikes == noise.num_spikes + 2
    assert noises(stack)[1].sigma == 0.0
    assert signal_part(decomposed(stack)[0], NullSettings()).rank == found.num_spikes


def test_the_threshold_is_lowered_for_light_noise_and_not_for_light_signal():
    generator = np.random.default_rng(9)

    def thresholds(matrix):
        values, centred = np.linalg.eigvalsh(matrix.T @ matrix), matrix - matrix.mean()
        kurtosis = float(np.mean(centred**4) / np.mean(centred**2) ** 2)
        assert kurtosis < 2
        return [fit_noise(values, (64, 64), 0.01, k).threshold for k in (kurtosis, 3.0)]

    for _ in range(20):
        u, v = np.sign(generator.standard_normal((2, 64)))
        light, gaussian_like = thresholds(generator.standard_normal((64, 64)) + 8 * np.outer(u, v))
        assert light == gaussian_like
        light, gaussian_like = thresholds(generator.uniform(-1, 1, (64, 64)))
        assert light < 0.99 * gaussian_like


def test_slices_are_fitted_one_by_one_at_a_shared_level():
    stack = gaussian((9, 64, 32), 5) * np.geomspace(0.1, 10, 9)[:, None, None]
    stack[4] = 0
    found = fit(stack, scale=0.5)
    assert found.ks_p > 0.001
    assert found.num_spikes == 0
    assert found.sigma == pytest.approx(
        np.sqrt(np.mean(np.geomspace(0.1, 10, 9)[[0, 1, 2, 3, 5, 6, 7, 8]] ** 2)), rel=0.05
    )
    assert noises(stack)[4] is None
    stack[2] += 100 * np.outer(np.eye(64)[0], np.eye(32)[0])
    assert fit(stack, scale=0.5).num_spikes == 1
    assert noises(stack[:2])[0].threshold > noises(stack[:1])[0].threshold


def test_pooled_noise_has_a_spike_as_often_as_the_level_says():
    draws = 300
    found = [fit(gaussian((9, 24, 16), seed), level=0.1).num_spikes > 0 for seed in range(draws)]
    assert np.mean(found) == pytest.approx(0.1, abs=3.5 * math.sqrt(0.09 / draws) + 0.01)


def test_the_density_fit_is_there_by_choice():
    found = fit(gaussian(SHAPE, 4), bulk="kde")
    values = decomposed(gaussian(SHAPE, 4))[1].eigenvalues[::-1]
    assert found.method == "kde"
    assert found.sigma == pytest.approx(kde_fit.fit_sigma(values, SHAPE), rel=1e-12)


def test_what_has_no_bulk_says_why():
    assert fit_bulk(*decomposed(gaussian((20, 7))), NullSettings()) is Reason.too_few_eigenvalues
    factors = LowRank(gaussian((30, 4), 1), gaussian((4, 20), 2))
    found = decompose(factors, "precise", choose_backend())
    spectrum = decomposed(gaussian((30, 20)))[1]
    assert fit_bulk(found, spectrum, NullSettings()) is Reason.low_rank


def test_p_values_end_at_the_floor():
    assert tail_p(1e3, bulk_table.statistic((300, 300))) == P_FLOOR
    assert tail_p(0.0, bulk_table.statistic((300, 300))) == 1.0
