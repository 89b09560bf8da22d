"""Codes and companions of a quantised weight are one weight, decoded or left out as a whole; nothing is claimed twice.

The witnesses are the names and shapes that the tools write, and encoders of their layouts (`quantising`).
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from tests.matrices import quantising
from triplepoint import matrices
from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.memory import open_mapping
from triplepoint.errors import UnreadableCheckpoint
from triplepoint.matrices import quantized
from triplepoint.matrices.schemes.blocks import length
from triplepoint.records import Reason, TensorInfo

STEM = "model.layers.0.mlp.q_proj"
WEIGHT = quantising.weight(64, 128)
GPTQ = {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}
MODELOPT = {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}


def named(stored, stem=STEM):
    return {
        f"{stem}.{end}" if not end.startswith("_") else stem + end: array for end, array in stored.items()
    }


def planned(tensors, config=None):
    """Plans of a dict of arrays, and the values of those that are decoded."""
    reader = open_mapping(tensors)
    plans = matrices.plan(reader.tensors(), config or {}, reader.read)
    assert sorted({name for plan in plans for name in plan.sources}) == sorted(tensors)
    return plans, [np.asarray(matrices.load(plan, reader.read)) for plan in plans if plan.reason is None]


def refused(tensors, config=None):
    """The one plan of tensors that are left out together, which must say why."""
    (plan,), _ = planned(tensors, config)
    assert plan.reason is Reason.quantized
    assert set(plan.sources) == set(tensors)
    assert plan.detail
    return plan.detail


LAYOUTS = {
    "GPTQ 4 bit, groups of 32": (quantising.gptq(WEIGHT, 4, 32), GPTQ),
    "GPTQ 3 bit, groups of 64": (quantising.gptq(WEIGHT, 3, 64), GPTQ),
    "AWQ 4 bit, groups of 32": (quantising.awq(WEIGHT, 32), {"quantization_config": {"quant_method": "awq"}}),
    "INT4, groups of 32": (quantising.packed(WEIGHT, 4, 32), {}),
    "INT8, groups of 128": (quantising.packed(WEIGHT, 8, 128, symmetric=True), {}),
    "MLX 4 bit, groups of 32": (
        quantising.mlx(WEIGHT, 4, 32),
        {"quantization": {"bits": 4, "group_size": 32}},
    ),
    "bitsandbytes nf4, blocks of 64": (quantising.bitsandbytes(WEIGHT), {}),
    "bitsandbytes fp4, blocks of 128, nested": (quantising.bitsandbytes(WEIGHT, "fp4", 128, nested=True), {}),
    "INT8, a scale a row": (quantising.int8(WEIGHT), {}),
    "FP8 (E4M3), blocks of 32 × 64": (quantising.fp8(WEIGHT, 32, 64), {}),
    "NVFP4": (quantising.nvfp4(WEIGHT, divide=True), {}),
}


@pytest.mark.parametrize("detail", LAYOUTS)
def test_a_quantised_weight_is_one_row_with_the_name_and_values_of_the_weight(detail):
    (stored, exact), config = LAYOUTS[detail]
    detail = "INT8, a scale a row" if "128" in detail and "INT8" in detail else detail
    bias = {f"{STEM}.bias": np.zeros(64, np.float32)}
    (plan, other), (values,) = planned(named(stored) | bias, config)
    assert (plan.id, plan.detail, plan.reason) == (f"{STEM}.weight", detail, None)
    assert (plan.kind, plan.shape, plan.counted) == ("dense", (64, 128), True)
    assert np.allclose(values, exact, rtol=0, atol=1e-6 * np.abs(exact).max())
    assert other.reason is Reason.vector


def test_bitsandbytes_8_bit_has_its_largest_magnitudes_beside_it():
    stored, exact = quantising.int8(WEIGHT, "SCB")
    order = np.array(0, np.uint8)
    (plan,), (values,) = planned(named(stored | {"weight_format": order}))
    assert np.allclose(values, exact, rtol=1e-6)
    assert plan.detail == "INT8, a scale a row"
    assert "another order" in refused(named(stored | {"weight_format": np.array(2, np.uint8)}))


def test_the_names_of_other_tools_mean_the_same():
    stored, exact = quantising.int8(WEIGHT)
    codes, scale = stored.values()
    fp8 = (WEIGHT / 2).astype(ml_dtypes.float8_e4m3fn)
    half = np.array(2, np.float32)
    for tensors, wanted in [
        ({"qweight": codes, "scale": scale}, exact),
        ({"weight.qweight": codes, "weight.scale": scale}, exact),
        ({"weight._data": codes, "weight._scale": scale, "input_scale": half, "output_scale": half}, exact),
        ({"_weight_qdata": codes, "_weight_scale": scale}, exact),
        ({"weight": codes, "weight_scale": scale, "weight_zero_point": np.zeros((64, 1), np.int8)}, exact),
        ({"weight": fp8, "scale_weight": half, "scale_input": half}, fp8.astype(np.float32) * 2),
        ({"weight": fp8, "qscale_weight": half, "qscale_act": half}, fp8.astype(np.float32) * 2),
        ({"weight": fp8, "weight_scale": half, "input_scale": half}, fp8.astype(np.float32) * 2),
        (
            {"weight": fp8, "weight_scale": half, "comfy_quant": np.zeros(9, np.uint8)},
            fp8.astype(np.float32) * 2,
        ),
    ]:
        name = {f"{STEM}.{end}": array for end, array in tensors.items()}
        (plan,), (values,) = planned(name)
        assert plan.id == f"{STEM}.weight"
        assert np.allclose(values, wanted, rtol=1e-6)


def test_a_parameter_without_weight_in_its_name_keeps_its_name():
    codes, scale = np.ones((64, 1, 3), np.int8), np.ones((64, 1, 1), np.float32)
    plans, _ = planned({"block.dw_weight.qweight": codes, "block.dw_weight.scale": scale})
    assert plans[0].id == "block.dw_weight"


def test_modelopt_s_nvfp4_needs_a_configuration_since_others_swizzle_the_scales():
    stored, exact = quantising.nvfp4(WEIGHT, divide=False)
    (plan,), (values,) = planned(named(stored), MODELOPT)
    assert plan.detail == "NVFP4"
    assert np.allclose(values, exact, rtol=1e-6)
    assert "scales lie" in refused(named(stored))
    assert "scales lie" in refused(named(stored | {"comfy_quant": np.zeros(9, np.uint8)}), MODELOPT)
    assert "svdquant" in refused(
        named(stored | {"svdquant_lora_a": np.zeros((4, 128), np.float32)}), MODELOPT
    )
    smooth = named(stored | {"pre_quant_scale": np.full(128, 2, np.float32)})
    assert np.allclose(planned(smooth, MODELOPT)[1][0], 2 * exact, rtol=1e-6)


def test_four_bit_floats_of_deepseek_are_stored_as_signed_bytes():
    stored, exact = quantising.mxfp4(WEIGHT)
    tensors = {
        f"{STEM}.weight": stored["_blocks"].reshape(64, 64).view(np.int8),
        f"{STEM}.scale": stored["_scales"].view(ml_dtypes.float8_e8m0fnu),
    }
    (plan,), (values,) = planned(tensors, {"quantization_config": {"quant_method": "fp8"}})
    assert plan.detail == "MXFP4"
    assert np.array_equal(values, exact)


def test_mxfp4_experts_are_rows_of_their_own_and_their_bias_is_a_bias():
    stack = quantising.weight(3 * 32, 64).reshape(3, 32, 64)
    stored, exact = quantising.mxfp4(stack)
    stem = "model.layers.0.mlp.experts.down_proj"
    tensors = {f"{stem}_bias": np.zeros((3, 32), np.float32)} | named(stored, stem)
    plans, values = planned(tensors, {"model_type": "gpt_oss", "hidden_size": 32})
    assert plans[0].reason is Reason.not_a_weight
    assert [plan.id for plan in plans[1:]] == [
        f"model.layers.0.mlp.experts.{k}.down_proj.weight" for k in range(3)
    ]
    assert {plan.kind for plan in plans[1:]} == {"expert"}
    assert all(np.array_equal(values[k], exact[k]) for k in range(3))


@pytest.mark.parametrize("shape", [(4, 1, 1), (4, 16, 1), (4, 16), (4,), (), (1,)])
def test_stacked_fp8_experts_with_scales_for_each_or_for_all(shape):
    codes = np.arange(-256, 256).reshape(4, 16, 8).astype(ml_dtypes.float8_e4m3fn)
    scale = np.random.default_rng(0).random(shape).astype(np.float32)
    tensors = {
        "m.experts.up_proj": codes,
        "m.experts.up_proj_scale": scale,
        "m.experts.up_proj_input_scale": scale,
    }
    plans, values = planned(tensors)
    full = scale.reshape(shape + (1,) * (3 - len(shape))) if scale.size > 1 else scale.reshape(())
    wanted = codes.astype(np.float32) * full
    assert all(np.allclose(values[k], wanted[k], rtol=1e-6) for k in range(4))
    # What belongs to all experts at once cannot be read with one of them: it stays a row, and is a vector.
    assert [plan.reason for plan in plans[4:]] == ([] if scale.size > 1 else [Reason.vector] * 2)


def test_a_stack_of_four_bit_floats_with_one_scale_for_all_of_it():
    stored, exact = quantising.nvfp4(WEIGHT, divide=False)
    codes, scales = stored["weight"].reshape(4, 16, 64), stored["weight_scale"].reshape(4, 16, 8)
    stack = {"m.experts.w": codes, "m.experts.w_scale": scales}
    for scale in (np.float32([2.0**-9]), np.full((4, 1, 1), 2.0**-9, np.float32)):
        _, values = planned(stack | {"m.experts.w_scale_2": scale}, MODELOPT)
        assert np.allclose(np.concatenate(values), exact, rtol=1e-6)
    assert "zero" in refused(stack | {"m.experts.w_scale_2": np.float32([0])}, MODELOPT)


def test_a_stack_of_square_matrices_does_not_say_which_way_its_scales_go():
    codes, scale = np.ones((4, 8, 8), ml_dtypes.float8_e4m3fn), np.ones((4, 8), np.float32)
    assert "do not fit" in refused({"experts.up": codes, "experts.up_scale": scale})


def test_the_linear_layer_that_replaces_gpt2_s_conv1d_is_not_transposed():
    values = quantising.weight(96, 64)
    stored, exact = quantising.gptq(values, 4, 32)
    stem = "transformer.h.0.attn.c_attn"
    plans, (whole, *_) = planned(named(stored, stem), GPTQ | {"model_type": "gpt2"})
    assert plans[0].shape == (96, 64)
    assert [plan.part for plan in plans] == [None, "query", "key", "value"]
    assert [plan.shape for plan in plans[1:]] == [(32, 64)] * 3
    assert np.array_equal(whole, exact)
    for stored, shape in [
        (quantising.int8(values, "SCB")[0], (96, 64)),
        (quantising.int8(values.T)[0], (96, 64)),
    ]:
        assert planned(named(stored, stem), {"model_type": "gpt2"})[0][0].shape == shape


def test_whether_the_zeros_of_gptq_lack_one_is_read_or_seen_or_else_unknown():
    symmetric = WEIGHT.copy()
    symmetric[:, ::32], symmetric[:, 1::32] = 0.8, -0.8 * 8 / 7  # the zero is 8 in every group
    for add, format in [(1, "gptq"), (0, "gptq_v2")]:
        config = {"quantization_config": {"quant_method": "gptq", "checkpoint_format": format}}
        stored, exact = quantising.gptq(WEIGHT, 4, 32, add=add)
        assert np.array_equal(planned(named(stored), config)[1][0], exact)
        assert "minus one" in refused(named(stored))
        stored, exact = quantising.gptq(symmetric, 4, 32, add=add)
        assert set(np.unique(stored["qzeros"]).tolist()) == {0x77777777 if add else 0x88888888 - 2**32}
        assert np.array_equal(planned(named(stored))[1][0], exact)
    config = {"quantization_config": {"quant_method": "gptq", "checkpoint_format": "gptq_p"}}
    assert "gptq_p" in refused(named(stored), config)


def test_settings_that_contradict_the_shapes_are_a_reason():
    stored, _ = quantising.gptq(WEIGHT, 4, 32)
    assert "configuration says awq" in refused(
        named(stored), {"quantization_config": {"quant_method": "awq"}}
    )
    stored, _ = quantising.awq(WEIGHT, 32)
    assert "configuration says gptq" in refused(named(stored), GPTQ)
    config = {"quantization_config": {"quant_method": "awq", "version": "gemv"}}
    assert "gemv" in refused(named(stored), config)
    stored, _ = quantising.fp8(WEIGHT, 32, 64)
    config = {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}
    assert "do not fit" in refused(named(stored), config)


def test_uneven_groups_of_gptq_need_their_size_or_numbers():
    stored, exact = quantising.gptq(WEIGHT, 4, 48)
    settings = {"quant_method": "gptq", "group_size": 48}
    assert np.array_equal(planned(named(stored), GPTQ)[1][0], exact)
    del stored["g_idx"]
    assert np.array_equal(planned(named(stored), {"quantization_config": settings})[1][0], exact)
    assert "3 groups" in refused(named(stored), GPTQ)


def test_words_beside_the_companions_of_a_sparse_layout_are_not_plain_integers():
    stored, _ = quantising.packed(WEIGHT, 4, 32)
    assert "meta" in refused(named(stored | {"meta": np.zeros((64, 8), np.int16)}))


def test_the_length_of_a_block_is_known_or_there_is_none():
    assert length(56, 7168, None) == 128
    assert length(5, 576, None) == 128  # the last block is short
    assert length(4, 400, None) is None  # 100 and 128 both cover it
    assert length(4, 400, 128) == 128
    assert length(4, 400, 200) is None
    assert length(3, 8, None) is None
    assert length(0, 8, None) is None


@pytest.mark.parametrize("shape", [(32,), (128,), (64, 128), (1, 64, 128), (64, 3), (0,), (2, 65)])
def test_scales_of_no_meaning_are_a_reason(shape):
    codes = np.ones((64, 128), np.int8)
    assert "do not fit" in refused({"m.weight": codes, "m.weight_scale": np.ones(shape, np.float32)})


def test_mlx_words_do_not_tell_their_bits_and_layers_may_have_their_own():
    stored, exact = quantising.mlx(WEIGHT, 8, 64)
    assert "how many bits" in refused(named(stored))
    settings = {"bits": 4, "group_size": 128, STEM: {"bits": 8, "group_size": 64}}
    (_,), (values,) = planned(named(stored), {"quantization": settings})
    assert np.allclose(values, exact, atol=1e-5)
    (_,), (other,) = planned(named(stored), {"quantization": settings | {STEM: None}})
    assert other.shape == (64, 256)
    assert "how many bits" in refused(named(stored), {"quantization": {"bits": 4, "group_size": 32}})


UNDECODED = {
    "HQQ": {
        "W_q": ("U8", (64, 64)),
        "scale": ("F16", (128, 1)),
        "zero": ("F16", (128, 1)),
        "meta": ("U8", (9,)),
    },
    "AQLM": {
        "codes": ("I16", (64, 16, 1)),
        "codebooks": ("F16", (1, 65536, 1, 8)),
        "scales": ("F16", (64, 1, 1, 1)),
    },
    "Marlin": {"B": ("I32", (8, 128)), "s": ("F16", (1, 64))},
    "gemv_fast": {"qweight": ("I16", (16, 128)), "qzeros": ("I16", (1, 64)), "scales": ("F16", (1, 64))},
    "EETQ": {"weight": ("I8", (128, 64)), "weight_scales": ("F16", (64,))},
    "quanto 4 bit": {
        "weight._data": ("U8", (128, 32)),
        "weight._scale": ("F16", (128, 1)),
        "weight._shift": ("F16", (128, 1)),
    },
    "modelopt int4": {"weight": ("U8", (32, 128)), "weight_scale": ("F32", (64, 1))},
    "compressed-tensors w4a8": {"weight_packed": ("I8", (64, 64)), "weight_scale": ("BF16", (64, 1))},
    "marlin 2:4": {
        "weight_packed": ("I32", (4, 128)),
        "scale_packed": ("F16", (1, 64)),
        "meta": ("I16", (64, 8)),
    },
    "comfy int8": {
        "weight": ("I8", (64, 64)),
        "weight_scale": ("F32", (64, 1)),
        "comfy_quant": ("U8", (30,)),
    },
    "comfy mxfp8": {"weight": ("F8_E4M3", (64, 64)), "weight_scale": ("F8_E8M0", (64, 2))},
    "bitnet": {"weight": ("U8", (16, 64)), "weight_scale": ("BF16", (1,))},
    "two scales": {"weight": ("I8", (64, 64)), "weight_scale": ("F32", (64, 1)), "scale": ("F32", (64, 1))},
    "int8 with group numbers": {
        "weight": ("I8", (64, 64)),
        "weight_scale": ("F32", (64, 2)),
        "weight_g_idx": ("I32", (64,)),
    },
    "fp8 with a second scale": {
        "weight": ("F8_E4M3", (64, 64)),
        "weight_scale": ("F32", (64, 1)),
        "weight_scale_2": ("F32", ()),
    },
    "zeros of another shape": {
        "weight": ("I8", (64, 64)),
        "weight_scale": ("F32", (64, 1)),
        "weight_zero_point": ("I8", (1,)),
    },
    "factors of the outputs": {
        "weight": ("I8", (64, 32)),
        "weight_scale": ("F32", (64, 1)),
        "pre_quant_scale": ("F32", (64,)),
    },
    "LLM.int8 by blocks": {"weight": ("I8", (64, 64)), "SCB": ("F32", (64, 1))},
    "nvfp4 without the scale of the tensor": {
        "weight_packed": ("U8", (64, 32)),
        "weight_scale": ("F8_E4M3", (64, 4)),
    },
    "nvfp4 with a whole number": {
        "weight_packed": ("U8", (64, 32)),
        "weight_scale": ("F8_E4M3", (64, 4)),
        "weight_global_scale": ("I32", (1,)),
    },
    "mxfp4 with a scale of the tensor": {
        "weight_packed": ("U8", (64, 32)),
        "weight_scale": ("U8", (64, 2)),
        "weight_global_scale": ("F32", (1,)),
    },
    "quanto packed without a shift": {"weight._data": ("U8", (64, 64)), "weight._scale": ("F16", (64, 1))},
    "quanto bytes with a shift": {
        "weight._data": ("I8", (64, 64)),
        "weight._scale": ("F16", (64, 1)),
        "weight._shift": ("F16", (64, 1)),
    },
    "paroquant": {
        "qweight": ("I32", (64, 8)),
        "qzeros": ("I32", (1, 8)),
        "scales": ("F16", (1, 64)),
        "theta": ("F16", (8, 32)),
    },
    "gptq without group numbers": {
        "qweight": ("I32", (8, 64)),
        "qzeros": ("I32", (3, 8)),
        "scales": ("F16", (3, 64)),
    },
    "F4": {"weight": ("F4", (64, 64)), "weight_scale": ("F8_E4M3", (64, 4))},
    "a state that nobody reads": {
        "weight": ("U8", (128, 1)),
        "weight.absmax": ("F32", (4,)),
        "weight.quant_map": ("F32", (16,)),
        "weight.quant_state.bitsandbytes__nf4": ("U8", (80,)),
    },
    "bitsandbytes, state lost": {"weight": ("U8", (128, 1)), "weight.absmax": ("F32", (4,))},
    "a shape that nobody reads": {
        "weight_packed": ("I32", (16, 2)),
        "weight_scale": ("BF16", (16, 1)),
        "weight_shape": ("I64", (2,)),
    },
}


@pytest.mark.parametrize("layout", UNDECODED)
def test_a_layout_that_is_not_decoded_is_left_out_as_one_row_that_says_so(layout):
    tensors = [TensorInfo(f"{STEM}.{end}", *rest) for end, rest in UNDECODED[layout].items()]
    (plan,) = matrices.plan(tensors, {})
    assert (plan.reason, plan.id, len(plan.sources)) == (Reason.quantized, f"{STEM}.weight", len(tensors))
    assert plan.detail


def test_names_that_only_sound_like_scales_stay_weights():
    rows = matrices.plan(
        [
            TensorInfo("attn.weight", "F32", (16, 16)),
            TensorInfo("attn.scale", "F32", (16, 16)),
            TensorInfo("mlp.scales", "F32", (16, 16)),
            TensorInfo("other.weight_scale", "F32", (16, 16)),
            TensorInfo("up.weight", "F8_E4M3", (16, 16)),
            TensorInfo("up.input_scale", "F32", (16, 16)),
        ],
        {},
    )
    assert [row.kind for row in rows] == ["dense"] * 6


def states(text, **changed):
    """A weight of bitsandbytes whose state is another text."""
    stored, _ = quantising.bitsandbytes(WEIGHT, nested=True)
    name = "weight.quant_state.bitsandbytes__nf4"
    if changed:
        text = json.dumps(json.loads(stored[name].tobytes()) | changed).encode()
    return named(stored | {name: np.frombuffer(text, np.uint8)})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nf4",
        b"[]",
        b"{",
        b"[" * 60_000,
        b"\xff\xfe",
        b'{"shape": [1,',
        b"null",
    ],
    ids=lambda text: str(text[:8]),
)
def test_a_state_that_is_no_object_is_a_reason(text):
    assert refused(states(text))


def test_a_state_of_more_than_64_kib_is_not_read():
    text = quantising.bitsandbytes(WEIGHT)[0]["weight.quant_state.bitsandbytes__nf4"].tobytes()
    stored, _ = quantising.bitsandbytes(WEIGHT)
    for more, reason in ((0, None), (2**16, Reason.quantized)):
        state = {"weight.quant_state.bitsandbytes__nf4": np.frombuffer(text + b" " * more, np.uint8)}
        assert planned(named(stored | state))[0][0].reason is reason


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": [64]},
        {"shape": [64, 128, 1]},
        {"shape": [64, -128]},
        {"shape": [64, 129]},
        {"shape": [2, 4095]},
        {"shape": [2**40, 2**40]},
        {"shape": [True, 8192]},
        {"shape": None},
        {"blocksize": 0},
        {"blocksize": 63},
        {"blocksize": "64"},
        {"quant_type": "fp4"},
        {"nested_blocksize": -1},
        {"nested_blocksize": 1},
        {"nested_offset": "0"},
        {"nested_offset": None},
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_its_tensors_is_a_reason(changed):
    assert refused(states(b"", **changed))


def test_an_offset_of_any_length_is_no_error():
    for offset in (10**400, float("nan"), float("inf")):
        ((plan,), (values,)) = planned(states(b"", nested_offset=offset))
        assert plan.reason is None
        assert values.shape == WEIGHT.shape


def everything():
    """Every layout that is decoded, in one dict each, with its configuration."""
    for (stored, _), config in LAYOUTS.values():
        yield named(stored), config
    yield named(quantising.int8(WEIGHT, "SCB")[0]), {}
    yield named(quantising.nvfp4(WEIGHT, divide=False)[0]), MODELOPT
    yield named(quantising.mxfp4(WEIGHT.reshape(4, 16, 128))[0], "m.experts.down_proj"), {"hidden_size": 16}


def damage(infos, rng):
    """One or two tensors with another shape or type."""
    types = ["F32", "F16", "I32", "I64", "U8", "I8", "U32", "F8_E4M3", "F8_E8M0", "BF16"]
    for _ in range(rng.randint(1, 2)):
        k = rng.randrange(len(infos))
        shape, change = list(infos[k].shape), rng.randrange(6)
        place = rng.randrange(max(len(shape), 1))
        if change < 2 and shape:
            shape[place] = max(0, shape[place] + rng.choice([-1, 1, 7]))
        elif change == 2 and shape:
            shape.pop(place)
        elif change == 3:
            shape.insert(0, rng.choice([0, 1, 2]))
        elif change == 4 and shape:
            shape[place] = rng.choice([0, 1, shape[place] // 2, shape[place] * 2, 2**31])
        dtype = rng.choice(types) if change == 5 else infos[k].dtype
        infos[k] = replace(infos[k], shape=tuple(shape), dtype=dtype)


def test_what_is_planned_from_damaged_headers_is_decoded_and_no_tensor_is_lost():
    rng = random.Random(0)
    decoded = 0
    for tensors, config in everything():
        reader = open_mapping(tensors)
        for _ in range(150):
            infos = list(reader.tensors())
            damage(infos, rng)

            def read(name, at=None, infos=infos, tensors=tensors):
                info = next(info for info in infos if info.name == name)
                same = (info.shape, numpy_dtype(info.dtype)) == (tensors[name].shape, tensors[name].dtype)
                array = (
                    tensors[name]
                    if same
                    else np.broadcast_to(np.zeros((), numpy_dtype(info.dtype)), info.shape)
                )
                return array if at is None else array[at]

            plans = matrices.plan(infos, config, read)
            assert {name for plan in plans for name in plan.sources} == set(tensors)
            claimed = [name for source in quantized.group(infos, config, read) for name in source.names]
            assert len(claimed) == len(set(claimed))
            for plan in plans:
                if plan.reason is None and plan.decoding is not None and plan.cost < 1e9:
                    shape = plan.decoded_shape if plan.at is None else plan.decoded_shape[1:]
                    assert np.shape(matrices.load(plan, read)) == shape
                    decoded += 1
    assert decoded > 200


def test_a_companion_that_cannot_be_read_while_planning_is_a_reason():
    def broken(name):
        raise UnreadableCheckpoint("read it", "it is damaged", "Download it again.")

    stored, _ = quantising.bitsandbytes(WEIGHT)
    for tensors in (
        named(stored),
        named(quantising.packed(WEIGHT, 4, 32)[0]),
        named(quantising.gptq(WEIGHT, 4, 32)[0]),
    ):
        reader = open_mapping(tensors)
        (plan,) = matrices.plan(reader.tensors(), {}, broken)
        assert plan.reason is Reason.quantized


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": None},
        {"quantization_config": "gptq"},
        {"quantization_config": []},
        {"quantization_config": {"quant_method": ["gptq"], "config_groups": 3, "weight_block_size": "x"}},
        {"quantization_config": {"config_groups": {"a": None, "b": {"weights": {"group_size": -1}}}}},
        {"quantization": {"bits": None, "group_size": {}}},
        {"text_config": {"quantization_config": {"quant_method": "awq", "version": 3}}},
    ],
    ids=str,
)
def test_a_strange_configuration_is_no_hindrance(config):
    for tensors, _ in everything():
        planned(tensors, config)
