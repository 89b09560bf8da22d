"""Claim: the likelihood ratios are those of the definitions, and tell laws apart that differ.

Witnesses: densities of scipy.stats and numerical integration; worlds whose law is known.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from tests.worlds import pareto
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.fits.comparison import (
    compare_tails,
    exponential_density,
    lognormal_density,
    nested_p,
    power_law_density,
    vuong,
)
from triplepoint.fits.exponential import fit_exponential
from triplepoint.fits.lognormal import fit_lognormal
from triplepoint.fits.truncated_power_law import fit_truncated
from triplepoint.fits.truncated_ratio import truncated_ratios
from triplepoint.records import PowerLawFit, Reason, Spectrum, TailComparison, TailFits


def spectrum(values: np.ndarray) -> Spectrum:
    return Spectrum(np.sqrt(np.sort(values))[::-1], (values.size, values.size))


def fitted(values: np.ndarray, *, whole: bool = False) -> tuple[PowerLawFit, TailFits, Spectrum, np.ndarray]:
    """With xmin at the smallest value where `whole`: the chosen tail of another law is the part that looks right."""
    found = spectrum(values)
    ascending = found.eigenvalues[::-1]
    fit = fit_power_law(found, FitSettings())
    assert isinstance(fit, PowerLawFit)
    if whole:
        fit = replace(fit, xmin=float(ascending[0]), num_tail=ascending.size)
    start = int(np.searchsorted(ascending, fit.xmin))
    laws = [law(ascending, start) for law in (fit_exponential, fit_lognormal, fit_truncated)]
    present = [None if isinstance(law, Reason) else law for law in laws]
    return fit, TailFits(*present, None, None, None, None), found, ascending[start:]


def compared(values: np.ndarray, *, whole: bool = False) -> TailComparison:
    fit, tails, found, _ = fitted(values, whole=whole)
    comparison = compare_tails(fit, tails, found)
    assert isinstance(comparison, TailComparison)
    return comparison


def test_densities_are_those_of_scipy():
    x = np.geomspace(1, 50, 30)
    decay = x.size / np.sum(np.log(x))
    np.testing.assert_allclose(power_law_density(np.log(x)), stats.pareto.logpdf(x, decay), rtol=1e-12)
    np.testing.assert_allclose(exponential_density(np.log(x), 0.7), stats.expon.logpdf(x, 1, 1 / 0.7))
    for mean, std in ((1.0, 0.5), (9.0, 0.5), (-2.0, 1.5)):
        law = stats.lognorm(std, scale=math.exp(mean))
        expected = law.logpdf(x) - law.logsf(1.0)
        np.testing.assert_allclose(lognormal_density(np.log(x), mean, std), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-40.0, 3.0), (30.0, 2.0), (30.0, 0.5), (-1e3, 20.0)])
def test_the_lognormal_density_integrates_to_one(mean, std):
    total = quad(
        lambda u: float(np.exp(u + lognormal_density(np.array(u), mean, std))),
        0,
        60,
        limit=400,
        points=[0.1, 30],
    )[0]
    assert total == pytest.approx(1, abs=1e-7)


def test_the_lognormal_goes_over_into_the_power_law_without_losing_digits():
    log = np.linspace(0, 6, 25)
    # −mean/std² = 1.5 is α − 1 in the limit.
    found = lognormal_density(log, -1.5e16, 1e8)
    np.testing.assert_allclose(found, math.log(1.5) - 2.5 * log, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_z_and_p_follow_the_definition(seed):
    values = np.random.default_rng(seed).lognormal(0, 1, 200)
    fit, tails, found, tail = fitted(values)
    comparison = compare_tails(fit, tails, found)
    power = np.log(stats.pareto.pdf(tail, fit.alpha - 1, scale=fit.xmin))
    exponential = stats.expon.logpdf(tail, fit.xmin, 1 / tails.exponential.rate)
    law = stats.lognorm(tails.lognormal.log_std, scale=math.exp(tails.lognormal.log_mean))
    lognormal = law.logpdf(tail) - law.logsf(fit.xmin)
    for other, z, p in (
        (exponential, comparison.exponential_z, comparison.exponential_p),
        (lognormal, comparison.lognormal_z, comparison.lognormal_p),
    ):
        ratios = power - other
        expected = np.sum(ratios) / (math.sqrt(tail.size) * np.std(ratios))
        assert z == pytest.approx(expected, rel=1e-6)
        assert p == pytest.approx(2 * stats.norm.sf(abs(expected)), rel=1e-6)
    assert np.sum(exponential) == pytest.approx(tails.exponential.log_likelihood, rel=1e-9)
    assert np.sum(lognormal) == pytest.approx(tails.lognormal.log_likelihood, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_nested_ratio_is_that_of_the_two_likelihoods(seed):
    values = 1 + np.random.default_rng(seed).exponential(1, 150)
    fit, tails, found, tail = fitted(values)
    decay = fit.alpha - 1
    power = np.sum(np.log(decay / fit.xmin) - fit.alpha * np.log(tail / fit.xmin))
    ratio = compare_tails(fit, tails, found).truncated_ratio
    assert ratio == pytest.approx(2 * (tails.truncated.log_likelihood - power), rel=1e-6)
    assert ratio > 0


def test_where_the_cut_off_is_none_the_nested_p_is_one_whatever_the_scale():
    seen = 0
    for seed in range(60):
        values = pareto(3.0, 60, seed)
        _, tails, _, _ = fitted(values)
        if tails.truncated.rate == 0:
            seen += 1
            for factor in (1.0, 3.0, 1e60):
                found = compared(values * factor)
                assert (found.truncated_ratio, found.truncated_p) == (0, 1)
    assert seen > 10


def test_the_other_laws_are_told_alike_at_every_scale_of_a_narrow_tail():
    values = 1 + 1e-9 * np.sort(np.random.default_rng(0).standard_normal(70))
    first = compared(values).exponential_z
    for factor in (3.0, 1e60):
        assert compared(values * factor).exponential_z == pytest.approx(first, abs=1e-3)


def test_the_nested_p_is_half_a_chi_square():
    grid = np.array([0.1, 1.0, 3.84, 10.0])
    assert [nested_p(value) for value in grid] == pytest.approx(list(0.5 * stats.chi2.sf(grid, 1)))
    assert nested_p(0.0) == 1.0


def test_the_nested_p_has_its_level_where_xmin_is_known():
    rows = np.stack([np.log(pareto(3.0, 400, seed)) for seed in range(1500)])
    found = np.array([nested_p(r) for r in truncated_ratios(rows, np.zeros(len(rows), dtype=np.int64))])
    # Λ = 0 is less often the best than half of the time at finite n: the mean of x is skewed.
    assert np.mean(found <= 0.1) == pytest.approx(0.1, abs=0.045)


def test_a_power_law_beats_the_exponential_and_an_exponential_the_power_law():
    assert compared(pareto(2.0, 1000, 1)).exponential_z > 3
    exponential = compared(1 + np.random.default_rng(2).exponential(1, 1000), whole=True)
    assert exponential.exponential_z < -3
    assert exponential.exponential_p < 0.01
    assert exponential.truncated_p < 0.01


@pytest.mark.parametrize("factor", [1e-8, 3.0, 1e9])
def test_scale_changes_nothing(factor):
    values = np.random.default_rng(5).lognormal(0, 1, 300)
    base, scaled = compared(values), compared(factor * values)
    for name in TailComparison.__dataclass_fields__:
        assert getattr(scaled, name) == pytest.approx(getattr(base, name), rel=1e-6), name


def test_a_lognormal_that_has_become_the_power_law_is_a_draw():
    tail = (1 - (np.arange(60) + 0.5) / 61) ** (-1 / 2.0)
    tail[-1] *= 5
    comparison = compared(tail)
    assert (comparison.lognormal_z, comparison.lognormal_p) == (0.0, 1.0)


def test_laws_that_are_missing_have_no_ratio():
    fit, _, found, _ = fitted(pareto(2.5, 100, 3))
    comparison = compare_tails(fit, TailFits(*[None] * 7), found)
    assert comparison.exponential_z is comparison.exponential_p is None
    assert comparison.truncated_p is not None


def test_equal_log_densities_are_a_draw():
    log = np.log(pareto(2.0, 30))
    assert vuong(power_law_density(log), power_law_density(log)) == (0.0, 1.0)
