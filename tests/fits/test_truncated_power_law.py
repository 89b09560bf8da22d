"""Claim: the truncated power law's likelihood maximum is found on every tail, with Λ = 0 exactly where it is the edge.

Witness: the score equations and the likelihood written with mpmath's exponential integral and climbed by Nelder–Mead,
powerlaw 2.0.0 on the same sample, samples of known α and Λ with the standard errors of the Fisher information, and for
the choice of xmin every candidate in turn.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.worlds import gaussian, pareto
from triplepoint.fits import best_tail
from triplepoint.fits._tilted import moments, w
from triplepoint.fits.search import Candidates, closest, truncated
from triplepoint.fits.truncated_power_law import fit_truncated, maximise
from triplepoint.records import Reason, TailFit


def planted(alpha: float, rate: float, n: int, seed: int) -> np.ndarray:
    """n independent points of density ∝ x^(−α)·e^(−rate·x) from 1 on, ascending, by rejection."""
    rng = np.random.default_rng(seed)
    found = np.empty(0)
    while found.size < n:
        # A power law that lies above it where α > 1, an exponential otherwise.
        if alpha > 1:
            x = 1 + rng.pareto(alpha - 1, 4 * n)
            keep = rng.uniform(size=x.size) < np.exp(-rate * (x - 1))
        else:
            x = 1 + rng.exponential(2 / rate, 4 * n)
            height = -alpha * np.log(x) - rate / 2 * (x - 1)
            top = max(0.0, -2 * alpha / rate)
            peak = -alpha * np.log(max(1.0, top)) - rate / 2 * (max(1.0, top) - 1)
            keep = np.log(rng.uniform(size=x.size)) < height - peak
        found = np.r_[found, x[keep]]
    return np.sort(found[:n])


def log_likelihood(x: np.ndarray, alpha: float, rate: float) -> float:
    """Σ ln p, from the definition."""
    x0 = float(x[0])
    if rate == 0:
        return float(np.sum(math.log((alpha - 1) / x0) - alpha * np.log(x / x0)))
    log_norm = float(mpmath.log(mpmath.expint(alpha, rate * x0))) + (1 - alpha) * math.log(x0)
    return float(np.sum(-alpha * np.log(x) - rate * x)) - x.size * log_norm


def scores(alpha: float, z: float) -> tuple[float, float]:
    """⟨ln(x/xmin)⟩ and ⟨x/xmin⟩ of the law."""
    with mpmath.workdps(60):
        a, h = mpmath.mpf(alpha), mpmath.mpf(10) ** -20
        whole, below, above = (mpmath.log(mpmath.expint(b, z)) for b in (a, a - h, a + h))
        return float((below - above) / (2 * h)), float(
            mpmath.exp(mpmath.log(mpmath.expint(a - 1, z)) - whole)
        )


WORLDS = {
    "pareto": lambda n, seed: pareto(2.5, n, seed),
    "very heavy": lambda n, seed: pareto(1.2, n, seed),
    "light pareto": lambda n, seed: pareto(6.0, n, seed),
    "lognormal": lambda n, seed: np.sort(np.random.default_rng(seed).lognormal(0, 1, n)),
    "wide lognormal": lambda n, seed: np.sort(np.random.default_rng(seed).lognormal(0, 4, n)),
    "exponential": lambda n, seed: np.sort(np.random.default_rng(seed).exponential(1, n)),
    "uniform": lambda n, seed: np.sort(np.random.default_rng(seed).uniform(1, 2, n)),
    "narrow": lambda n, seed: np.sort(1 + 1e-4 * np.random.default_rng(seed).uniform(0, 1, n)),
    "ties": lambda n, seed: np.sort(np.round(np.random.default_rng(seed).exponential(3, n)) + 1),
    "square": lambda n, seed: np.linalg.svd(gaussian((n, n), seed), compute_uv=False)[::-1] ** 2,
    "Marchenko-Pastur": lambda n, seed: (
        np.linalg.svd(gaussian((2 * n, n), seed), compute_uv=False)[::-1] ** 2
    ),
    "two spikes": lambda n, seed: np.sort(np.r_[pareto(9.0, n - 2, seed), 1e4, 1e9]),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [3, 8, 20, 150])
def test_every_tail_has_a_maximum_and_there_the_scores_vanish(name, n):
    for start in {0, min(n // 3, n - 3), n - 3}:
        data = WORLDS[name](n, n)[start:]
        if data[0] == data[-1]:
            assert fit_truncated(data, 0) is Reason.degenerate_tail
            continue
        fit = fit_truncated(data, 0)
        assert isinstance(fit, TailFit)
        assert all(map(math.isfinite, (fit.alpha, fit.rate, fit.ks_distance, fit.log_likelihood)))
        u = np.log1p((data - data[0]) / data[0])
        if fit.rate == 0:
            # Karush, Kuhn and Tucker: the power law is the maximum along the edge, and Λ > 0 would lose.
            assert fit.alpha == pytest.approx(1 + 1 / np.mean(u), rel=1e-13)
            if fit.alpha > 2:
                assert np.mean(data / data[0]) - 1 >= 1 / (fit.alpha - 2)
            else:
                # Not the edge itself, but z below 1e-20: there the mean is still too small.
                assert scores(fit.alpha, 1e-20)[1] < np.mean(data / data[0])
        elif fit.alpha > -30:
            # Below, mpmath takes seconds; `test_tilted` goes further.
            mean_u, mean_ratio = scores(fit.alpha, fit.rate * data[0])
            assert mean_u == pytest.approx(float(np.mean(u)), rel=1e-8)
            assert mean_ratio == pytest.approx(float(np.mean(data / data[0])), rel=1e-8)


@pytest.mark.parametrize(
    ("name", "n"), [("lognormal", 12), ("exponential", 10), ("pareto", 15), ("square", 9), ("uniform", 8)]
)
def test_nelder_mead_on_the_likelihood_ends_at_the_same_point(name, n):
    data = WORLDS[name](n, 3)
    fit = fit_truncated(data, 0)
    assert fit.log_likelihood == pytest.approx(log_likelihood(data, fit.alpha, fit.rate), rel=1e-11)
    unit = 1 / float(np.mean(data) - data[0])
    climbed = minimize(
        lambda p: -log_likelihood(data, p[0], unit * math.exp(min(p[1], 50))),
        [0.5, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-11, "maxiter": 2000},
    )
    assert -climbed.fun <= fit.log_likelihood + 1e-9
    assert -climbed.fun == pytest.approx(fit.log_likelihood, abs=1e-6)
    if fit.rate > 0:
        assert (climbed.x[0], unit * math.exp(climbed.x[1])) == pytest.approx((fit.alpha, fit.rate), rel=1e-3)


def test_powerlaw_finds_the_same_numbers():
    rng = np.random.default_rng(7)
    x = 1 + rng.pareto(0.8, 4000)
    x = np.sort(x[rng.uniform(size=4000) < np.exp(-0.02 * (x - 1))][:200])
    fit = fit_truncated(x, 0)
    # powerlaw 2.0.0, Fit(x, xmin=x[0], parameter_ranges={"alpha": [0, None]}): Nelder–Mead to a tolerance of 1e-4.
    assert fit.alpha == pytest.approx(1.653271856119798, abs=2e-4)
    assert fit.rate == pytest.approx(0.024024525098551498, rel=2e-4)
    assert fit.ks_distance == pytest.approx(0.034457331718504305, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-430.85213287564466, abs=1e-6)
    assert fit.log_likelihood > -430.85213287564466


@pytest.mark.parametrize(
    ("alpha", "rate"), [(1.5, 0.05), (2.5, 0.02), (3.0, 0.3), (1.0, 0.1), (0.0, 0.5), (-2.0, 1.5)]
)
@pytest.mark.parametrize("seed", range(4))
def test_planted_parameters_are_recovered_within_their_standard_errors(alpha, rate, seed):
    n = 4000
    fit = fit_truncated(planted(alpha, rate, n, seed), 0)
    # The Fisher information is the covariance of (ln x, x), made here by sums over a fine grid.
    x = np.geomspace(1, 1 + 60 / rate, 400_000)
    density = np.exp(-alpha * np.log(x) - rate * x) * x
    density /= density.sum()
    statistics = np.stack([np.log(x), x])
    mean = statistics @ density
    information = (statistics * density) @ statistics.T - np.outer(mean, mean)
    errors = np.sqrt(np.diag(np.linalg.inv(information)) / n)
    assert fit.alpha == pytest.approx(alpha, abs=4 * errors[0])
    assert fit.rate == pytest.approx(rate, abs=4 * errors[1])


def test_half_of_pareto_samples_end_on_the_edge():
    # Λ = 0 is true and on the border of what is allowed: the score there is as often positive as negative in the limit.
    on_edge = sum(fit_truncated(pareto(5.0, 2000, seed), 0).rate == 0 for seed in range(120))
    # Heavy statistics lean to one side at any finite n; none or all would be a fault.
    assert 0.3 < on_edge / 120 < 0.85


@pytest.mark.parametrize("factor", [1e-9, 0.3, 1e7])
def test_scaling_moves_the_rate_and_nothing_else(factor):
    data = WORLDS["lognormal"](60, 1)
    one, other = fit_truncated(data, 5), fit_truncated(factor * data, 5)
    assert other.rate * factor == pytest.approx(one.rate, rel=1e-9)
    assert (other.alpha, other.ks_distance) == pytest.approx((one.alpha, one.ks_distance), rel=1e-9)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - 55 * math.log(factor), rel=1e-10)


def test_it_is_never_less_likely_than_the_laws_inside_it():
    for name, world in WORLDS.items():
        data = world(80, 5)
        fit = fit_truncated(data, 0)
        power = 1 + 1 / np.mean(np.log(data / data[0]))
        mean = float(np.mean(data - data[0]))
        slack = 1e-9 * abs(fit.log_likelihood)
        assert fit.log_likelihood >= log_likelihood(data, power, 0.0) - slack, name
        assert fit.log_likelihood >= -data.size * (math.log(mean) + 1) - slack, name


def every_start(data: np.ndarray) -> list[tuple[float, int]]:
    """(D, start) of every tail of 8 points or more, one fit at a time, D from the definition."""
    found = []
    for start in range(data.size - 7):
        if data[start] == data[-1] or (start and data[start] == data[start - 1]):
            continue
        found.append((fit_truncated(data, start).ks_distance, start))
    return found


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [8, 30, 90])
def test_the_pruned_search_finds_the_tail_that_trying_all_finds(name, n):
    data = WORLDS[name](n, 11)
    tried = every_start(data)
    start = closest(Candidates.of(data), truncated)
    if not tried:
        assert start is None
        return
    assert {s: d for d, s in tried}[start] == pytest.approx(min(tried)[0], rel=1e-8)


@given(st.lists(st.floats(1e-4, 1e4), min_size=8, max_size=60), st.sampled_from([None, 0, 1]))
@settings(max_examples=60, deadline=None)
def test_any_sample_has_a_fit_or_a_reason(values, decimals):
    data = np.sort(np.asarray(values) if decimals is None else np.round(values, decimals) + 1)
    fit = fit_truncated(data, 0)
    if isinstance(fit, Reason):
        assert data[0] == pytest.approx(data[-1])
        return
    assert math.isfinite(fit.log_likelihood)
    assert fit.rate >= 0
    start = closest(Candidates.of(data), truncated)
    tried = every_start(data)
    if start is not None:
        assert {s: d for d, s in tried}[start] <= min(tried)[0] + 1e-7


def test_the_power_law_found_on_the_edge_is_the_power_law_fit():
    data = pareto(3.0, 384, 1)
    tail = best_tail(data)
    fit = fit_truncated(data, tail.start)
    assert fit.rate == 0
    assert (fit.alpha, fit.ks_distance) == pytest.approx((tail.alpha, tail.ks_distance), rel=1e-12)


def test_newton_converges_for_all_statistics_that_there_are():
    # A tail enters by two numbers alone; the second lies above w of the first.
    mean_u, excess = (
        grid.ravel() for grid in np.meshgrid(np.geomspace(1e-6, 100, 45), np.geomspace(1e-8, 1e10, 45))
    )
    mean_w = w(mean_u) * (1 + excess)
    found = maximise(mean_u, mean_w)
    assert np.all(np.isfinite(found.z))
    inside = found.z > 0
    assert 500 < np.count_nonzero(inside) < mean_u.size
    m = moments(found.beta[inside], found.z[inside])
    scale, rise = np.exp(m.peak), np.expm1(m.peak)
    assert m.peak + m.mean_s == pytest.approx(mean_u[inside], rel=1e-9, abs=0)
    assert scale * m.mean_w + rise * m.mean_s + w(m.peak) == pytest.approx(mean_w[inside], rel=1e-7, abs=0)


def test_two_points_or_equal_ones_have_no_fit():
    assert fit_truncated(np.array([1.0, 2.0]), 0) is Reason.degenerate_tail
    assert fit_truncated(np.ones(20), 0) is Reason.degenerate_tail


def test_batches_of_any_size_give_the_same_numbers():
    data = WORLDS["exponential"](300, 2)
    tails = Candidates.of(data)
    whole = truncated(tails)
    for i in (0, 100, 250):
        u = np.linspace(0, 3, 5)[None]
        alone = truncated(tails.at(slice(i, i + 1)))(slice(None), u)
        assert whole(np.array([i]), u) == pytest.approx(alone, rel=1e-10)
    assert moments(np.array([1.0]), np.array([1.0])).log_norm.shape == (1,)
