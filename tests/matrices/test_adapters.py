"""Claim: the factors of every dialect become one row with the scale that its configuration gives, or say why not.

The witness is `numpy.linalg.svd` of the product formed by hand, with s as PEFT and kohya define it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint import matrices, scan
from triplepoint.records import MatrixPlan, Phase, Reason, TensorInfo

Arrays = dict[str, np.ndarray]


def factor(*shape: int, seed: int = 0) -> np.ndarray:
    return gaussian(shape, seed).astype(np.float32)


def planned(shapes: dict[str, tuple[int, ...]], config: dict[str, Any] | None = None) -> list[MatrixPlan]:
    tensors = [TensorInfo(name, "F32", shape) for name, shape in shapes.items()]
    return list(matrices.plan(tensors, config or {}))


def pair(stem: str, down: str = "lora_A.weight", up: str = "lora_B.weight", rank: int = 4) -> dict[str, Any]:
    return {f"{stem}{down}": (rank, 24), f"{stem}{up}": (32, rank)}


LAYER = "model.layers.0.self_attn.q_proj"
DIALECTS = {
    "PEFT file": (f"base_model.model.{LAYER}.", "lora_A.weight", "lora_B.weight"),
    "PEFT module": (f"base_model.model.{LAYER}.", "lora_A.default.weight", "lora_B.default.weight"),
    "injected": (f"{LAYER}.", "lora_A.default.weight", "lora_B.default.weight"),
    "wrapped": (f"module.base_model.model.{LAYER}.", "lora_A.weight", "lora_B.weight"),
    "diffusers": (f"{LAYER}.", "lora.down.weight", "lora.up.weight"),
    "text encoder": (f"{LAYER}.", "lora_linear_layer.down.weight", "lora_linear_layer.up.weight"),
    "attention processor": (LAYER, "_lora.down.weight", "_lora.up.weight"),
    "kohya": (f"{LAYER}.", "lora_down.weight", "lora_up.weight"),
    "torchtune": (f"{LAYER}.", "lora_a.weight", "lora_b.weight"),
    "GGUF": (f"{LAYER}.", "weight.lora_a", "weight.lora_b"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_factors_are_one_plan_under_the_id_of_the_adapted_parameter(dialect: str) -> None:
    stem, down, up = DIALECTS[dialect]
    (plan,) = planned(pair(stem, down, up))
    assert plan.id == f"{LAYER}.weight/adapter"
    assert (plan.part, plan.kind, plan.reason) == ("adapter", "adapter", None)
    assert plan.sources == (stem + up, stem + down)
    assert (plan.name, plan.tensor_shape, plan.shape) == (stem + down, (4, 24), (32, 24))
    assert plan.detail == "rank 4, scale unknown (no adapter_config.json with lora_alpha), taken as 1"


def test_the_base_weight_of_a_wrapped_module_keeps_its_id() -> None:
    rows = planned(
        {f"base_model.model.{LAYER}.base_layer.weight": (32, 24), **pair(f"base_model.model.{LAYER}.")}
    )
    assert [row.id for row in rows] == [f"{LAYER}.weight", f"{LAYER}.weight/adapter"]


def test_underscored_names_of_kohya_stay_as_they_are() -> None:
    (plan,) = planned(pair("lora_unet_down_blocks_0_to_q.", "lora_down.weight", "lora_up.weight"))
    assert plan.id == "lora_unet_down_blocks_0_to_q.weight/adapter"
    assert plan.reason is None


def test_a_name_that_the_format_translates_is_the_name() -> None:
    ends = {"lora_a": (4, 24), "lora_b": (32, 4)}
    tensors = [
        TensorInfo(f"blk.0.attn_q.weight.{end}", "F16", shape, alias=f"{LAYER}.weight.{end}")
        for end, shape in ends.items()
    ]
    (plan,) = matrices.plan(tensors, {"lora_alpha": 8})
    assert (plan.id, plan.name) == (f"{LAYER}.weight/adapter", "blk.0.attn_q.weight.lora_a")
    assert plan.sources == ("blk.0.attn_q.weight.lora_b", "blk.0.attn_q.weight.lora_a")


def test_several_adapters_of_one_module_are_rows_of_their_own_by_name() -> None:
    shapes = {
        **pair(f"{LAYER}.", "lora_A.default.weight", "lora_B.default.weight"),
        **pair(f"{LAYER}.", "lora_A.french.weight", "lora_B.french.weight", rank=2),
    }
    config = {"peft_config": {"default": {"lora_alpha": 8}, "french": {"lora_alpha": 6}}}
    first, second = planned(shapes, config)
    assert (first.part, first.detail) == ("adapter", "rank 4, scaled by 2")
    assert (second.part, second.id) == ("adapter.french", f"{LAYER}.weight/adapter.french")
    assert second.detail == "rank 2, scaled by 3"


@pytest.mark.parametrize(
    "names",
    [
        ["a.lora_A", "a.lora_B", "a.lora_A.default", "a.lora_B.default"],
        ["a.lora_A.weight", "a.lora_B.weight", "module.a.lora_A.weight", "module.a.lora_B.weight"],
        ["a.lora_A.weight", "a.lora_B.weight", "a.weight/adapter"],
        ["lora_A.weight", "lora_B.weight", "weight/adapter"],
    ],
)
def test_ids_are_different_even_where_adapters_share_a_name(names: list[str]) -> None:
    rows = planned(dict.fromkeys(names, (8, 8)))
    assert len({row.id for row in rows}) == len(rows)
    assert sum(row.kind == "adapter" for row in rows) == len(names) // 2


# --- the scale ---------------------------------------------------------------------------------------------------

PATTERN = {"lora_alpha": 8, "r": 16, "rank_pattern": {"q_proj": 4}}
SCALES = [
    ({"lora_alpha": 8}, 2.0),
    ({"lora_alpha": 8, "use_rslora": True}, 4.0),
    ({"lora_alpha": 0}, 0.0),
    (PATTERN, 2.0),
    ({**PATTERN, "alpha_pattern": {"q_proj": 12, "self_attn.q_proj": 16}}, 3.0),
    ({**PATTERN, "alpha_pattern": {"self_attn.q_proj": 16}}, 4.0),
    ({**PATTERN, "alpha_pattern": {r"layers\.0\.self_attn\.q_proj": 16}}, 4.0),
    ({**PATTERN, "alpha_pattern": {f"^{LAYER}": 16}}, 4.0),
    ({**PATTERN, "alpha_pattern": {"^q_proj": 16, "proj": 20, "attn.q_proj": 24}}, 2.0),
    ({"lora_parameters": {"rank": 4, "scale": 20.0}}, 20.0),
    ({"lora_alpha": "8"}, 1.0),
    ({"lora_alpha": True}, 1.0),
    ({"lora_alpha": math.nan}, 1.0),
    ({"lora_alpha": 10**400}, 1.0),
    ({"peft_config": {"default": {"lora_alpha": 8}}}, 2.0),
    ({"peft_config": {"default": 3}}, 1.0),
    ({"peft_config": []}, 1.0),
]


@pytest.mark.parametrize(
    ("config", "expected"), SCALES, ids=[json.dumps(config)[:60] for config, _ in SCALES]
)
def test_the_scale_is_what_peft_computes_from_the_configuration(
    config: dict[str, Any], expected: float
) -> None:
    (plan,) = planned(pair(f"base_model.model.{LAYER}."), config)
    assert plan.decoding is not None
    assert dict(plan.decoding.options)["factor"] == expected


def test_a_module_within_an_adapted_one_is_named_as_without_adapters() -> None:
    (plan,) = planned(
        pair("base_model.model.attn.base_layer.out_proj."), {"alpha_pattern": {"^attn.out_proj": 8}}
    )
    assert (plan.id, plan.detail) == ("attn.out_proj.weight/adapter", "rank 4, scaled by 2")


def test_regular_expressions_of_a_file_are_not_run_and_the_row_says_so() -> None:
    # Tried as PEFT tries it, this key alone would take longer than the universe is old.
    config = {"lora_alpha": 4, "alpha_pattern": {"(([a-z._])*)*[0-9]+!": 7, r".*\.q_proj": 9}}
    (plan,) = planned(pair(f"{LAYER}."), config)
    assert plan.detail == "rank 4, scaled by 1 (regular expressions in alpha_pattern are not applied)"


@pytest.mark.parametrize(("alpha", "expected"), [(2.0, 0.5), (0.0, 1.0), (-4.0, -1.0)])
def test_a_stored_alpha_is_read_and_divided_by_the_rank(alpha: float, expected: float) -> None:
    down, up = factor(4, 24), factor(32, 4, seed=1)
    arrays = {"m.lora_down.weight": down, "m.lora_up.weight": up, "m.alpha": np.array(alpha, np.float32)}
    row = scan(arrays)["m.weight/adapter"]
    assert row.sources == ("m.lora_up.weight", "m.lora_down.weight", "m.alpha")
    assert row.detail == "rank 4, scaled by its alpha / 4"
    assert row.metrics["param_norm"] == pytest.approx(np.sum((expected * up @ down) ** 2), rel=1e-5)


@pytest.mark.parametrize(("dtype", "shape"), [("C64", ()), ("BOOL", ()), ("F32", (2,)), ("F32", (0,))])
def test_an_alpha_that_is_no_number_is_not_taken(dtype: str, shape: tuple[int, ...]) -> None:
    tensors = [
        TensorInfo(name, "F32", size)
        for name, size in pair("a.", "lora_down.weight", "lora_up.weight").items()
    ]
    rows = matrices.plan([*tensors, TensorInfo("a.alpha", dtype, shape)], {})
    assert "scale unknown" in str(rows[0].detail)
    assert len(rows) == 2


# --- the product -------------------------------------------------------------------------------------------------


def checked(arrays: Arrays, product: np.ndarray, detail: str) -> None:
    (row,) = [row for row in scan(arrays).matrices if row.part == "adapter"]
    sigma = np.linalg.svd(product.astype(np.float64), compute_uv=False)
    assert row.shape == product.shape
    assert detail in str(row.detail)
    assert row.metrics["param_norm"] == pytest.approx(np.sum(sigma**2), rel=1e-5)
    assert row.metrics["log_spectral_norm"] == pytest.approx(2 * math.log10(sigma[0]), abs=1e-5)
    assert row.metrics["mp_sigma"] == pytest.approx(product.std(), rel=1e-5)


def test_a_linear_layer_is_up_times_down() -> None:
    down, up = factor(4, 24), factor(32, 4, seed=1)
    checked({"a.lora_A.weight": down, "a.lora_B.weight": up}, up @ down, "rank 4")


def test_an_embedding_is_the_transpose() -> None:
    down, up = factor(4, 100), factor(16, 4, seed=1)
    checked({"wte.lora_embedding_A": down, "wte.lora_embedding_B": up}, (up @ down).T, "rank 4")
    arrays = {"wte.lora_embedding_A.default": down, "wte.lora_embedding_B.default": up}
    checked(arrays, (up @ down).T, "rank 4")


def test_factors_that_are_stored_transposed_are_turned() -> None:
    down, up = factor(24, 4), factor(4, 32, seed=1)
    checked({"a.lora_a": down, "a.lora_b": up}, (down @ up).T, "rank 4")
    # As wide as high, both readings fit; an adapter is the one of the small rank.
    down, up = factor(24, 4), factor(4, 24, seed=1)
    checked({"a.lora_a": down, "a.lora_b": up}, (down @ up).T, "rank 4")
    checked({"a.lora_A.weight": up, "a.lora_B.weight": down}, down @ up, "rank 4")


@pytest.mark.parametrize("kernel", [(3, 3), (5,), (2, 3, 3)])
def test_a_convolution_is_the_matrix_of_outputs_by_inputs_and_positions(kernel: tuple[int, ...]) -> None:
    down, up = factor(4, 8, *kernel), factor(16, 4, *[1 for _ in kernel], seed=1)
    product = np.einsum("or,rik->oik", up.reshape(16, 4), down.reshape(4, 8, -1)).reshape(16, -1)
    arrays = {"c.lora_down.weight": down, "c.lora_up.weight": up}
    checked(arrays, product, "kernel positions beside the inputs")


def test_a_convolution_of_one_position_is_a_linear_layer() -> None:
    down, up = factor(4, 8, 1, 1), factor(16, 4, 1, 1, seed=1)
    arrays = {"c.lora_down.weight": down, "c.lora_up.weight": up}
    checked(arrays, up[:, :, 0, 0] @ down[:, :, 0, 0], "rank 4")
    assert "kernel" not in str(scan(arrays)["c.weight/adapter"].detail)


def test_a_rank_above_both_sides_is_no_more_than_the_smaller_one() -> None:
    down, up = factor(40, 9), factor(16, 40, seed=1)
    row = scan({"a.lora_A.weight": down, "a.lora_B.weight": up})["a.weight/adapter"]
    assert row.num_eigenvalues == 9
    assert row.detail is not None
    assert row.detail.startswith("rank 40")


# --- what the row says -------------------------------------------------------------------------------------------


def test_a_gaussian_adapter_is_noise_among_gaussian_products_and_has_no_score_of_alpha() -> None:
    arrays = {"a.lora_A.weight": factor(16, 48), "a.lora_B.weight": factor(64, 16, seed=1)}
    row = scan(arrays)["a.weight/adapter"]
    assert (row.status, row.counted, row.phase) == ("ok", True, Phase.under_trained)
    assert row.metrics["null_p"] > 0.05
    assert (row.num_eigenvalues, row.metrics["matrix_rank"], row.method) == (16, 16, "qr+svd")
    assert row.metrics["alpha_low"] < row.metrics["alpha"] < row.metrics["alpha_high"]  # type: ignore[operator]
    assert {row.metric_status[name] for name in ("null_z_alpha", "num_traps")} == {Reason.low_rank}
    assert [finding.rule for finding in row.findings] == ["under_trained"]


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_every_mode_gives_the_same_numbers(mode: str) -> None:
    arrays = {"a.lora_A.weight": factor(16, 48), "a.lora_B.weight": factor(64, 16, seed=1)}
    assert scan(arrays, mode=mode).matrices[0].metrics == scan(arrays).matrices[0].metrics


def test_a_small_rank_has_norms_but_no_exponent_and_is_not_counted() -> None:
    arrays = {"a.lora_A.weight": factor(4, 48), "a.lora_B.weight": factor(64, 4, seed=1)}
    row = scan(arrays)["a.weight/adapter"]
    assert (row.status, row.counted) == ("ok", False)
    assert row.metric_status["alpha"] is Reason.too_few_eigenvalues
    assert row.metrics["stable_rank"] is not None


def test_one_direction_alone_has_every_number_or_a_reason() -> None:
    arrays = {"a.lora_A.weight": factor(1, 48), "a.lora_B.weight": factor(64, 1, seed=1)}
    row = scan(arrays)["a.weight/adapter"]
    assert row.metrics["matrix_rank"] == row.metrics["stable_rank"] == pytest.approx(1)
    for name, value in row.metrics.items():
        assert (value is None) == (name in row.metric_status)


def test_a_fresh_adapter_is_a_row_without_numbers() -> None:
    arrays = {"a.lora_A.weight": factor(8, 48), "a.lora_B.weight": np.zeros((64, 8), np.float32)}
    row = scan(arrays)["a.weight/adapter"]
    assert (row.status, row.reason) == ("failed", Reason.all_zero)


def test_modules_that_share_a_factor_are_different_weights_and_those_that_share_both_are_tied() -> None:
    down, up, other = factor(8, 48), factor(64, 8, seed=1), factor(64, 8, seed=2)
    names = ("q", "k", "v")
    arrays = {f"{name}.lora_A.weight": down for name in names}
    arrays |= {f"{name}.lora_B.weight": array for name, array in zip(names, (up, other, up), strict=True)}
    assert [row.reason for row in scan(arrays).matrices] == [None, None, Reason.tied]


# --- what is left out --------------------------------------------------------------------------------------------

LEFT_OUT: list[tuple[dict[str, tuple[int, ...]], dict[str, Any], str]] = [
    ({"a.lora_A.weight": (4, 24)}, {}, "no lora_B beside it"),
    ({"a.lora_B.weight": (32, 4)}, {}, "no lora_A beside it"),
    ({"a.lora_A.weight": (4, 24), "a.lora_B.other.weight": (32, 4)}, {}, "no lora_"),
    ({"a.lora_A.weight": (4, 24), "a.lora_B.weight": (32, 5)}, {}, "(4, 24) and (32, 5) share no rank"),
    ({"a.lora_A.weight": (4, 24, 3, 3), "a.lora_B.weight": (32, 4, 3, 3)}, {}, "share no rank"),
    ({"a.lora_A": (4, 24), "a.lora_B": (32, 4), "a.lora_E": (4, 1)}, {}, "lora_E between the factors"),
    ({**pair("a.", "lora_down.weight", "lora_up.weight"), "a.lora_mid.weight": (4, 4, 3, 3)}, {}, "lora_mid"),
    (pair("a."), {"use_qalora": True}, "QA-LoRA"),
    (pair("a."), {"use_bdlora": {"nblocks": 2}}, "BD-LoRA"),
    (pair("a.experts.", rank=16), {"lora_alpha": 4}, "may be a stack of experts"),
    (pair("a.experts.base_layer.", rank=16), {"r": 4}, "may be a stack of experts"),
    (
        pair("a.mlp.", rank=16),
        {"r": 4, "target_parameters": ["a.mlp.gate_up_proj"]},
        "may be a stack of experts",
    ),
    ({"a.hada_w1_a": (32, 4), "a.hada_w2_b": (4, 24)}, {}, "LoHa"),
    ({"a.lokr_w1": (8, 8), "a.lokr_w2_a.default": (4, 4)}, {}, "LoKr"),
    ({"a.ia3_l.default": (1, 24)}, {}, "IA3"),
    ({"base_model.vera_A.default": (4, 24), "a.vera_lambda_b": (32,)}, {}, "VeRA"),
    ({"a.gralora_A.default.0": (4, 12)}, {}, "GraLoRA"),
]


@pytest.mark.parametrize(("shapes", "config", "detail"), LEFT_OUT, ids=[case[2] for case in LEFT_OUT])
def test_what_is_no_product_of_two_is_left_out_by_name(
    shapes: dict[str, tuple[int, ...]], config: dict[str, Any], detail: str
) -> None:
    rows = planned(shapes, config)
    assert len(rows) == len(shapes)
    for row in rows:
        assert row.reason is Reason.adapter
        assert detail in str(row.detail)


def test_a_parameter_with_the_rank_of_its_configuration_is_one_matrix() -> None:
    config = {"r": 16, "lora_alpha": 16, "target_parameters": ["a.mlp.gate_up_proj"]}
    (plan,) = planned(pair("a.mlp.", rank=16), config)
    assert plan.detail == "rank 16, scaled by 1"


@pytest.mark.parametrize("magnitude", ["lora_magnitude_vector", "dora_scale", "lora_magnitude_vector.weight"])
def test_of_dora_the_product_is_reported_and_the_magnitude_left_out(magnitude: str) -> None:
    one, other = planned({**pair("a."), f"a.{magnitude}": (32, 1)}, {"lora_alpha": 4, "use_dora": True})
    assert one.detail == "rank 4, scaled by 1; the magnitude of DoRA is left out"
    assert (other.reason, other.detail) == (Reason.adapter, "the magnitude of DoRA, no part of the product")


@pytest.mark.parametrize(("dtype", "reason"), [("I8", Reason.integer), ("C64", Reason.complex)])
def test_factors_that_are_no_floats_keep_the_reason_of_their_type(dtype: str, reason: Reason) -> None:
    tensors = [TensorInfo(name, dtype, shape) for name, shape in pair("a.").items()]
    assert {row.reason for row in matrices.plan(tensors, {})} == {reason}


def test_empty_factors_are_empty() -> None:
    assert {row.reason for row in planned({"a.lora_A.weight": (0, 24), "a.lora_B.weight": (32, 0)})} == {
        Reason.empty
    }


@pytest.mark.parametrize(
    "name",
    [
        "w_lora.lora.0.weight",
        "lora.weight",
        "down.weight",
        "a.up",
        "flora_down.weight",
        "a.lora_B.bias",
        "weight",
        "",
    ],
)
def test_names_that_only_sound_like_adapters_are_not_touched(name: str) -> None:
    (row,) = planned({name: (16, 16)})
    assert row.kind != "adapter"
    assert (row.part, row.detail) == (None, None)


def test_layouts_of_the_user_do_not_concern_a_product() -> None:
    overrides = matrices.overrides_of(["*=expert,out,in"])
    tensors = [TensorInfo(name, "F32", shape) for name, shape in pair("a.").items()]
    (row,) = matrices.plan(tensors, {}, overrides=overrides)
    assert (row.layout, row.shape, row.reason) == ("out,in", (32, 24), None)
    (skipped,) = matrices.plan(tensors, {}, overrides=matrices.overrides_of(["*/adapter=skip"]))
    assert skipped.reason is Reason.filtered


# --- whole checkpoints -------------------------------------------------------------------------------------------


def test_the_folder_of_an_adapter_is_scanned_with_its_scale(tmp_path: Path) -> None:
    files = pytest.importorskip("safetensors.numpy")
    down, up = factor(8, 48), factor(64, 8, seed=1)
    stem = f"base_model.model.{LAYER}"
    arrays = {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
    files.save_file(arrays, tmp_path / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 8, "lora_alpha": 32, "use_rslora": True}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    row = scan(tmp_path)[f"{LAYER}.weight/adapter"]
    assert row.detail == "rank 8, scaled by 11.3137"
    assert row.metrics["param_norm"] == pytest.approx(
        128 * np.sum((up @ down).astype(np.float64) ** 2), rel=1e-6
    )


def test_a_module_tells_the_settings_of_its_adapters() -> None:
    torch = pytest.importorskip("torch")

    class Settings:
        def to_dict(self) -> dict[str, Any]:
            return {"lora_alpha": 16}

    class Broken:
        def to_dict(self) -> dict[str, Any]:
            raise RuntimeError

    class Adapted(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__()
            self.lora_A = torch.nn.ModuleDict({"default": torch.nn.Linear(24, 8, bias=False)})
            self.lora_B = torch.nn.ModuleDict({"default": torch.nn.Linear(8, 32, bias=False)})
            self.peft_config = settings

    def detail(**settings: Any) -> str:
        return str(scan(Adapted(**settings), workers=1).matrices[0].detail)

    assert detail(default=Settings()) == "rank 8, scaled by 2"
    assert "scale unknown" in detail()
    assert "scale unknown" in detail(default=Broken())


def test_an_adapter_beside_its_model_is_not_counted_with_it() -> None:
    factors = [
        TensorInfo("fc.lora_A.weight", "F32", (8, 32)),
        TensorInfo("fc.lora_B.weight", "F32", (48, 8)),
    ]
    (alone,) = matrices.plan(factors, {})
    assert (alone.kind, alone.counted) == ("adapter", True)
    base, beside = matrices.plan([TensorInfo("fc.base_layer.weight", "F32", (48, 32)), *factors], {})
    assert (base.counted, beside.counted) == (True, False)
