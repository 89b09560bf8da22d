"""Claim: the fast fit is WeightWatcher 0.7.7's, digit by digit, with its formula for square matrices put in.

Witnesses: WeightWatcher's own tables of eight synthetic and 39 real matrices; the density by its definition.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tests import minilm
from tests.worlds import DATA, gaussian, reference
from triplepoint.nulls import kde_fit


def columns(ascending: np.ndarray, shape: tuple[int, int]) -> dict[str, float]:
    """WeightWatcher's columns from σ; its spikes are counted from an edge plus a margin that is no quantile."""
    sigma = kde_fit.relative_sigma(ascending, shape, legacy=True)
    unit, root = np.mean(ascending), math.sqrt(shape[1] / shape[0])
    high = (sigma * (1 + root)) ** 2
    margin = math.sqrt(root * high ** (2 / 3) * shape[1] ** (-2 / 3))
    return {
        "W_scale": 1 / kde_fit.unit(ascending),
        "sigma_mp": sigma,
        "bulk_max": high * unit,
        "bulk_min": (sigma * (1 - root)) ** 2 * unit,
        "mp_softrank": high / (ascending[-1] / unit),
        "num_spikes": float(np.count_nonzero(ascending / unit > high + margin)),
    }


def check(ascending: np.ndarray, row: dict[str, str]) -> None:
    found = columns(ascending, (int(row["N"]), int(row["M"])))
    expected = {name: float(row[name]) for name in found}
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-12), row["name"]


def test_the_synthetic_matrices_agree_in_every_column():
    stored = np.load(DATA / "synth_singular_values.npz")
    for row in reference("synth_rand_mp_detX.csv"):
        # Module names hold no points: student1p5 is the matrix student1.5.
        check(np.square(stored[re.sub(r"(\d)p(\d)", r"\1.\2", row["name"])])[::-1], row)


@pytest.mark.skipif(minilm.SPEC is None, reason="the weights package is not installed")
def test_the_real_matrices_agree_in_every_column():
    table = {row["name"]: row for row in reference("minilm_rand_mp.csv")}
    seen = 0
    for name, matrix in minilm.matrices():
        if name in table:
            check(np.square(np.linalg.svd(matrix, compute_uv=False))[::-1], table[name])
            seen += 1
    assert seen == len(table) == 39


def test_the_density_is_the_sum_of_triangles():
    values = np.sort(np.random.default_rng(0).exponential(size=300))
    x = np.linspace(-0.2, 9, 777)
    slow = np.maximum(1 - np.abs(x[:, None] - values) / 0.1, 0).sum(axis=1) / (300 * 0.1)
    np.testing.assert_allclose(kde_fit.triangular_density(values, x), slow, atol=1e-12)


@pytest.mark.parametrize("shape", [(400, 400), (800, 400)])
def test_it_finds_the_noise_level_of_a_gaussian_matrix(shape):
    found = [
        kde_fit.fit_sigma(np.linalg.svd(gaussian(shape, seed, 0.3), compute_uv=False)[::-1] ** 2, shape)
        for seed in range(4)
    ]
    assert np.mean(found) == pytest.approx(0.3, rel=0.012)


def test_the_right_quarter_circle_has_the_right_radius():
    values = np.linalg.svd(gaussian((300, 300), 3, 5.0), compute_uv=False)[::-1] ** 2
    assert kde_fit.fit_sigma(values, (300, 300)) == pytest.approx(5.0, rel=0.02)
    assert kde_fit.fit_sigma(values, (300, 300)) != kde_fit.fit_sigma(values, (300, 300), legacy=True)


@pytest.mark.parametrize("shape", [(20, 20), (40, 20)])
@pytest.mark.parametrize("kind", ["equal", "one", "two", "half", "spike", "steps"])
def test_odd_spectra_have_a_number_or_none(shape, kind):
    values = {
        "equal": np.ones(20),
        "one": np.append(np.zeros(19), 1.0),
        "two": np.append(np.zeros(18), [1.0, 1e-6]),
        "half": np.append(np.zeros(10), np.ones(10)),
        "spike": np.append(np.ones(19), 1e9),
        "steps": np.geomspace(1e-30, 1.0, 20),
    }[kind]
    found = kde_fit.fit_sigma(values, shape)
    assert found is None or (math.isfinite(found) and found > 0)


def test_a_spectrum_between_the_points_of_the_grid_has_no_fit():
    assert kde_fit.fit_sigma(np.append(np.ones(399), 2727.0), (500, 400)) is None
