"""Claim: branch and bound finds the exact best tail. Witnesses: plain Python, the full scan, WeightWatcher's tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.naive import full_scan, power_law
from tests.worlds import DATA, gaussian, pareto, reference
from triplepoint.fits import best_tail
from triplepoint.records import Reason


@pytest.mark.parametrize("seed", range(8))
def test_plain_python_finds_the_same_tail(seed):
    data = pareto(1.5 + seed / 2, 20 + 15 * seed, seed)
    tail = best_tail(data)
    alpha, xmin, distance = power_law(list(data))
    assert (tail.alpha, data[tail.start], tail.ks_distance) == pytest.approx(
        (alpha, xmin, distance), rel=1e-10
    )


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=20, max_size=120),
    st.sampled_from([None, 0, 1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_the_full_scan_finds_the_same_tail_ties_included(values, decimals):
    data = np.sort(np.asarray(values) if decimals is None else np.round(values, decimals) + 1)
    tail = best_tail(data)
    if isinstance(tail, Reason):
        assert data[0] == pytest.approx(data[-1])
        return
    _, alphas, distances = full_scan(data)
    assert tail.ks_distance == pytest.approx(distances.min(), rel=1e-9, abs=1e-12)
    assert np.min(np.abs(alphas - tail.alpha) / alphas) < 1e-9


@pytest.mark.parametrize("name", ["gaussian", "uniform bulk with a tail", "lognormal"])
def test_the_pruned_search_is_exact_on_spectra_of_real_size(name):
    rng = np.random.default_rng(5)
    data = {
        "gaussian": np.linalg.svd(gaussian((700, 500)), compute_uv=False)[::-1] ** 2,
        "uniform bulk with a tail": np.sort(np.r_[rng.uniform(0.1, 1, 700), 1 + rng.pareto(2, 300)]),
        "lognormal": np.sort(rng.lognormal(0, 1, 900)),
    }[name]
    xmins, alphas, distances = full_scan(data)
    tail = best_tail(data)
    best = int(np.argmin(distances))
    assert data[tail.start] == xmins[best]
    assert (tail.alpha, tail.ks_distance) == pytest.approx((alphas[best], distances[best]), rel=1e-12)


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 4.0])
def test_a_planted_exponent_is_recovered_on_average(alpha):
    found = [best_tail(pareto(alpha, 1000, seed)).alpha for seed in range(40)]
    # The spread of one fit is about 1.15 (α−1)/√n; the mean of 40 lies within three of its standard errors.
    assert np.mean(found) == pytest.approx(
        alpha, abs=3 * 1.4 * (alpha - 1) / np.sqrt(1000 * 40) + 0.01 * (alpha - 1)
    )


@given(st.floats(1e-12, 1e12), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_scaling_moves_xmin_and_nothing_else(factor, seed):
    data = pareto(2.5, 60, seed)
    one, other = best_tail(data), best_tail(data * factor)
    assert (one.start, one.count) == (other.start, other.count)
    assert (one.alpha, one.ks_distance) == pytest.approx((other.alpha, other.ks_distance), rel=1e-9)


def test_fewer_than_eight_values_or_equal_ones_have_no_tail():
    assert best_tail(pareto(2, 7)) is Reason.too_few_eigenvalues
    assert best_tail(np.ones(30)) is Reason.degenerate_tail
    assert best_tail(np.ones(10)) is Reason.degenerate_tail
    assert best_tail(np.sort(np.r_[np.ones(29), 2.0])).alpha > 1


@pytest.mark.parametrize("n", range(8, 20))
def test_small_samples_minimise_the_documented_objective_and_keep_eight_points(n):
    data = pareto(2.5, n, seed=n)
    tail = best_tail(data)
    objective = {}
    for start in range(n - 7):
        x = data[start:]
        alpha = 1 + (x.size - 1) / np.sum(np.log(x / x[0]))
        distance = np.max(np.abs(1 - (x / x[0]) ** (1 - alpha) - np.arange(x.size) / x.size))
        objective[start] = (distance - 0.868 / np.sqrt(x.size), alpha)
    best = min(objective, key=lambda start: objective[start][0])
    assert (tail.start, tail.alpha) == (best, pytest.approx(objective[best][1]))
    assert tail.count >= 8


@pytest.mark.parametrize("row", reference("synth_default.csv"), ids=lambda row: row["name"])
def test_weightwatcher_found_the_same_tail(row):
    # The one row below 20 eigenvalues agrees too: there both objectives choose the same eight points.
    sigma = np.load(DATA / "synth_singular_values.npz")[
        row["name"].replace("1p5", "1.5").replace("2p5", "2.5")
    ]
    data = sigma[::-1] ** 2
    tail = best_tail(data)
    expected = tuple(float(row[column]) for column in ("alpha", "xmin", "D"))
    assert (tail.alpha, data[tail.start], tail.ks_distance) == pytest.approx(expected, rel=1e-9)
    assert tail.count == int(row["num_pl_spikes"])
