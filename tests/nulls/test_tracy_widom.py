"""Claim: the determinant is the Tracy–Widom law, and the thresholds keep their false-alarm rate.

Witness: the law from the Painlevé II equation by a differential-equation solver; Gaussian and uniform matrices.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import airy

from tests.worlds import gaussian
from triplepoint.nulls import gaussian as bidiagonal
from triplepoint.nulls import tracy_widom


def painleve(points: np.ndarray) -> np.ndarray:
    """F₁ at descending `points`: F₁² = exp(−∫q)·exp(−∫(x−s)q²) with q″ = sq + 2q³, q ~ Ai (Hastings and McLeod)."""

    def slope(s, state):
        q, dq, square, _, _ = state
        return [dq, s * q + 2 * q**3, -(q**2), -q, -square]  # ∫_s q², ∫_s q, ∫_s (x − s) q²

    start = 8.0
    ai, dai = airy(start)[:2]
    square = dai**2 - start * ai**2  # ∫_start^∞ Ai²; the other two integrals are below 1e-7 there
    first = [ai, dai, square, 0.0, 0.0]
    found = solve_ivp(
        slope, (start, points[-1]), first, t_eval=points, rtol=1e-12, atol=1e-15, method="DOP853"
    )
    return np.exp(-(found.y[3] + found.y[4]) / 2)


def test_the_law_is_that_of_painleve():
    points = np.array([4.0, 3.2722, 2.0234, 0.9793, 0.0, -1.2686, -3.0, -4.5])
    np.testing.assert_allclose([tracy_widom.cdf(s) for s in points], painleve(points), atol=2e-7)


def test_quantiles_are_the_published_ones_and_invert_the_law():
    published = {0.5: -1.2686, 0.9: 0.4501, 0.95: 0.9793, 0.99: 2.0234}
    for p, s in published.items():
        assert tracy_widom.quantile(p) == pytest.approx(s, abs=6e-5)
        assert tracy_widom.cdf(tracy_widom.quantile(p)) == pytest.approx(p, abs=1e-9)


def test_it_is_a_distribution_with_the_known_mean_and_variance():
    s = np.linspace(-9.9, 9, 500)
    law = np.array([tracy_widom.cdf(x) for x in s])
    assert np.all(np.diff(law) > -1e-13)
    middle, mass = (s[1:] + s[:-1]) / 2, np.diff(law)
    mean = np.sum(middle * mass)
    assert mean == pytest.approx(-1.2065336, abs=1e-4)
    assert np.sum((middle - mean) ** 2 * mass) == pytest.approx(1.6077810, abs=1e-3)
    assert tracy_widom.cdf(-50) == 0.0
    assert tracy_widom.cdf(50) == 1.0


def test_extreme_levels_stay_ordered_and_finite():
    levels = [0.5, 0.1, 0.01, 1e-3, 1e-5, 1e-9, 1e-12, 0.0]
    found = [tracy_widom.threshold((300, 200), 1.0, level) for level in levels]
    assert np.all(np.isfinite(found))
    assert all(a <= b for a, b in itertools.pairwise(found))


@pytest.mark.parametrize("shape", [(8, 8), (13, 11), (32, 32), (80, 20), (100, 90)])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_gaussian_noise_passes_the_threshold_as_often_as_the_level_says(shape, level):
    draws = 15_000 if shape[1] < 20 else 5000
    generator = np.random.default_rng(5)
    passed = 0
    for _ in range(draws):
        values = bidiagonal.eigenvalues(shape, generator)
        sigma = np.sqrt(values.sum() / (shape[0] * shape[1]))
        passed += values[-1] > tracy_widom.threshold(shape, sigma, level)
    error = np.sqrt(level * (1 - level) / draws)
    assert passed / draws == pytest.approx(level, abs=3.5 * error + 0.05 * level)


@pytest.mark.parametrize("shape", [(16, 16), (64, 32), (60, 60)])
def test_uniform_noise_passes_it_as_often_with_its_kurtosis_and_less_often_without(shape):
    draws = 3000
    generator = np.random.default_rng(6)
    stack = generator.uniform(-1, 1, (draws, *shape))
    top = np.linalg.eigvalsh(np.swapaxes(stack, 1, 2) @ stack)[:, -1] / np.var(stack, axis=(1, 2))
    error = 3.5 * np.sqrt(0.01 / draws)
    passed = np.mean(top > tracy_widom.threshold(shape, 1.0, 0.01, kurtosis=1.8))
    assert passed == pytest.approx(0.01, abs=error)
    assert np.mean(top > tracy_widom.threshold(shape, 1.0, 0.01)) < 0.01


def test_a_kurtosis_above_the_gaussian_one_or_unknown_moves_nothing():
    base = tracy_widom.threshold((90, 60), 1.0, 0.01)
    for kurtosis in (3.0, 50.0, float("nan")):
        assert tracy_widom.threshold((90, 60), 1.0, 0.01, kurtosis=kurtosis) == base


def test_the_threshold_scales_with_the_variance_and_lies_above_the_edge():
    shape = (500, 300)
    unit = tracy_widom.threshold(shape, 1.0, 0.01)
    assert tracy_widom.threshold(shape, 3.0, 0.01) == pytest.approx(9 * unit)
    assert unit > (np.sqrt(500) + np.sqrt(300)) ** 2
    top = np.linalg.svd(gaussian(shape, seed=1), compute_uv=False)[0] ** 2
    assert top < unit


def test_centre_and_scale_bring_largest_eigenvalues_to_the_law():
    centre, scale = tracy_widom.largest_eigenvalue_law((400, 400))
    generator = np.random.default_rng(8)
    tops = np.array([bidiagonal.eigenvalues((400, 400), generator)[-1] for _ in range(150)])
    assert np.mean((tops - centre) / scale) == pytest.approx(-1.2065, abs=4 * 1.268 / np.sqrt(150))


def test_a_signal_of_two_values_does_not_pass_for_light_noise():
    # Fourth cumulants add: noise of kurtosis κ, a share s of the variance with κ₄ = −2.
    for noise, share in ((3.0, 0.2), (1.8, 0.0), (1.8, 0.3), (2.5, 0.45)):
        mixed = 3 + (noise - 3) * (1 - share) ** 2 - 2 * share**2
        assert tracy_widom.noise_kurtosis(mixed, share) == pytest.approx(noise)
    for kurtosis, share in ((1.0, 0.98), (9.0, 0.0), (float("nan"), 0.1)):
        assert tracy_widom.noise_kurtosis(kurtosis, share) == tracy_widom.GAUSSIAN
