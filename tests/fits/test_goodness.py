"""Claim: the bootstrap p of a power law rejects true power laws no more often than its level, other laws more often.

Witnesses: the definition in plain NumPy and SciPy, one sample after the other; worlds whose law is known.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

from tests.worlds import pareto
from triplepoint.fits import FitSettings, best_tail, fit_power_law
from triplepoint.fits.goodness import goodness_of_fit
from triplepoint.fits.interval import stream
from triplepoint.fits.refits import semi_parametric
from triplepoint.fits.truncated_ratio import truncated_ratios
from triplepoint.records import GoodnessOfFit, PowerLawFit, Reason, Spectrum


def spectrum(values: np.ndarray) -> Spectrum:
    return Spectrum(np.sqrt(np.sort(values))[::-1], (values.size, values.size))


def gof(values: np.ndarray, replicas: int = 99, name: str = "", seed: int = 0) -> GoodnessOfFit:
    settings = FitSettings(name, seed, gof_replicas=replicas)
    fit = fit_power_law(spectrum(values), settings)
    assert isinstance(fit, PowerLawFit)
    found = goodness_of_fit(spectrum(values), fit, settings)
    assert isinstance(found, GoodnessOfFit)
    return found


def cut_off(n: int, seed: int) -> np.ndarray:
    """Density x^(−2)·e^(−x/20) from 1 on: Pareto points, kept with probability e^(−(x−1)/20)."""
    rng = np.random.default_rng([n, seed])
    drawn = 1 + rng.pareto(1.0, 4 * n)
    return drawn[rng.random(drawn.size) < np.exp((1 - drawn) / 20)][:n]


def slow_p(values: np.ndarray, replicas: int, rng: np.random.Generator) -> float:
    """Clauset's recipe, word by word."""
    data = np.sort(values)
    tail = best_tail(data)
    body, xmin = data[: tail.start], data[tail.start]
    further = 0
    for _ in range(replicas):
        of_tail = rng.binomial(data.size, tail.count / data.size)
        points = xmin * (1 + rng.pareto(tail.alpha - 1, of_tail))
        sample = np.sort(np.r_[points, rng.choice(body, data.size - of_tail)] if body.size else points)
        further += best_tail(sample).ks_distance >= tail.ks_distance
    return (1 + further) / (replicas + 1)


def slow_ratio(tail: np.ndarray) -> float:
    """2·(ℓ_TPL − ℓ_PL) by quadrature and a simplex search."""
    x = tail / tail[0]
    alpha = 1 + x.size / np.sum(np.log(x))
    power = x.size * math.log(alpha - 1) - alpha * np.sum(np.log(x))

    def minus(parameters: np.ndarray) -> float:
        a, rate = parameters[0], math.exp(parameters[1])
        norm = quad(lambda u: math.exp((1 - a) * u - rate * math.exp(u)), 0, 40, limit=200)[0]
        return float(x.size * math.log(norm) + a * np.sum(np.log(x)) + rate * np.sum(x))

    starts = [(alpha, -1.0), (alpha - 0.5, -3.0)]
    best = min(
        minimize(minus, s, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}).fun for s in starts
    )
    return 2 * (-best - power)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_recipe_in_plain_numpy_gives_the_same_p(seed):
    rng = np.random.default_rng(seed)
    values = [pareto(2.5, 80, seed), rng.lognormal(0, 1, 120), 1 + rng.exponential(1, 100)][seed]
    found = gof(values, replicas=1500)
    slow = slow_p(values, 1500, np.random.default_rng(100 + seed))
    assert found.p_value == pytest.approx(slow, abs=4 * math.sqrt(2) * max(found.p_error, 0.004))
    assert 0.02 < found.p_value < 0.98, "an uninformative example"
    assert found.p_error == pytest.approx(math.sqrt(found.p_value * (1 - found.p_value) / 1500))
    assert found.replicas == 1500


