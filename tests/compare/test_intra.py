"""Claim: a product of consecutive layers is a row like any other, and noise through noise is not called trained.

Witnesses: `numpy.linalg.svd` of the formed product; the rate of rejections over many draws.
"""

from __future__ import annotations

import numpy as np
import pytest

import triplepoint
from tests.worlds import gaussian, orthogonal
from triplepoint.compare import intra
from triplepoint.errors import UsageError
from triplepoint.records import Phase, Reason, Scan


def two(hidden: int, outputs: int, inputs: int, seed: int = 0) -> dict[str, np.ndarray]:
    return {
        "fc1.weight": gaussian((hidden, inputs), seed).astype(np.float32),
        "fc2.weight": gaussian((outputs, hidden), seed + 10_000).astype(np.float32),
    }


def test_the_summary_has_the_sums_of_a_scan():
    scan = intra(two(24, 40, 32))
    assert scan.summary.totals == {"param_norm": (scan.matrices[0].metrics["param_norm"], 1)}


@pytest.mark.parametrize("sides", [(24, 40, 32), (40, 24, 20), (32, 32, 32)])
def test_the_spectrum_is_that_of_the_normalised_product(sides):
    weights = two(*sides)
    one, other = (w.astype(float) for w in weights.values())
    product = other @ one / (np.linalg.norm(one) * np.linalg.norm(other))
    sigma = np.linalg.svd(product, compute_uv=False)[: min(sides)]
    scan = intra(weights)
    (row,) = scan.matrices
    assert (row.id, row.kind, row.shape) == ("fc1.weight → fc2.weight", "dense", product.shape)
    assert row.sources == ("fc2.weight", "fc1.weight")
    assert row.counted
    assert row.num_eigenvalues == min(sides)
    assert row.metrics["log_spectral_norm"] == pytest.approx(2 * np.log10(sigma[0]), rel=1e-9)
    assert row.metrics["stable_rank"] == pytest.approx(np.sum(sigma**2) / sigma[0] ** 2, rel=1e-9)
    assert row.metric_status["num_traps"] is Reason.low_rank
    assert row.spectral_class is None


@pytest.mark.parametrize("sides", [(12, 40, 32), (60, 24, 20), (24, 24, 24)])
def test_noise_through_noise_is_rejected_as_often_as_the_level_says(sides):
    draws = 200
    rows = [intra(two(*sides, seed), metrics=["null_p"], workers=1).matrices[0] for seed in range(draws)]
    p = np.array([row.metrics["null_p"] for row in rows])
    for level in (0.5, 0.1):
        error = 3.5 * np.sqrt(level * (1 - level) / draws)
        assert np.mean(p <= level) == pytest.approx(level, abs=error + 0.15 * level)
    assert np.mean([row.phase is not Phase.under_trained for row in rows]) <= 0.045


def test_layers_that_fit_each_other_are_told_from_noise():
    strengths = np.geomspace(10, 0.1, 40)
    middle = orthogonal(60, 1)[:, :40]
    aligned = {
        "fc1.weight": middle * strengths @ orthogonal(40, 2),
        "fc2.weight": orthogonal(40, 3) * strengths @ middle.T,
    }
    row = intra(aligned).matrices[0]
    assert row.metrics["null_p"] < 1e-6
    fourth, second = np.sum(strengths**4), np.sum(strengths**2)
    assert row.metrics["param_norm"] * 60 == pytest.approx(60 * fourth / second**2, rel=1e-9)
    apart = aligned | {"fc1.weight": orthogonal(60, 5) @ aligned["fc1.weight"]}
    assert intra(apart).matrices[0].metrics["param_norm"] * 60 == pytest.approx(1, abs=0.5)


