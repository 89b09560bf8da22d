"""Claim: exponential, lognormal and bounded power law are fitted by maximum likelihood, at the edge of each law too.

Witness: closed forms, scipy's optimiser and quadrature on the likelihood as defined, scipy.stats, powerlaw 2.0.0 on the
same sample, samples of known parameters, mpmath.
"""

from __future__ import annotations

import math
from functools import partial

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import minimize

from tests.worlds import gaussian, pareto
from triplepoint.fits.bounded_power_law import fit_bounded
from triplepoint.fits.exponential import fit_exponential
from triplepoint.fits.lognormal import LARGEST_H, _mean, _ratio, fit_lognormal
from triplepoint.records import Reason

WORLDS = {
    "lognormal": lambda n, seed: np.sort(np.random.default_rng(seed).lognormal(0.3, 0.6, n)),
    "exponential": lambda n, seed: np.sort(0.5 + np.random.default_rng(seed).exponential(2, n)),
    "uniform": lambda n, seed: np.sort(np.random.default_rng(seed).uniform(1, 2, n)),
    "square": lambda n, seed: np.linalg.svd(gaussian((n, n), seed), compute_uv=False)[::-1] ** 2,
    "ties": lambda n, seed: np.sort(np.round(np.random.default_rng(seed).exponential(3, n)) + 1),
}


def left_distance(data: np.ndarray, distribution) -> float:
    return max(abs(distribution(x) - j / data.size) for j, x in enumerate(data))


def cut_normal(data: np.ndarray, mu: float, sigma: float) -> float:
    """Σ ln p of the lognormal above data[0], from scipy.stats."""
    log = np.log(data)
    return float(
        np.sum(stats.norm.logpdf(log, mu, sigma) - log) - data.size * stats.norm.logsf(log[0], mu, sigma)
    )


@pytest.mark.parametrize("name", WORLDS)
def test_the_exponential_is_its_closed_form(name):
    data = WORLDS[name](50, 1)[7:]
    fit = fit_exponential(data, 0)
    assert fit.rate == pytest.approx(1 / (data.mean() - data[0]), rel=1e-13)
    law = stats.expon(loc=data[0], scale=1 / fit.rate)
    assert fit.log_likelihood == pytest.approx(law.logpdf(data).sum(), rel=1e-12)
    assert fit.ks_distance == pytest.approx(left_distance(data, law.cdf), rel=1e-12)
    assert (fit.xmin, fit.num_tail) == (data[0], 43)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [6, 25, 200])
def test_an_optimiser_finds_the_same_lognormal(name, n):
    data = WORLDS[name](n, n)
    fit = fit_lognormal(data, 0)
    if isinstance(fit, Reason):
        u = np.log(data / data[0])
        assert np.mean(u**2) >= _ratio(LARGEST_H) * np.mean(u) ** 2
        return
    assert fit.log_likelihood == pytest.approx(cut_normal(data, fit.log_mean, fit.log_std), rel=1e-9)
    law = stats.norm(fit.log_mean, fit.log_std)
    share = lambda x: 1 - law.sf(math.log(x)) / law.sf(math.log(data[0]))  # noqa: E731
    assert fit.ks_distance == pytest.approx(left_distance(data, share), abs=1e-9)
    climbed = minimize(
        lambda p: -cut_normal(data, p[0], math.exp(p[1])),
        [fit.log_mean + 0.3 * fit.log_std, math.log(fit.log_std) + 0.2],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )
    assert -climbed.fun <= fit.log_likelihood + 1e-9
    assert -climbed.fun == pytest.approx(fit.log_likelihood, abs=1e-5)