def test_both_p_count_the_samples_of_the_stream_each_with_its_own_tail():
    values = cut_off(90, seed=1)
    data = np.sort(values)
    tail = best_tail(data)
    further = larger = 1
    ratio = truncated_ratios(np.log(data)[None], np.array([tail.start]))[0]
    for batch in semi_parametric(data, tail.alpha, tail.start, 60, stream(0, "a#gof")):
        for row in batch:
            own = best_tail(np.exp(row))
            further += own.ks_distance >= tail.ks_distance
            larger += truncated_ratios(row[None], np.array([own.start]))[0] >= ratio
    found = gof(values, 60, "a")
    assert (found.p_value, found.truncated_p) == (further / 61, larger / 61)
    assert 2 < further < 60
    assert 2 < larger < 60


@pytest.mark.parametrize("seed", range(4))
def test_likelihood_ratios_are_those_of_quadrature_and_a_simplex_search(seed):
    rng = np.random.default_rng(seed)
    values = np.sort([1 + rng.exponential(2, 60), rng.lognormal(0, 1, 60), 1 + rng.pareto(1, 60)][seed % 3])
    for start in (0, 25):
        found = truncated_ratios(np.log(values)[None], np.array([start]))[0]
        assert found == pytest.approx(max(0.0, slow_ratio(values[start:])), abs=2e-6)


def test_ratios_are_zero_where_the_power_law_is_the_best_and_missing_where_there_is_no_tail():
    tail = (1 - (np.arange(50) + 0.5) / 51) ** (-1 / 2.0)
    tail[-1] *= 4
    rows = np.log(np.stack([tail, np.ones(50), tail]))
    found = truncated_ratios(rows, np.array([0, 0, -1]))
    assert found[0] == 0.0
    assert np.isnan(found[1:]).all()


def test_tails_wider_than_floating_point_have_no_ratio_and_do_no_harm():
    log = np.sort(np.random.default_rng(0).exponential(80.0, 60))
    assert log[-1] - log[0] < 600
    log[-1] = 900.0
    assert np.isnan(truncated_ratios(log[None], np.array([0]))[0])
    assert truncated_ratios(log[None, :-1], np.array([0]))[0] >= 0


def test_true_power_laws_are_rejected_no_more_often_than_the_level():
    draws = 300
    found = [gof(pareto(1.5 + seed % 4, 64, seed), 39, str(seed)) for seed in range(draws)]
    for level in (0.1, 0.25):
        error = 3.5 * math.sqrt(level * (1 - level) / draws)
        assert np.mean([one.p_value <= level for one in found]) <= level + error
        assert np.mean([one.truncated_p <= level for one in found]) <= level + error


def test_a_bulk_below_the_tail_changes_nothing_about_that():
    draws, rejected = 200, 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        values = np.r_[rng.uniform(0, 1, 90), 1 + rng.pareto(2, 60)]
        rejected += gof(values, 39, str(seed)).p_value <= 0.1
    assert rejected / draws <= 0.1 + 3.5 * math.sqrt(0.09 / draws)


def test_another_law_is_rejected_more_often_the_more_points_there_are():
    rates = {}
    for n in (60, 600):
        found = [gof(cut_off(n, seed), 39, str(seed)) for seed in range(60)]
        rates[n] = np.mean([(one.p_value <= 0.1, one.truncated_p <= 0.1) for one in found], axis=0)
    assert np.all(rates[600] > (0.3, 0.5))
    assert np.all(rates[600] > rates[60] + 0.15)


def test_p_is_a_function_of_seed_and_name_and_not_of_scale():
    values = np.random.default_rng(3).lognormal(0, 1, 120)
    base = gof(values, 199, "a")
    assert gof(values, 199, "a") == base
    assert gof(1e-9 * values, 199, "a") == base
    assert gof(values, 199, "b") != base
    assert gof(values, 199, "a", seed=1) != base


def test_few_eigenvalues_have_a_p_and_no_samples_have_none():
    values = pareto(2.5, 12, seed=1)
    assert 0 < gof(values).p_value <= 1
    fit = fit_power_law(spectrum(values), FitSettings())
    assert goodness_of_fit(spectrum(values), fit, FitSettings(gof_replicas=0)) is Reason.undefined
