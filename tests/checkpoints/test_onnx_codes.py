"""Claim: quantised weights are read as the values that the graph computes with.

The witness is `onnx.reference.ReferenceEvaluator`, which runs the model on the unit matrix; for operators of ONNX
Runtime, which it does not know, the formula of their documentation on codes packed by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from tests.checkpoints.onnx_models import MICROSOFT, helper, info, model, node, opened, rng, tensor, weights
from triplepoint import matrices
from triplepoint.checkpoints.onnx import codes as onnx_codes
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import UnreadableCheckpoint
from triplepoint.records import Reason

Array = np.ndarray[Any, Any]


def codes(*shape: int, dtype: str = "int8") -> Array:
    low, high = (-128, 128) if dtype == "int8" else (0, 256)
    return rng(7).integers(low, high, shape).astype(dtype)


def scales(*shape: int) -> Array:
    return np.abs(weights(*shape, seed=3)) + np.float32(0.01)


def decoded(reader: Reader, name: str) -> Array:
    """All values, after a look at what is said of them and at single entries."""
    found, values = info(reader, name), np.asarray(reader.read(name))
    assert (found.decoded, values.dtype, values.shape) == ("F32", np.float32, found.shape)
    for at in range(found.shape[0]):
        assert np.array_equal(np.asarray(reader.read(name, at)), values[at])
    return values


def run(nodes: list[Any], tensors: list[Any], x: Array) -> Array:
    made = model(nodes, tensors)
    return np.asarray(ReferenceEvaluator(made).run(None, {"x": x})[0])


def unit(size: int) -> Array:
    return np.eye(size, dtype=np.float32)


LINEAR = {
    "one scale": (codes(6, 8), scales(), np.int8(3), {}),
    "one scale, unsigned": (codes(6, 8, dtype="uint8"), scales(), np.uint8(131), {}),
    "a scale for each column": (codes(6, 8), scales(8), codes(8), {"axis": 1}),
    "a scale for each row": (codes(6, 8), scales(6), codes(6), {"axis": 0}),
    "an axis counted from the end": (codes(6, 8), scales(6), codes(6), {"axis": -2}),
    "blocks along the rows": (codes(6, 8), scales(3, 8), codes(3, 8), {"axis": 0, "block_size": 2}),
    "blocks along the columns": (codes(6, 8), scales(6, 2), codes(6, 2), {"axis": 1, "block_size": 4}),
    "half precision scales": (codes(6, 8), scales(8).astype(np.float16), codes(8), {"axis": 1}),
    "16 bits": (codes(6, 8).astype(np.int16) * 200, scales(), np.int16(7), {}),
    "4 bits": ((codes(6, 8) >> 4).astype(ml_dtypes.int4), scales(8), None, {"axis": 1}),
    "4 bits, unsigned, an odd number": (
        (codes(5, 7, dtype="uint8") >> 4).astype(ml_dtypes.uint4),
        scales(),
        None,
        {},
    ),
    "FP8": (weights(6, 8).astype(ml_dtypes.float8_e4m3fn), scales(), None, {}),
}


@pytest.mark.parametrize("case", LINEAR)
def test_what_dequantize_linear_makes_of_codes_is_read(tmp_path: Path, case: str) -> None:
    stored, scale, zero, attributes = LINEAR[case]
    inputs = "w s" if zero is None else "w s z"
    nodes = [node("DequantizeLinear", inputs, "v", **attributes)]
    tensors = [tensor("w", stored), tensor("s", scale), *([] if zero is None else [tensor("z", zero)])]
    wanted = run([*nodes, node("Cast", "v", "y", to=1)], tensors, unit(2))
    reader = opened(tmp_path, [*nodes, node("MatMul", "x v", "y")], tensors)
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-3 if scale.dtype == np.float16 else 1e-6)
    assert (info(reader, "w").layout, info(reader, "w").shape) == ("in,out", stored.shape)


def test_blocks_are_spread_right_where_a_piece_begins_within_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_codes, "_PANEL", 3 * 8)
    test_what_dequantize_linear_makes_of_codes_is_read(tmp_path, "blocks along the rows")


@pytest.mark.parametrize("scale", [np.float32(3e38), np.array(1e300), np.float32(np.inf)])
def test_scales_that_overflow_give_values_without_a_warning(tmp_path: Path, scale: Any) -> None:
    nodes = [node("DequantizeLinear", "w s", "v"), node("MatMul", "x v", "y")]
    found = opened(tmp_path, nodes, [tensor("w", codes(6, 8)), tensor("s", scale)]).read("w")
    assert np.isinf(np.asarray(found)).any()


def test_codes_used_twice_are_scaled_where_one_user_knows_how(tmp_path: Path) -> None:
    nodes = [
        node("MatMulInteger", "x w", "i"),
        node("DequantizeLinear", "w s", "v"),
        node("MatMul", "x v", "y"),
    ]
    reader = opened(tmp_path, nodes, [tensor("w", codes(6, 8)), tensor("s", scales())])
    np.testing.assert_allclose(decoded(reader, "w"), codes(6, 8) * scales(), rtol=1e-6)


def test_a_cast_a_subtraction_and_a_product_are_a_dequantisation(tmp_path: Path) -> None:
    nodes = [
        node("Cast", "w", "c", to=1),
        node("Sub", "c z", "d"),
        node("Mul", "s d", "v"),
        node("MatMul", "x v", "y"),
    ]
    tensors = [tensor("w", codes(6, 8)), tensor("s", scales(1, 8)), tensor("z", weights(6, 1))]
    reader = opened(tmp_path, nodes, tensors)
    np.testing.assert_allclose(decoded(reader, "w"), run(nodes, tensors, unit(6)), rtol=1e-5, atol=1e-5)
    assert info(reader, "s").buffer
    assert info(reader, "z").buffer


@pytest.mark.parametrize("per_column", [False, True])
def test_an_integer_product_is_scaled_behind_it(tmp_path: Path, per_column: bool) -> None:
    scale, zero = (scales(8), codes(8)) if per_column else (scales(), np.int8(5))
    nodes = [
        node("MatMulInteger", "x w xz wz", "i"),
        node("Cast", "i", "f", to=1),
        node("Mul", "xs ws", "s"),
        node("Mul", "f s", "y"),
    ]
    quantise = helper.make_node("DynamicQuantizeLinear", ["a"], ["x", "xs", "xz"])
    tensors = [tensor("w", codes(6, 8)), tensor("ws", scale), tensor("wz", zero)]
    reader = opened(tmp_path, [quantise, *nodes], tensors)
    made = model([quantise, *nodes], tensors)
    made.graph.input[0].name = "a"
    y = ReferenceEvaluator(made).run(None, {"a": unit(6)})[0]  # 0 and 1 are exact in 8 bits
    np.testing.assert_allclose(decoded(reader, "w"), y, rtol=1e-2, atol=0.02)
    wanted = (codes(6, 8).astype(np.float32) - zero.astype(np.float32)) * scale
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-6)


def test_an_integer_convolution_has_a_scale_for_each_output(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["a"], ["x", "xs", "xz"]),
        node("ConvInteger", "x w xz wz", "i"),
        node("Cast", "i", "f", to=1),
        node("Mul", "ws xs", "s"),
        node("Mul", "f s", "y"),
    ]
    tensors = [tensor("w", codes(6, 5, 3)), tensor("ws", scales(6)), tensor("wz", codes(6))]
    found = decoded(opened(tmp_path, nodes, tensors), "w")
    wanted = (codes(6, 5, 3) - codes(6).astype(np.float32)[:, None, None]) * scales(6)[:, None, None]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


OPERATORS = {
    "QLinearMatMul": ("", "x s z w ws wz s z", codes(6, 8), scales(8), codes(8), 1),
    "QLinearConv": ("", "x s z w ws wz s z", codes(6, 5, 3), scales(6), codes(6), 0),
    "QGemm": (MICROSOFT, "x s z w ws wz b", codes(6, 8), scales(8), codes(8), 1),
    "QAttention": (MICROSOFT, "x w b s ws m z wz", codes(6, 18), scales(18), codes(18), 1),
    "DynamicQuantizeMatMul": (MICROSOFT, "x w ws wz", codes(6, 8), scales(8), codes(8), 1),
    "MatMulIntegerToFloat": (MICROSOFT, "x w s ws z wz", codes(6, 8), scales(8), codes(8), 1),
    "QEmbedLayerNormalization": (
        MICROSOFT,
        "x x w x x x x . ws x x x x wz",
        codes(6, 8),
        scales(1),
        codes(1),
        1,
    ),
    "DynamicQuantizeLSTM": (MICROSOFT, "x w r b . . . . ws wz", codes(2, 5, 24), scales(2), codes(2), 0),
}


@pytest.mark.parametrize("op", OPERATORS)
def test_operators_that_take_codes_name_their_scale(tmp_path: Path, op: str) -> None:
    domain, inputs, stored, scale, zero, axis = OPERATORS[op]
    tensors = [tensor("w", stored), tensor("ws", scale), tensor("wz", zero)]
    reader = opened(tmp_path, [node(op, inputs, "y", domain=domain)], tensors)
    along = [1] * stored.ndim
    along[axis] = -1
    wanted = (stored.astype(np.float32) - zero.astype(np.float32).reshape(along)) * scale.reshape(along)
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-6)
    assert info(reader, "w").layout is not None


def test_a_transposed_product_of_codes_has_a_scale_for_each_row(tmp_path: Path) -> None:
    tensors = [tensor("w", codes(8, 6)), tensor("ws", scales(8)), tensor("wz", codes(8))]
    nodes = [node("QGemm", "x s z w ws wz", "y", domain=MICROSOFT, transB=1)]
    wanted = (codes(8, 6) - codes(8).astype(np.float32)[:, None]) * scales(8)[:, None]
    np.testing.assert_allclose(decoded(opened(tmp_path, nodes, tensors), "w"), wanted, rtol=1e-6)


def test_a_table_of_codes_is_scaled_behind_the_gather(tmp_path: Path) -> None:
    nodes = [node("Gather", "w x", "rows"), node("DequantizeLinear", "rows s z", "y")]
    tensors = [tensor("w", codes(9, 4, dtype="uint8")), tensor("s", scales()), tensor("z", np.uint8(128))]
    reader = opened(tmp_path, nodes, tensors)
    wanted = run(nodes, tensors, np.arange(9))
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-6)
    assert info(reader, "w").module == "Embedding"


def test_names_of_the_quantiser_tell_the_scale_that_the_graph_has_folded(tmp_path: Path) -> None:
    nodes = [
        node("MatMulInteger", "x a_quantized xz a_zero_point", "i"),
        node("Cast", "i", "f", to=1),
        node("Mul", "b_scale a_scale", "s"),
        node("Mul", "f s", "y"),
    ]
    tensors = [tensor("a_quantized", codes(6, 8)), tensor("a_zero_point", np.int8(2))]
    tensors += [
        tensor("b_scale", np.float32(9)),
        tensor("a_scale", np.float32(0.5)),
        tensor("xz", np.uint8(0)),
    ]
    found = decoded(opened(tmp_path, nodes, tensors), "a_quantized")
    np.testing.assert_allclose(found, (codes(6, 8).astype(np.float32) - 2) / 2)


def packed(values: Array, bits: int) -> Array:
    """Codes along the last axis in bytes, lowest bits first, written out code by code."""
    *shape, count = values.shape
    out = np.zeros((*shape, -(-count * bits // 8)), np.uint8)
    for k in range(count):
        out[..., k * bits // 8] |= (values[..., k] << (k * bits % 8)).astype(np.uint8)
    return out


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("zero", ["none", "packed", "float"])
@pytest.mark.parametrize("width", [64, 70])
def test_blocks_of_few_bits_are_unpacked(tmp_path: Path, bits: int, zero: str, width: int) -> None:
    blocks = -(-width // 16)
    stored = rng().integers(0, 2**bits, (5, blocks, 16))
    zeros = (
        np.full((5, blocks), 2 ** (bits - 1)) if zero == "none" else rng(1).integers(0, 2**bits, (5, blocks))
    )
    scale = scales(5, blocks)
    tensors = [tensor("w", packed(stored, bits)), tensor("s", scale)]
    if zero != "none":
        tensors.append(tensor("z", packed(zeros, bits) if zero == "packed" else zeros.astype(np.float32)))
    inputs = "x w s" if zero == "none" else "x w s z"
    attributes = {"N": 5, "K": width, "bits": bits, "block_size": 16}
    reader = opened(tmp_path, [node("MatMulNBits", inputs, "y", domain=MICROSOFT, **attributes)], tensors)
    wanted = ((stored - zeros[..., None]) * scale[..., None]).reshape(5, -1)[:, :width]
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-6)
    assert (info(reader, "w").shape, info(reader, "w").layout, info(reader, "w").dtype) == (
        (5, width),
        "out,in",
        "U8",
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_tables_of_few_bits_are_unpacked(tmp_path: Path, bits: int) -> None:
    stored = rng().integers(0, 2**bits, (6, 32))
    tensors = [tensor("w", packed(stored, bits)), tensor("s", scales(6, 2))]
    nodes = [node("GatherBlockQuantized", "w x s", "y", domain=MICROSOFT, bits=bits, block_size=16)]
    reader = opened(tmp_path, nodes, tensors)
    wanted = (stored - 2 ** (bits - 1)) * np.repeat(scales(6, 2), 16, 1)
    np.testing.assert_allclose(decoded(reader, "w"), wanted, rtol=1e-6)
    assert info(reader, "w").module == "Embedding"


UNKNOWN = {
    "no scale": [node("MatMulInteger", "x w", "y")],
    "a computed scale": [node("DequantizeLinear", "w x", "v"), node("MatMul", "x v", "y")],
    "a computed zero point": [node("DequantizeLinear", "w s x", "v"), node("MatMul", "x v", "y")],
    "a scale for each of the rows that were gathered": [
        node("Gather", "w x", "rows"),
        node("DequantizeLinear", "rows six", "y", axis=1),
    ],
    "a scale of another shape": [node("DequantizeLinear", "w odd", "v"), node("MatMul", "x v", "y")],
    "two constant factors": [
        node("MatMulInteger", "x w", "i"),
        node("Mul", "s s2", "t"),
        node("Mul", "i t", "y"),
    ],
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_codes_without_a_known_scale_stay_integers_and_are_left_out(tmp_path: Path, case: str) -> None:
    tensors = [
        tensor("w", codes(6, 8)),
        tensor("s", scales()),
        tensor("s2", scales()),
        tensor("odd", scales(5)),
        tensor("six", scales(6)),
    ]
    reader = opened(tmp_path, UNKNOWN[case], tensors)
    assert (info(reader, "w").dtype, info(reader, "w").decoded) == ("I8", None)
    assert np.array_equal(reader.read("w"), codes(6, 8))
    assert (
        next(plan for plan in matrices.plan(reader.tensors(), {}) if plan.name == "w").reason
        is Reason.integer
    )


@pytest.mark.parametrize(
    "unusual", [{"K": 17}, {"N": 5}, {"bits": 3}, {"block_size": 32}, {"weight_prepacked": 1}]
)
def test_blocks_that_do_not_fit_their_attributes_stay_bytes(tmp_path: Path, unusual: dict[str, int]) -> None:
    def dtype(inputs: str, **attributes: int) -> str | None:
        attributes = {"N": 6, "K": 16, "bits": 4, "block_size": 16, **attributes}
        nodes = [node("MatMulNBits", inputs, "y", domain=MICROSOFT, **attributes)]
        tensors = [
            tensor("w", codes(6, 1, 8, dtype="uint8")),
            tensor("s", scales(6)),
            tensor("g", np.arange(16)),
        ]
        return info(opened(tmp_path, nodes, tensors), "w").decoded

    assert dtype("x w s") == "F32"
    assert dtype("x w s", **unusual) is None
    assert dtype("x w s . g") is None  # rows in another order


def test_scales_of_two_axes_are_no_weights(tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", "w s z", "v", axis=1, block_size=4), node("MatMul", "x v", "y")]
    tensors = [tensor("w", codes(40, 80)), tensor("s", scales(40, 20)), tensor("z", codes(40, 20))]
    plans = {plan.name: plan for plan in matrices.plan(opened(tmp_path, nodes, tensors).tensors(), {})}
    assert plans["w"].reason is None
    assert plans["s"].reason is Reason.not_a_weight


def test_a_tall_table_is_decoded_a_few_rows_at_a_time(tmp_path: Path) -> None:
    stored, scale = codes(90_000, 100), scales(90_000, 1)
    nodes = [node("Cast", "w", "c", to=1), node("Mul", "c s", "v"), node("Gather", "v x", "y")]
    found: Any = opened(tmp_path, nodes, [tensor("w", stored), tensor("s", scale)]).read("w")
    assert not isinstance(found, np.ndarray)
    assert np.array_equal(
        found[70_000:70_003], stored[70_000:70_003].astype(np.float32) * scale[70_000:70_003]
    )


def test_a_scale_that_cannot_be_read_costs_its_weight_alone(tmp_path: Path) -> None:
    scale = tensor("s", scales(8))
    scale.raw_data = scale.raw_data[:-4]
    nodes = [node("DequantizeLinear", "w s", "v"), node("MatMul", "x v", "y"), node("MatMul", "y u", "z")]
    reader = opened(tmp_path, nodes, [tensor("w", codes(6, 8)), scale, tensor("u", weights(8, 8))])
    with pytest.raises(UnreadableCheckpoint, match="'s'"):
        reader.read("w")
    assert np.array_equal(reader.read("u"), weights(8, 8))
