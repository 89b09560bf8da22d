"""Claim: two checkpoints are compared matrix by matrix, by id, whatever their order and format.

Witnesses: NumPy on the arrays themselves, and the formulas of WeightWatcher.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.linalg

import triplepoint
from tests.worlds import gaussian, orthogonal
from triplepoint.compare import distances, subspaces
from triplepoint.errors import UsageError
from triplepoint.linalg import memory
from triplepoint.records import Reason

norm = np.linalg.norm


@pytest.fixture(scope="module")
def pair() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    first = {
        "one.weight": gaussian((12, 7), 0).astype(np.float32),
        "one.bias": gaussian((12,), 1).astype(np.float32),
        "norm.weight": np.ones(12, np.float32),
        "conv.weight": gaussian((8, 6, 3, 3), 2).astype(np.float32),
        "gone.weight": gaussian((5, 4), 3),
        "turned.weight": gaussian((5, 4), 4),
        "steps.weight": np.arange(12).reshape(3, 4),
    }
    second = {name: value + gaussian(value.shape, 9).astype(value.dtype) / 4 for name, value in first.items()}
    second["turned.weight"] = second["turned.weight"].T
    del second["gone.weight"]
    second["new.weight"] = gaussian((3, 3), 5)
    return first, dict(reversed(second.items()))


def test_every_number_is_that_of_the_arrays(pair):
    first, second = pair
    found = distances(first, second)
    a, b = (side["one.weight"].astype(float) for side in pair)
    row = found["one.weight"]
    assert row.status == "ok"
    assert row.frobenius == row.euclidean == pytest.approx(norm(a - b), rel=1e-6)
    assert row.relative == pytest.approx(norm(a - b) / norm(a), rel=1e-6)
    assert row.spectral == pytest.approx(norm(a - b, 2), rel=1e-6)
    x, y = a - a.mean(0), b - b.mean(0)
    assert row.cka == pytest.approx(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)), rel=1e-9)
    overlap = norm(a.T @ b) / math.sqrt(norm(a.T @ a) * norm(b @ b.T))
    assert row.overlap == pytest.approx(overlap, rel=1e-9)
    assert row.cka_uncentred == pytest.approx(overlap**2, rel=1e-9)


def test_kernels_are_compared_slice_by_slice(pair):
    first, second = (side["conv.weight"].astype(float) for side in pair)
    row = distances(*pair)["conv.weight"]
    slices = [(first[:, :, i, j], second[:, :, i, j]) for i in range(3) for j in range(3)]
    assert row.slices == 9
    assert row.frobenius == pytest.approx(norm(first - second), rel=1e-6)
    assert row.euclidean == pytest.approx(np.mean([norm(a - b) for a, b in slices]), rel=1e-6)
    assert row.spectral == pytest.approx(max(norm(a - b, 2) for a, b in slices), rel=1e-6)
    overlaps = [norm(a.T @ b) / math.sqrt(norm(a.T @ a) * norm(b @ b.T)) for a, b in slices]
    assert row.overlap == pytest.approx(np.mean(overlaps), rel=1e-9)


def test_vectors_are_told_apart_and_biases_averaged(pair):
    first, second = pair
    found = distances(*pair)
    assert [(row.id, row.bias) for row in found.vectors] == [("one.bias", True), ("norm.weight", False)]
    change = norm(first["one.bias"].astype(float) - second["one.bias"])
    assert found.vectors[0].euclidean == pytest.approx(change, rel=1e-9)
    assert found.avg_db == found.vectors[0].euclidean
    assert found.avg_dW == pytest.approx((found["one.weight"].frobenius + found["conv.weight"].frobenius) / 2)
    assert distances(*pair, method="cka").vectors == ()


def test_what_has_no_partner_is_named_with_the_reason(pair):
    found = {row.id: (row.side, row.reason, row.detail) for row in distances(*pair).unmatched}
    assert found == {
        "gone.weight": ("first", Reason.no_counterpart, None),
        "turned.weight": ("both", Reason.other_shape, "5 × 4 and 4 × 5"),
        "steps.weight": ("both", Reason.integer, None),
        "new.weight": ("second", Reason.no_counterpart, None),
    }


@pytest.mark.parametrize(
    ("method", "there"),
    [
        ("raw", {"frobenius", "relative", "euclidean"}),
        ("euclidean", {"frobenius", "relative", "euclidean"}),
        ("cka", {"cka", "cka_uncentred", "overlap"}),
    ],
)
def test_a_method_measures_its_own_numbers_and_the_same(pair, method, there):
    everything, found = distances(*pair), distances(*pair, method=method)
    numbers = {"frobenius", "relative", "euclidean", "spectral", "cka", "cka_uncentred", "overlap"}
    for row, full in zip(found.matrices, everything.matrices, strict=True):
        assert {name for name in numbers if getattr(row, name) is not None} == there
        assert all(getattr(row, name) == getattr(full, name) for name in there)
    mean = {"raw": "frobenius"}.get(method, method)
    assert found.avg_dW == everything.mean(mean)


def test_formats_do_not_matter(pair, tmp_path):
    np.savez(tmp_path / "second.npz", **pair[1])
    assert distances(pair[0], tmp_path / "second.npz").matrices == distances(*pair).matrices


def test_equal_checkpoints_are_at_distance_zero(pair):
    found = distances(pair[0], pair[0])
    assert found.avg_dW == found.avg_db == 0
    assert found.mean("spectral") == 0
    assert found.mean("cka") == pytest.approx(1, abs=1e-12)


def test_layers_are_chosen_on_both_sides(pair):
    found = distances(*pair, layers="one.*")
    assert [row.id for row in found.matrices] == ["one.weight"]
    assert [row.id for row in found.vectors] == ["one.bias"]
    assert found.unmatched == ()
    with pytest.raises(UsageError, match="no matrix matches"):
        distances(*pair, layers="nothing*")
    assert distances(*pair, layers=["gone*", "one*"]).unmatched[0].id == "gone.weight"


def test_a_bad_tensor_costs_its_own_row(pair):
    for value in (np.inf, np.nan):
        broken = pair[1] | {"one.weight": np.full((12, 7), value, np.float32)}
        for method in ("raw", "all", "euclidean", "cka"):
            assert distances(pair[0], broken, method=method)["one.weight"].reason is Reason.non_finite
    found = distances(pair[0], broken)
    assert found["one.weight"].frobenius is None
    assert found.avg_dW == found["conv.weight"].frobenius
    huge = {"w.weight": np.full((3, 4), 1e300)}
    assert distances(huge, {"w.weight": -huge["w.weight"]})["w.weight"].relative == pytest.approx(2)
    far = {"w.weight": np.full((3, 4), 1.7e308), "w.bias": np.full(3, 1.7e308)}
    apart = distances(far, {name: -value for name, value in far.items()}, method="raw")
    assert apart["w.weight"].reason is apart.vectors[0].reason is Reason.extreme_scale
    zero = {"w.weight": np.zeros((3, 4))}
    row = distances(zero, {"w.weight": np.eye(3, 4)})["w.weight"]
    assert (row.frobenius, row.relative, row.cka) == (pytest.approx(math.sqrt(3)), None, None)


@pytest.mark.parametrize(
    ("values", "reason"),
    [(np.ones(4, complex), Reason.complex), (np.array(["a", "b"]), Reason.unsupported_dtype)],
)
def test_vectors_that_are_no_real_numbers_cost_their_own_row(values, reason):
    both = {"w.weight": np.eye(3), "a.bias": values}
    found = distances(both, both)
    assert (found["w.weight"].frobenius, found.vectors[0].reason) == (0, reason)


def test_adapters_are_compared_in_their_factors():
    def adapter(seed: int) -> dict[str, np.ndarray]:
        return {"m.lora_A.weight": gaussian((4, 30), seed), "m.lora_B.weight": gaussian((20, 4), seed + 1)}

    first, second = adapter(0), adapter(5)
    a, b = (side["m.lora_B.weight"] @ side["m.lora_A.weight"] for side in (first, second))
    (row,) = distances(first, second).matrices
    assert row.kind == "adapter"
    assert row.frobenius == pytest.approx(norm(a - b), rel=1e-9)
    assert row.relative == pytest.approx(norm(a - b) / norm(a), rel=1e-9)
    assert row.spectral == pytest.approx(norm(a - b, 2), rel=1e-9)
    x, y = a - a.mean(0), b - b.mean(0)
    assert row.cka == pytest.approx(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)), rel=1e-9)
    merged = {row.id: a}
    assert distances(first, merged).matrices[0].reason is Reason.other_kind


def test_fused_weights_are_compared_by_their_parts_or_else_as_a_whole():
    fused = {"attn.in_proj_weight": gaussian((24, 8), 0), "attn.out_proj.weight": gaussian((8, 8), 1)}
    other = {name: value + 1 for name, value in fused.items()}
    found = distances(fused, other)
    assert [row.part for row in found.matrices] == ["query", "key", "value", None]
    assert all(row.counted for row in found.matrices)
    whole = distances(fused, other, layouts={"attn.in_proj_weight": "out,in"})
    assert [row.id for row in whole.matrices] == ["attn.in_proj_weight", "attn.out_proj.weight"]
    assert whole["attn.in_proj_weight"].frobenius == pytest.approx(math.sqrt(24 * 8))
    assert whole.unmatched == ()


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25)])
def test_leading_directions_overlap_as_principal_angles_say(shape):
    first, second = (gaussian(shape, seed) for seed in (1, 2))
    second += 3 * first
    row = distances({"w": first}, {"w": second.astype(np.float32)}, method="raw", directions=4)["w"]
    one, other = (np.linalg.svd(m) for m in (first, second.astype(np.float32).astype(float)))
    rows = scipy.linalg.subspace_angles(one[0][:, :4], other[0][:, :4])
    columns = scipy.linalg.subspace_angles(one[2][:4].T, other[2][:4].T)
    assert row.overlap_rows == pytest.approx(np.mean(np.cos(rows) ** 2), rel=1e-9)
    assert row.overlap_columns == pytest.approx(np.mean(np.cos(columns) ** 2), rel=1e-9)
    turned = {"w": orthogonal(shape[0], 3) @ first}
    row = distances({"w": first}, turned, method="raw", directions=4)["w"]
    assert row.overlap_columns == pytest.approx(1, abs=1e-12)
    assert row.overlap_rows < 0.6


def test_directions_that_are_not_there_have_no_overlap(pair):
    found = distances(*pair, method="raw", directions=7)
    assert found["one.weight"].overlap_rows is not None
    assert found["conv.weight"].overlap_rows is None
    assert found.directions == found.to_dict()["directions"] == 7
    thin = {"w": gaussian((12, 2), 1) @ gaussian((2, 9), 2)}
    assert distances(thin, thin, directions=3)["w"].overlap_rows is None
    assert distances(thin, thin, directions=2)["w"].overlap_rows == pytest.approx(1, abs=1e-9)
    assert distances(*pair)["one.weight"].overlap_rows is None
    with pytest.raises(UsageError, match="directions"):
        distances(*pair, directions=-1)


def test_faults_of_the_arithmetic_cost_their_row(pair, monkeypatch):
    monkeypatch.setattr(memory, "ALWAYS_FITS", 0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 7e2)
    assert distances(*pair, method="cka")["one.weight"].reason is Reason.out_of_memory
    monkeypatch.setattr(memory, "available_bytes", lambda: 4e2)  # enough for the difference
    assert distances(*pair, method="raw")["one.weight"].reason is None
    assert distances(*pair, method="raw", directions=2)["one.weight"].reason is Reason.out_of_memory
    monkeypatch.undo()

    def stuck(*_):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(subspaces, "leading_pairs", stuck)
    found = distances(*pair, directions=2)
    assert {row.reason for row in found.matrices} == {Reason.not_converged}


def test_it_can_be_kept(pair):
    found = distances(*pair)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["schema"] == "triplepoint.distances/1"
    assert document["matrices"][0]["frobenius"] == found.matrices[0].frobenius
    assert document["unmatched"][0]["reason"] == found.unmatched[0].reason.value
    frame = found.to_pandas()
    assert list(frame["id"]) == [row.id for row in found.matrices]
    assert frame["spectral"].tolist() == [row.spectral for row in found.matrices]
    assert "2 matrices, 2 vectors, 4 not compared" in repr(found)


def test_what_cannot_be_compared_is_refused(pair):
    with pytest.raises(UsageError, match="unknown"):
        distances(*pair, method="cosine")
    with pytest.raises(UsageError, match="no tensor of one"):
        distances({"a.weight": np.eye(3)}, {"b.weight": np.eye(3)})


@pytest.mark.parametrize("options", [{"layouts": ["a=out,in"]}, {"max_tensors": "many"}], ids=str)
def test_options_of_another_type_are_refused(pair, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        distances(*pair, **options)


def test_the_package_offers_it():
    assert triplepoint.distances is distances