def test_powerlaw_finds_the_same_lognormal():
    rng = np.random.default_rng(7)
    x = 1 + rng.pareto(0.8, 4000)
    x = np.sort(x[rng.uniform(size=4000) < np.exp(-0.02 * (x - 1))][:200])
    fit = fit_lognormal(x, 0)
    # powerlaw 2.0.0, Fit(x, xmin=x[0]).lognormal: Nelder–Mead to a tolerance of 1e-4.
    assert (fit.log_mean, fit.log_std) == pytest.approx((-2.188942536356884, 2.1039536715737626), abs=2e-4)
    assert fit.ks_distance == pytest.approx(0.03822667281771262, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-432.2651445155742, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cut", [-2.0, 0.0, 0.7])
def test_planted_lognormals_are_recovered(seed, cut):
    rng = np.random.default_rng(seed)
    data = np.exp(0.4 + 0.8 * rng.standard_normal(40_000))
    data = np.sort(data[data > math.exp(0.4 + 0.8 * cut)])[:4000]
    data = np.sort(
        rng.permutation(np.exp(0.4 + 0.8 * stats.truncnorm.rvs(cut, 9, size=4000, random_state=rng)))
    )
    fit = fit_lognormal(data, 0)
    # Standard errors by the observed information, differences of the likelihood.
    h = 1e-3
    value = lambda a, b: cut_normal(data, fit.log_mean + a * h, fit.log_std + b * h)  # noqa: E731
    top = value(0, 0)
    aa = (value(1, 0) - 2 * top + value(-1, 0)) / h**2
    bb = (value(0, 1) - 2 * top + value(0, -1)) / h**2
    ab = (value(1, 1) - value(1, -1) - value(-1, 1) + value(-1, -1)) / (4 * h**2)
    errors = np.sqrt(np.diag(np.linalg.inv(-np.array([[aa, ab], [ab, bb]]))))
    assert fit.log_mean == pytest.approx(0.4, abs=4 * errors[0])
    assert fit.log_std == pytest.approx(0.8, abs=4 * errors[1])


def test_a_tail_heavier_than_any_lognormal_is_undefined_and_never_less_likely_as_power_law():
    found = [fit_lognormal(pareto(3.0, 200, seed), 0) for seed in range(60)]
    undefined = sum(fit is Reason.undefined for fit in found)
    # Both occur: the power law is on the border of the family.
    assert 10 < undefined < 55
    for seed, fit in enumerate(found):
        u = np.log(pareto(3.0, 200, seed) / pareto(3.0, 200, seed)[0])
        power = (
            -u.size * math.log(np.mean(u)) - np.sum(u) - u.size - u.size * math.log(pareto(3.0, 200, seed)[0])
        )
        if fit is Reason.undefined:
            # On the way to the border the likelihood only grows, towards the power law's.
            x = pareto(3.0, 200, seed)
            ladder = []
            for h in (1.0, 3.0, 8.0, 20.0):
                s = float(np.mean(u)) / _mean(h)
                ladder.append(cut_normal(x, math.log(x[0]) - s * h, s))
            assert ladder == sorted(ladder)
            assert ladder[-1] <= power + 1e-9
        else:
            assert fit.log_likelihood >= power - 1e-9


@pytest.mark.parametrize("h", [-40.0, -29.0, -8.0, -1.0, 0.0, 1.9, 2.1, 7.0, 50.0])
def test_the_moments_above_a_cut_keep_their_digits(h):
    with mpmath.workdps(50):
        x = mpmath.mpf(h)
        hazard = mpmath.npdf(x) / mpmath.ncdf(-x)
        mean = hazard - x
        ratio = (1 - x * mean) / mean**2
    assert _mean(h) == pytest.approx(float(mean), rel=1e-14)
    assert _ratio(h) == pytest.approx(float(ratio), rel=1e-13)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [2, 5, 60])
def test_the_bounded_law_solves_its_score_and_integrates_to_one(name, n):
    data = WORLDS[name](n, 4)
    fit = fit_bounded(data, 0)
    low, high = data[0], data[-1]
    norm = quad(lambda x: (x / low) ** -fit.alpha, low, high, epsabs=0, epsrel=1e-12)[0]
    mean = (
        quad(lambda x: (x / low) ** -fit.alpha * math.log(x / low), low, high, epsabs=0, epsrel=1e-12)[0]
        / norm
    )
    assert mean == pytest.approx(float(np.mean(np.log(data / low))), rel=1e-8)
    expected = float(np.sum(-fit.alpha * np.log(data / low))) - n * math.log(norm)
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-8, abs=1e-8)
    law = lambda x: quad(lambda y: (y / low) ** -fit.alpha, low, x, epsabs=0, epsrel=1e-11)[0] / norm  # noqa: E731
    assert fit.ks_distance == pytest.approx(left_distance(data, law), abs=1e-9)


