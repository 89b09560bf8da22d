"""Codes and scales of a quantised weight are left out together; a lone name of either kind proves nothing."""

from __future__ import annotations

import pytest

from triplepoint import matrices
from triplepoint.records import Reason, TensorInfo

LAYOUTS = {
    "gptq": {
        "qweight": ("I32", (8, 64)),
        "qzeros": ("I32", (1, 8)),
        "scales": ("F16", (1, 64)),
        "g_idx": ("I32", (64,)),
    },
    "awq": {"qweight": ("I32", (64, 8)), "qzeros": ("I32", (1, 8)), "scales": ("F16", (1, 64))},
    "deepseek fp8": {"weight": ("F8_E4M3", (256, 256)), "weight_scale_inv": ("F32", (2, 2))},
    "deepseek inference": {"weight": ("F8_E4M3", (256, 256)), "scale": ("F32", (2, 2))},
    "compressed-tensors fp8": {"weight": ("F8_E4M3", (16, 16)), "weight_scale": ("BF16", (16, 1))},
    "compressed-tensors packed": {
        "weight_packed": ("I32", (16, 2)),
        "weight_scale": ("BF16", (16, 1)),
        "weight_shape": ("I64", (2,)),
    },
    "bitsandbytes int8": {"weight": ("I8", (16, 16)), "SCB": ("F32", (16,))},
    "bitsandbytes nf4": {
        "weight": ("U8", (128, 1)),
        "weight.absmax": ("F32", (4,)),
        "weight.quant_map": ("F32", (16,)),
        "weight.quant_state.bitsandbytes__nf4": ("U8", (80,)),
    },
    "nvfp4": {
        "weight": ("U8", (16, 8)),
        "weight_scale": ("F8_E4M3", (16, 1)),
        "weight_scale_2": ("F32", ()),
        "input_scale": ("F32", ()),
    },
    "comfy": {"weight": ("F8_E4M3", (16, 16)), "scale_weight": ("F32", (1,))},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_quantised_weight_is_left_out_with_all_its_companions(layout: str) -> None:
    tensors = [TensorInfo(f"model.layers.0.q_proj.{end}", *rest) for end, rest in LAYOUTS[layout].items()]
    assert {row.reason for row in matrices.plan(tensors, {})} == {Reason.quantized}


def test_mxfp4_experts_are_left_out_with_their_scales_and_their_bias_as_a_bias() -> None:
    stem = "model.layers.0.mlp.experts.gate_up_proj"
    rows = matrices.plan(
        [
            TensorInfo(f"{stem}_bias", "BF16", (32, 5760)),
            TensorInfo(f"{stem}_blocks", "U8", (32, 5760, 90, 16)),
            TensorInfo(f"{stem}_scales", "U8", (32, 5760, 90)),
        ],
        {},
    )
    assert [row.reason for row in rows] == [Reason.not_a_weight, Reason.quantized, Reason.quantized]


def test_stacked_fp8_experts_are_left_out_with_their_scale() -> None:
    rows = matrices.plan(
        [
            TensorInfo("experts.up", "F8_E4M3", (4, 8, 8)),
            TensorInfo("experts.up_scale_inv", "F32", (4, 1, 1)),
        ],
        {},
    )
    assert [row.reason for row in rows] == [Reason.quantized, Reason.quantized]


def test_names_that_only_sound_like_scales_stay_weights() -> None:
    rows = matrices.plan(
        [
            TensorInfo("attn.weight", "F32", (16, 16)),
            TensorInfo("attn.scale", "F32", (16, 16)),
            TensorInfo("mlp.scales", "F32", (16, 16)),
            TensorInfo("other.weight_scale", "F32", (16, 16)),
        ],
        {},
    )
    assert [row.kind for row in rows] == ["dense"] * 4
