"""Claim: `init` measures how far each matrix is from the one that training began from, matched by id.

The witness is plain NumPy on the arrays themselves, in float64.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.single_thread import one_blas_thread  # noqa: F401
from triplepoint import Scan, checkpoints, matrices, scan
from triplepoint.errors import UsageError
from triplepoint.records import Reason

INIT = ("fro_dist", "dist_spec_init", "relative_dist_init", "update_stable_rank", "w_cka")


def layers(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"a.weight": (64, 32), "conv.weight": (24, 16, 3, 3), "bias": (64,)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def moved(before: dict[str, np.ndarray], step: float) -> dict[str, np.ndarray]:
    change = layers(99)
    return {name: (value + step * change[name]).astype(np.float32) for name, value in before.items()}


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """From the kernels of the rows, centred by a projection: no Gram matrix of columns."""
    centre = np.eye(len(x)) - 1 / len(x)
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return float(np.sum(k * m) / np.linalg.norm(k) / np.linalg.norm(m))


@pytest.mark.parametrize("step", [1e-3, 0.1, 3.0])
def test_distances_are_those_of_the_arrays(step):
    before = layers(0)
    after = moved(before, step)
    row = scan(after, init=before)["a.weight"]
    change = after["a.weight"].astype(float) - before["a.weight"]
    squares = np.linalg.svd(change, compute_uv=False) ** 2
    norm = np.sum(before["a.weight"].astype(float) ** 2)
    assert row.metrics["fro_dist"] == pytest.approx(np.sum(squares), rel=1e-6)
    assert row.metrics["dist_spec_init"] == pytest.approx(squares[0], rel=1e-6)
    assert row.metrics["relative_dist_init"] == pytest.approx(np.sqrt(np.sum(squares) / norm), rel=1e-6)
    assert row.metrics["update_stable_rank"] == pytest.approx(np.sum(squares) / squares[0], rel=1e-6)
    assert row.metrics["w_cka"] == pytest.approx(
        cka(after["a.weight"].astype(float), before["a.weight"].astype(float)), rel=1e-9
    )


def test_float64_weights_are_compared_in_float64():
    before = np.random.default_rng(1).standard_normal((40, 20))
    after = before + 1e-9 * np.random.default_rng(2).standard_normal((40, 20))
    row = scan({"w": after}, init={"w": before})["w"]
    assert row.metrics["fro_dist"] == pytest.approx(np.sum((after - before) ** 2), rel=1e-6, abs=0)


def test_kernels_are_compared_slice_by_slice():
    before = layers(0)
    after = moved(before, 0.2)
    found = scan(after, init=before)
    change = after["conv.weight"].astype(float) - before["conv.weight"]
    norms = [np.linalg.norm(change[:, :, i, j], 2) ** 2 for i in range(3) for j in range(3)]
    row = found["conv.weight"]
    assert row.metrics["fro_dist"] == pytest.approx(np.sum(change**2), rel=1e-6)
    assert row.metrics["dist_spec_init"] == pytest.approx(max(norms), rel=1e-6)
    ckas = [
        cka(after["conv.weight"][:, :, i, j].astype(float), before["conv.weight"][:, :, i, j].astype(float))
        for i in range(3)
        for j in range(3)
    ]
    assert row.metrics["w_cka"] == pytest.approx(np.mean(ckas), rel=1e-9)
    for k in range(9):
        assert found[f"conv.weight/slice.{k}"].metrics["dist_spec_init"] == pytest.approx(norms[k], rel=1e-6)


def test_fused_parts_and_experts_meet_their_own():
    rng = np.random.default_rng(3)
    before = {"h.0.attn.qkv.weight": rng.standard_normal((96, 32)).astype(np.float32)}
    after = {"h.0.attn.qkv.weight": before["h.0.attn.qkv.weight"].copy()}
    after["h.0.attn.qkv.weight"][32:64] += 1.0
    layout = {"*.qkv.weight": "out(query,key,value),in"}
    found = scan(after, init=before, layouts=layout)
    distances = {row.part: row.metrics["fro_dist"] for row in found.matrices if row.part is not None}
    assert distances == {"query": 0.0, "key": pytest.approx(32 * 32, rel=1e-6), "value": 0.0}


def test_adapters_are_compared_as_products():
    rng = np.random.default_rng(4)

    def adapter(seed: int) -> dict[str, np.ndarray]:
        draw = np.random.default_rng(seed)
        return {
            "base_model.model.q_proj.lora_A.weight": draw.standard_normal((8, 48)).astype(np.float32),
            "base_model.model.q_proj.lora_B.weight": draw.standard_normal((64, 8)).astype(np.float32),
        }

    before, after = adapter(int(rng.integers(99))), adapter(1000)
    row = next(row for row in scan(after, init=before).matrices if row.kind == "adapter")
    product = {
        name: w["base_model.model.q_proj.lora_B.weight"].astype(float)
        @ w["base_model.model.q_proj.lora_A.weight"]
        for name, w in (("before", before), ("after", after))
    }
    change = product["after"] - product["before"]
    assert row.metrics["fro_dist"] == pytest.approx(np.sum(change**2), rel=1e-9)
    assert row.metrics["dist_spec_init"] == pytest.approx(np.linalg.norm(change, 2) ** 2, rel=1e-9)
    assert row.metrics["w_cka"] == pytest.approx(cka(product["after"], product["before"]), rel=1e-9)


@pytest.mark.parametrize(("broken", "reason"), [(np.inf, Reason.non_finite), (1e160, Reason.extreme_scale)])
def test_factors_that_are_broken_or_too_large_have_no_distance(broken, reason):
    rng = np.random.default_rng(3)
    before = {
        "q.lora_A.weight": rng.standard_normal((8, 48)),
        "q.lora_B.weight": rng.standard_normal((64, 8)),
    }
    large = {name: value * 1e160 for name, value in before.items()}
    large["q.lora_A.weight"][0, 0] = broken
    (row,) = scan(before, init=large).matrices
    assert row.metric_status["fro_dist"] == reason
    (row,) = scan(before, init=before).matrices
    assert (row.metrics["fro_dist"], row.metric_status["update_stable_rank"]) == (0, Reason.undefined)


def test_nothing_changed_is_a_distance_of_zero():
    row = scan(layers(0), init=layers(0))["a.weight"]
    assert row.metrics["fro_dist"] == row.metrics["dist_spec_init"] == 0
    assert row.metric_status["update_stable_rank"] == Reason.undefined
    assert row.metrics["w_cka"] == pytest.approx(1)


def test_a_matrix_that_is_not_there_costs_only_its_own_numbers():
    before = layers(0)
    del before["conv.weight"]
    found = scan(layers(1), init=before)
    assert {found["conv.weight"].metric_status[name] for name in INIT} == {Reason.not_in_init}
    assert found["a.weight"].metrics["fro_dist"] > 0
    assert found["conv.weight"].metrics["alpha"] is not None


def test_another_shape_is_not_compared():
    before = layers(0) | {"conv.weight": np.ones((24, 16, 1, 1), np.float32)}
    assert scan(layers(1), init=before)["conv.weight"].metric_status["w_cka"] == Reason.not_in_init


def test_initial_weights_with_nothing_in_common_are_refused():
    with pytest.raises(UsageError, match="none of its 1 matrices has the id and shape"):
        scan(layers(0), init={"other.weight": np.ones((64, 32))})


def test_a_metric_that_needs_them_says_so():
    with pytest.raises(UsageError, match="--init PATH"):
        scan(layers(0), metrics=["w_cka"])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_broken_initial_weights_have_no_distance(broken):
    before = layers(0)
    before["a.weight"][3, 3] = before["conv.weight"][3, 3, 1, 1] = broken
    after = scan(layers(1), init=before)
    assert all(
        after[id].metric_status[name] == Reason.non_finite
        for id in ("a.weight", "conv.weight")
        for name in INIT
    )


def test_a_change_beyond_float32_is_measured():
    far = np.zeros((20, 12), np.float32)
    far[2, 3] = 3e38
    after = far + np.eye(20, 12, dtype=np.float32)
    row = scan({"w": after}, init={"w": -far})["w"]
    assert row.metrics["fro_dist"] == pytest.approx((2 * float(far[2, 3])) ** 2)


def test_initial_weights_that_are_gone_meanwhile_cost_only_their_own_numbers():
    class Gone:
        def read(self, name, at=None):
            raise OSError("stale file handle")

        def release(self, name):
            pass

    reader = checkpoints.open(layers(0))
    plans = matrices.plan(reader.tensors(), reader.config, reader.read)
    initial = matrices.Initial.of("init", "", Gone(), plans, plans)
    assert all(initial.matrix(plan) is Reason.unreadable for plan in plans if plan.shape is not None)


def test_initial_weights_beyond_the_range_have_no_distance():
    weights = np.random.default_rng(1).standard_normal((40, 20))
    row = scan({"w": weights}, init={"w": 1e200 * weights})["w"]
    assert row.metric_status["relative_dist_init"] == Reason.extreme_scale
    assert row.status == "ok"


def test_totals_are_sums_over_counted_rows_and_travel(tmp_path):
    before = layers(0)
    found = scan(moved(before, 0.1), init=before)
    counted = [row for row in found.matrices if row.counted]
    total, n = found.summary.totals["fro_dist"]
    assert n == len(counted) == 2
    assert total == pytest.approx(sum(row.metrics["fro_dist"] for row in counted), rel=1e-12)
    assert set(found.summary.totals) == {"param_norm", "fro_dist", "dist_spec_init"}
    found.save(tmp_path / "scan.json")
    assert Scan.load(tmp_path / "scan.json").summary.totals == found.summary.totals
    settings = json.loads((tmp_path / "scan.json").read_text())["provenance"]["settings"]
    assert settings["init"]["digest"].startswith("blake2b:")


def test_a_resumed_scan_begins_again_where_the_initial_weights_are_others(tmp_path):
    journal = tmp_path / "journal"
    first = scan(layers(1), init=layers(0), resume=journal)["a.weight"].metrics["fro_dist"]
    again = scan(layers(1), init=layers(0), resume=journal)["a.weight"].metrics["fro_dist"]
    assert again == first
    with pytest.raises(UsageError):
        scan(layers(1), init=layers(2), resume=journal)


def test_tied_initial_weights_are_found_under_either_name():
    table = np.random.default_rng(5).standard_normal((64, 32)).astype(np.float32)
    before = {"embed.weight": table, "lm_head.weight": table}
    after = {"lm_head.weight": table + np.float32(1)}
    row = scan(after, init=before)["lm_head.weight"]
    assert row.metrics["fro_dist"] == pytest.approx(64 * 32, rel=1e-6)


def test_layouts_hold_for_both_and_may_miss_in_the_initial_weights():
    before = {"a.weight": layers(0)["a.weight"]}
    found = scan(layers(1), init=before, layouts={"conv.weight": "skip"})
    assert found["a.weight"].metrics["fro_dist"] > 0