@pytest.mark.parametrize("n", [100, 800, 5000])
def test_a_tail_with_nearly_all_points_at_its_end_has_a_bounded_law(n):
    data = np.ones(n)
    data[0] = 0.25
    fit = fit_bounded(data, 0)
    # The rate is n for a share of points 1/n away from the end; ln p of one point at the end is then about ln n.
    assert (fit.alpha - 1) * math.log(4) == pytest.approx(-n, rel=0.01)
    width = math.log(4)
    theta = fit.alpha - 1
    top = math.log(-theta) - math.log1p(-math.exp(theta * width))
    bottom = top + theta * width
    # Density of x is that of u over x.
    expected = (n - 1) * top + bottom - math.log(0.25)
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)
    assert fit.ks_distance == pytest.approx(1 - 1 / n, rel=0.01)


@pytest.mark.parametrize("alpha", [-3.0, 0.0, 0.999_999, 1.0, 1.5, 4.0])
def test_planted_bounded_exponents_are_recovered(alpha):
    low, high, n = 0.5, 8.0, 20_000
    for seed in range(3):
        v = np.random.default_rng(seed).uniform(size=n)
        theta = 1 - alpha
        x = (
            low * (high / low) ** v
            if theta == 0
            else (low**theta + v * (high**theta - low**theta)) ** (1 / theta)
        )
        spread = np.std(np.log(x))
        # The information of one point is the variance of ln x.
        assert fit_bounded(np.sort(x), 0).alpha == pytest.approx(
            alpha, abs=4 / (spread * math.sqrt(n)) + 1e-3
        )


def _gap(share: float, t: mpmath.mpf) -> mpmath.mpf:
    """What the mean of an exponential law of rate t on [0, 1] lacks to `share`."""
    return 1 / t - 1 / mpmath.expm1(t) - mpmath.mpf(share)


def test_points_even_in_the_logarithm_have_exponent_one_on_both_sides_of_the_series():
    u = np.linspace(0, 3, 31)
    assert fit_bounded(np.exp(u), 0).alpha == pytest.approx(1, abs=1e-12)
    for bend in (1e-7, -1e-7, 1e-4, 2e-3, -2e-3):
        data = np.exp(u + bend * u * (3 - u))
        fit = fit_bounded(data, 0)
        mean = float(np.mean(np.log(data / data[0])))
        with mpmath.workdps(40):
            t = mpmath.findroot(partial(_gap, mean / 3), -12 * (mean / 3 - 0.5))
        assert fit.alpha == pytest.approx(1 + float(t) / 3, abs=1e-11)


def test_equal_or_too_few_points_have_no_fit():
    for fit in (fit_exponential, fit_lognormal, fit_bounded):
        assert fit(np.ones(9), 0) is Reason.degenerate_tail
        assert fit(np.array([1.0]), 0) is Reason.degenerate_tail
    assert fit_lognormal(np.array([1.0, 2.0]), 0) is Reason.degenerate_tail


@pytest.mark.parametrize("factor", [1e-6, 1e5])
def test_scaling_moves_the_scale_and_nothing_else(factor):
    data = WORLDS["lognormal"](80, 2)
    shift = math.log(factor)
    one, other = fit_lognormal(data, 9), fit_lognormal(factor * data, 9)
    assert other.log_mean == pytest.approx(one.log_mean + shift, rel=1e-9)
    assert other.log_std == pytest.approx(one.log_std, rel=1e-9)
    assert fit_bounded(factor * data, 9).alpha == pytest.approx(fit_bounded(data, 9).alpha, rel=1e-9)
    assert fit_exponential(factor * data, 9).rate * factor == pytest.approx(fit_exponential(data, 9).rate)
    for fit in (fit_lognormal, fit_bounded, fit_exponential):
        moved = fit(data, 9).log_likelihood - 71 * shift
        assert fit(factor * data, 9).log_likelihood == pytest.approx(moved, rel=1e-9)