def test_pairs_can_be_named_also_of_slices():
    weights = two(24, 40, 32) | {"conv.weight": gaussian((16, 40, 3, 3), 3)}
    scan = intra(
        weights,
        pairs=[("fc1.weight", "fc2.weight"), ("fc2.weight", "conv.weight/slice.4")],
        metrics=["alpha"],
    )
    assert [row.shape for row in scan.matrices] == [(40, 32), (16, 24)]
    kernel = weights["conv.weight"][:, :, 1, 1]
    product = kernel @ weights["fc2.weight"].astype(float)
    sigma = np.linalg.svd(product, compute_uv=False)
    sigma /= np.linalg.norm(kernel) * np.linalg.norm(weights["fc2.weight"].astype(float))
    spectra = intra(weights, pairs=[("fc2.weight", "conv.weight/slice.4")]).matrices[0]
    assert spectra.metrics["xmax"] == pytest.approx(sigma[0] ** 2, rel=1e-9)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("fc1.weight", "nowhere"), "no matrix has this id"),
        (("fc2.weight", "fc1.weight"), "40 outputs, the second 32 inputs"),
        (("fc1.weight", "conv.weight"), "Name one of its slices"),
        ("fc1.weight", "not two ids"),
        (("fc1.weight", ["fc2.weight"]), "not two ids"),
        (None, "not two ids"),
    ],
)
def test_a_pair_that_makes_no_product_is_refused(pair, words):
    weights = two(24, 40, 32) | {"conv.weight": gaussian((16, 24, 3, 3), 3)}
    with pytest.raises(UsageError, match=words):
        intra(weights, pairs=[pair])
    for pairs in (3, "fc1.weight", []):
        with pytest.raises(UsageError, match="pair"):
            intra(weights, pairs=pairs)


def test_a_checkpoint_without_pairs_says_what_to_do():
    with pytest.raises(UsageError, match="Name them: pairs"):
        intra({"a.weight": gaussian((5, 4)), "b.weight": gaussian((5, 4))})


def test_hidden_units_are_switched_off_by_seed():
    weights = two(48, 30, 20)
    runs = [intra(weights, sparsify=True, seed=seed).matrices[0] for seed in (1, 1, 2)]
    assert runs[0].metrics == runs[1].metrics
    assert runs[0].metrics["log_norm"] != runs[2].metrics["log_norm"]
    whole = intra(weights).matrices[0].metrics["param_norm"]
    assert runs[0].metrics["param_norm"] == pytest.approx(whole / 2, rel=0.4)
    noise = [intra(two(12, 40, 32, s), sparsify=True, metrics=["null_p"], workers=1) for s in range(60)]
    assert np.mean([scan.matrices[0].metrics["null_p"] <= 0.1 for scan in noise]) <= 0.25


def test_a_product_without_hidden_units_is_a_row_that_says_so():
    weights = {"fc1.weight": gaussian((1, 20)), "fc2.weight": gaussian((24, 1))}
    rows = [intra(weights, sparsify=True, seed=seed).matrices[0] for seed in range(4)]
    silent = [row for row in rows if row.status == "failed"]
    assert 0 < len(silent) < 4
    assert {(row.reason, row.detail) for row in silent} == {
        (Reason.all_zero, "every hidden unit is switched off")
    }


def test_a_bad_weight_costs_its_products():
    weights = two(24, 40, 32) | {"fc3.weight": np.full((9, 40), np.nan), "fc4.weight": np.zeros((9, 9))}
    rows = intra(weights).matrices
    assert [(row.status, row.reason) for row in rows] == [
        ("ok", None),
        ("failed", Reason.non_finite),
        ("failed", Reason.non_finite),
    ]
    zeros = two(24, 40, 32) | {"fc2.weight": np.zeros((40, 24))}
    assert intra(zeros).matrices[0].reason is Reason.all_zero


def test_products_are_filtered_counted_and_kept(tmp_path):
    weights = two(24, 40, 32) | {"fc3.weight": gaussian((20, 40), 4)}
    scan = intra(weights, layers="* → fc3*", vectors=True)
    assert [row.status for row in scan.matrices] == ["skipped", "ok"]
    assert scan.matrices[1].metrics["tail_mean_vec_entropy"] > 0.5
    assert scan.provenance.settings["intra"]["pairs"][0] == ["fc1.weight", "fc2.weight"]
    assert scan.summary.metrics["alpha"][1] == 1
    scan.save(tmp_path / "intra.json")
    assert Scan.load(tmp_path / "intra.json").to_dict() == scan.to_dict()
    assert triplepoint.intra is intra
