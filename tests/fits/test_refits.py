"""Claim: refits of samples are exact, and the same with and without numba.

Witnesses: `best_tail` on samples drawn one by one, the slow full scan, closed forms of the sampled law.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

from tests.naive import full_scan
from tests.worlds import gaussian, pareto
from triplepoint.fits import best_tail, refits
from triplepoint.fits.interval import bootstrap_draws
from triplepoint.fits.power_law import Tail

WORLDS = {
    "pareto": lambda n, rng: 1 + rng.pareto(2.0, n),
    "lognormal": lambda n, rng: rng.lognormal(0, 1.5, n),
    "whole numbers": lambda n, rng: rng.integers(1, 12, n).astype(float),
    "uniform": lambda n, rng: rng.uniform(0.1, 1, n),
    "narrow": lambda n, rng: 1 + 1e-5 * rng.pareto(2.0, n),
    "wide": lambda n, rng: np.exp(rng.uniform(-300, 300, n)),
    "noise": lambda n, rng: np.linalg.svd(rng.standard_normal((n, n)), compute_uv=False) ** 2,
}


def sample(name: str, n: int, seed: int) -> np.ndarray:
    return np.sort(WORLDS[name](n, np.random.default_rng(seed)))


def same(left: refits.Refits, right: refits.Refits) -> None:
    np.testing.assert_array_equal(left.start, right.start)
    np.testing.assert_allclose(left.alpha, right.alpha, rtol=1e-12)
    np.testing.assert_allclose(left.ks_distance, right.ks_distance, rtol=1e-12)
    np.testing.assert_array_equal(left.log_xmin, right.log_xmin)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [20, 21, 64, 150])
def test_compiled_and_plain_refits_are_the_same_numbers(name, n):
    pytest.importorskip("numba")
    assert refits._kernel() is not None
    data = sample(name, n, seed=n)
    batches = [*refits.resampled(data, 150, np.random.default_rng(n)), np.log(data)[None]]
    batches += refits.semi_parametric(data, 2.7, n // 3, 150, np.random.default_rng(n))
    same(refits.refit_all(batches), refits.refit_all(batches, compiled=False))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", WORLDS)
def test_the_full_scan_finds_no_better_tail(name, compiled):
    for seed in range(12):
        data = sample(name, 90, seed)
        found = refits.refit(np.log(data)[None], compiled=compiled)
        xmins, alphas, distances = full_scan(data)
        assert found.ks_distance[0] == pytest.approx(distances.min(), abs=1e-12)
        chosen = int(np.flatnonzero(xmins == data[found.start[0]])[0])
        assert found.alpha[0] == pytest.approx(alphas[chosen], rel=1e-9)
        assert found.log_xmin[0] == np.log(xmins[chosen])


def test_of_two_equal_distances_the_smaller_xmin_wins_in_both():
    # Five copies among 20 points and four among 15 both give D = 1/5 exactly.
    tied = 0
    for seed in range(250):
        gaps = np.random.default_rng(seed).uniform(0.02, 0.8, 7)
        data = np.repeat(np.exp(np.cumsum(gaps)), [5, 4, 4, 3, 2, 1, 1])
        _, _, distances = full_scan(data)
        if distances[0] == distances[1] == distances.min():
            tied += 1
            for compiled in (True, False):
                assert refits.refit(np.log(data)[None], compiled=compiled).start[0] == 0
    assert tied > 10


@pytest.mark.parametrize("n", [12, 100])
def test_draws_are_those_of_choice_one_sample_after_the_other(n):
    data = pareto(2.5, n, seed=1)
    one, other = np.random.default_rng(7), np.random.default_rng(7)
    expected = [best_tail(np.sort(one.choice(data, n))).alpha for _ in range(40)]
    assert bootstrap_draws(data, 40, other) == pytest.approx(sorted(expected), rel=1e-12)
    assert one.random() == other.random()


def test_batches_change_no_draw(monkeypatch):
    data = pareto(2.5, 50, seed=2)
    tail = best_tail(data)

    def both() -> list[np.ndarray]:
        return [
            np.concatenate(list(refits.resampled(data, 21, np.random.default_rng(3)))),
            np.concatenate(
                list(refits.semi_parametric(data, tail.alpha, tail.start, 21, np.random.default_rng(3)))
            ),
        ]

    whole = both()
    monkeypatch.setattr(refits, "BATCH", 200)
    assert len(list(refits.resampled(data, 21, np.random.default_rng(3)))) == 6
    for a, b in zip(whole, both(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_samples_of_the_fitted_model_have_its_tail_its_body_and_its_shares():
    data = np.sort(np.r_[np.linspace(0.1, 0.9, 60), pareto(3.0, 40, seed=4)])
    rows = np.concatenate(list(refits.semi_parametric(data, 3.0, 60, 4000, np.random.default_rng(5))))
    tail = rows >= np.log(data[60]) - 1e-12
    body = np.isclose(rows[..., None], np.log(data[:60])).any(axis=2)
    np.testing.assert_array_equal(tail, ~body)
    counts = tail.sum(axis=1)
    # Binomial(100, 0.4): mean 40, variance 24.
    assert counts.mean() == pytest.approx(40, abs=4 * np.sqrt(24 / 4000))
    assert counts.var() == pytest.approx(24, rel=0.1)
    # ln(x/xmin) of the tail is exponential with rate α − 1.
    excess = rows[tail] - np.log(data[60])
    assert excess.mean() == pytest.approx(0.5, rel=0.01)
    assert np.quantile(excess, 0.9) == pytest.approx(np.log(10) / 2, rel=0.015)
    # Every eigenvalue of the body is as likely as the others.
    seen = np.isclose(rows[body][:, None], np.log(data[:60])).sum(axis=0)
    assert seen.sum() == body.sum()
    assert np.all(np.abs(seen - seen.mean()) < 5 * np.sqrt(seen.mean()))


def test_a_tail_of_all_eigenvalues_has_no_body():
    data = pareto(3.0, 30, seed=4)
    rows = np.concatenate(list(refits.semi_parametric(data, 3.0, 0, 200, np.random.default_rng(5))))
    assert rows.shape == (200, 30)
    assert rows.min() >= np.log(data[0])


@pytest.mark.parametrize("compiled", [True, False])
def test_samples_without_a_tail_are_said_to_have_none(compiled):
    rows = np.stack([np.zeros(25), np.log(pareto(3.0, 25))])
    found = refits.refit(rows, compiled=compiled)
    assert found.found.tolist() == [False, True]
    assert found.start[0] == -1
    assert np.isnan([found.alpha[0], found.ks_distance[0], found.log_xmin[0]]).all()


def test_small_samples_use_the_objective_of_small_samples():
    data = pareto(2.5, 15, seed=6)
    found = refits.refit(np.log(data)[None])
    tail = best_tail(data)
    assert isinstance(tail, Tail)
    assert (found.start[0], found.alpha[0]) == (tail.start, tail.alpha)


def test_without_numba_the_plain_search_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "triplepoint.fits._refits_numba", None)
    refits._kernel.cache_clear()
    try:
        assert refits._kernel() is None
        data = gaussian((1, 40), seed=3)[0] ** 2
        tail = best_tail(np.sort(data))
        assert refits.refit(np.log(np.sort(data))[None]).alpha[0] == tail.alpha
    finally:
        refits._kernel.cache_clear()


def test_a_scan_without_refits_imports_no_numba():
    code = (
        "import sys, numpy, triplepoint; w = {'w': numpy.random.default_rng(0).standard_normal((40, 30))};"
        "triplepoint.scan(w); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_folder_that_cannot_be_written_to_costs_only_the_cache(monkeypatch):
    numba = pytest.importorskip("numba")
    plain, asked = numba.njit, []

    def read_only(**options):
        asked.append(options.get("cache", False))
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available for file")
        return plain(**options)

    monkeypatch.setattr(numba, "njit", read_only)
    name = "triplepoint.fits._refits_numba"
    monkeypatch.delitem(sys.modules, name, raising=False)
    kernel = importlib.import_module(name).search_all
    assert asked.count(True) == asked.count(False) > 0
    starts, decays = np.empty(1, dtype=np.int64), np.empty(1)
    data = pareto(2.5, 40, seed=8)
    kernel((np.log(data) - np.log(data[-1]))[None], starts, decays)
    assert starts[0] == best_tail(data).start
