"""Claim: every law of `TailFits` is fitted where its field says: at the power law's xmin, or at its own.

Witness: the single fits at every xmin, one after another; planted laws; metrics through a scan.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed, pareto
from triplepoint import scan
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.fits.exponential import fit_exponential
from triplepoint.fits.tails import fit_tails
from triplepoint.fits.truncated_power_law import fit_truncated
from triplepoint.fits.windows import peak_window
from triplepoint.metrics import tails as metrics
from triplepoint.records import Spectrum, TailFit, TailFits

SETTINGS = FitSettings()
WORLDS = {
    "pareto": pareto(2.5, 120, 1),
    "gaussian": np.linalg.svd(gaussian((200, 120), 2), compute_uv=False)[::-1] ** 2,
    "bulk and tail": np.sort(np.r_[np.random.default_rng(3).uniform(0.1, 1, 90), pareto(2.5, 40, 3)]),
    "ties": np.sort(np.round(np.random.default_rng(4).exponential(4, 120)) + 1),
}


def spectrum(eigenvalues: np.ndarray) -> Spectrum:
    return Spectrum(np.sqrt(eigenvalues)[::-1], (eigenvalues.size, eigenvalues.size))


def tails_of(eigenvalues: np.ndarray, settings: FitSettings = SETTINGS) -> TailFits:
    record = spectrum(eigenvalues)
    return fit_tails(record, fit_power_law(record, settings), settings)


def best(eigenvalues: np.ndarray, fit, low: float, high: float) -> float:
    """Smallest D of the law over every xmin from `low` to `high` with 8 points from it on."""
    data = spectrum(eigenvalues).eigenvalues[::-1]
    return min(
        fit(data, i).ks_distance
        for i in range(data.size - 7)
        if low <= data[i] <= high and data[i] < data[-1] and (i == 0 or data[i] > data[i - 1])
    )


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("window", ["intended", "legacy", "study"])
def test_each_law_at_its_own_xmin_is_the_closest_of_all_that_are_allowed(name, window):
    data = WORLDS[name]
    found = tails_of(data, FitSettings(window=window))
    low, high = peak_window(spectrum(data).eigenvalues, window)
    assert found.tpl.ks_distance == pytest.approx(best(data, fit_truncated, 0, np.inf), rel=1e-8)
    assert found.e_tpl.ks_distance == pytest.approx(best(data, fit_truncated, low, high), rel=1e-8)
    assert found.exp.ks_distance == pytest.approx(best(data, fit_exponential, low, high), rel=1e-8)
    assert low <= found.e_tpl.xmin <= high
    assert low <= found.exp.xmin <= high


@pytest.mark.parametrize("name", WORLDS)
def test_the_others_share_the_tail_of_the_power_law(name):
    fit, found = fit_power_law(spectrum(WORLDS[name]), SETTINGS), tails_of(WORLDS[name])
    for law in (found.exponential, found.lognormal, found.truncated, found.bounded):
        if law is not None:
            assert (law.xmin, law.num_tail) == (fit.xmin, fit.num_tail)
    assert found.truncated.ks_distance >= found.tpl.ks_distance - 1e-12 or fit.num_tail < 8


def test_a_window_without_eight_points_has_no_fit():
    # The fullest bin is the top one: from there on fewer than 8 eigenvalues.
    data = np.sort(np.r_[np.geomspace(1e-3, 1, 30), 1000 * (1 + 1e-3 * np.arange(5))])
    found = tails_of(data)
    assert found.e_tpl is None
    assert found.exp is None
    assert found.tpl is not None


def test_eight_eigenvalues_are_enough_for_one_candidate():
    data = pareto(2.0, 8, 2)
    found = tails_of(data)
    assert found.tpl.num_tail == 8


def test_exponents_of_a_planted_cut_off_are_found_by_a_scan():
    rng = np.random.default_rng(5)
    x = 1 + rng.pareto(0.8, 9000)
    x = np.sort(x[rng.uniform(size=9000) < np.exp(-0.05 * (x - 1))])[:]
    x = np.sort(rng.choice(x, 500, replace=False))
    names = [metric.name for metric in metrics.METRICS]
    row = scan({"w": np.diag(np.sqrt(x))}, metrics=names, workers=1)["w"]
    assert row.status == "ok"
    # Standard errors are 0.06 and 0.006 with xmin known.
    assert row.metrics["tpl_alpha"] == pytest.approx(1.8, abs=0.4)
    assert row.metrics["tpl_lambda"] == pytest.approx(0.05, abs=0.03)
    assert row.metrics["tpl_num_tail"] > 100


@pytest.mark.parametrize("factor", [1e-8, 1e6])
def test_metrics_scale_as_declared(factor):
    world = heavy_tailed((90, 60), 2.5, seed=2)
    names = [metric.name for metric in metrics.METRICS]
    base = scan({"w": world}, metrics=names, workers=1)["w"].metrics
    moved = scan({"w": factor * world}, metrics=names, workers=1)["w"].metrics
    for metric in metrics.METRICS:
        one, other = base[metric.name], moved[metric.name]
        if one is None or metric.scale == "other":
            assert (one is None) == (other is None)
            continue
        assert other == pytest.approx(one * factor**metric.scale, rel=1e-6), metric.name
    if base["lognormal_mu"] is not None:
        assert moved["lognormal_mu"] == pytest.approx(base["lognormal_mu"] + 2 * np.log(factor), rel=1e-6)


def test_a_missing_law_is_a_missing_number():
    missing = replace(
        metrics.TAILS, **{field.name: None for field in fields(TailFits) if field.name != "window"}
    )
    for metric in metrics.METRICS:
        if metric.examples[0][0] == (metrics.TAILS,):
            assert metric.function(missing) is None
    assert all(
        isinstance(getattr(metrics.TAILS, f.name), TailFit) for f in fields(TailFits) if f.name != "window"
    )
