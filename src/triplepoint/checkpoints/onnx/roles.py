"""What the operators of ONNX make of a weight: what its axes mean, where its bias, scale and zero point stand.

Two tables: `SLOTS`, which input of which operator is a weight, and the functions that say what its axes are. Sources:
onnx.ai/onnx/operators and ONNX Runtime's ContribOperators.md. An operator that is not here says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from triplepoint.checkpoints.onnx.records import Op

Shape = tuple[int, ...]
Axes = tuple[str, ...]
"""One word of the layout language an axis."""

MICROSOFT = "com.microsoft."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a weight is to the operator that takes it."""

    axes: Axes | None
    """None for a vector, a bias, or a shape that the operator cannot take."""
    module: str
    """Class of torch that does the same."""
    suffix: str = "weight"
    """What torch would call the parameter; `weight_ih` and `weight_hh` are numbered by layer."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One input of an operator that is a weight."""

    meaning: Callable[[Op, Shape], Meaning]
    bias: int = -1
    """Inputs of the same operator that belong to it; −1 for none."""
    scale: int = -1
    zero: int = -1
    integer: bool = False
    """The operator gives integers, which a Mul after it scales."""


def _matmul(op: Op, shape: Shape, side: str) -> Meaning:
    turned = bool(op.integer(f"trans{side}"))
    matrix: Axes = ("in", "out") if turned == (side == "A") else ("out", "in")
    stack = shape[:-2]
    if len(shape) < 2 or op.integer(f"transBatch{side}") or (len(stack) > 1 and set(stack) != {1}):
        return Meaning(None, "Linear")
    return Meaning((*("1" if size == 1 else "expert" for size in stack), *matrix), "Linear")


def _right(op: Op, shape: Shape) -> Meaning:
    return _matmul(op, shape, "B")


def _left(op: Op, shape: Shape) -> Meaning:
    return _matmul(op, shape, "A")


def _rows(_: Op, shape: Shape) -> Meaning:
    return Meaning(("out", "in") if len(shape) == 2 else None, "Linear")


def _table(_: Op, shape: Shape) -> Meaning:
    return Meaning(("out", "in") if len(shape) == 2 else None, "Embedding")


def _gather(op: Op, shape: Shape) -> Meaning:
    axis = op.integer("gather_axis" if op.type.startswith(MICROSOFT) else "axis")
    return _table(op, shape if axis == 0 else ())


def _kernel(module: str, channels: Axes, shape: Shape) -> Meaning:
    axes = len(shape) - 2
    if not 1 <= axes <= 3:
        return Meaning(None, f"{module}Nd")
    if shape[1] == 1:  # depthwise, or a single channel: filters by positions
        channels = ("out", "1")
    return Meaning((*channels, *("kernel",) * axes), f"{module}{axes}d")


def _conv(_: Op, shape: Shape) -> Meaning:
    return _kernel("Conv", ("out", "in"), shape)


def _deconv(_: Op, shape: Shape) -> Meaning:
    return _kernel("ConvTranspose", ("in", "out"), shape)


_GATES = {"LSTM": "out(input,output,forget,cell)", "GRU": "out(update,reset,new)", "RNN": "out"}


def _recurrent(op: Op, shape: Shape, suffix: str) -> Meaning:
    quantized = op.type == f"{MICROSOFT}DynamicQuantizeLSTM"
    module = "LSTM" if quantized else op.type
    if len(shape) != 3:
        return Meaning(None, module, suffix)
    direction = "1" if shape[0] == 1 else "direction"
    gates = _GATES[module]
    return Meaning((direction, "in", gates) if quantized else (direction, gates, "in"), module, suffix)


def _input_weight(op: Op, shape: Shape) -> Meaning:
    return _recurrent(op, shape, "weight_ih")


def _hidden_weight(op: Op, shape: Shape) -> Meaning:
    return _recurrent(op, shape, "weight_hh")


def _stacked_bias(op: Op, _: Shape) -> Meaning:
    return _recurrent(op, (), "bias")


def _qkv(op: Op, shape: Shape) -> Meaning:
    sizes = op.ints.get("qkv_hidden_sizes", ())
    names = ("query", "key", "value")
    parts = [f"{name}:{size}" for name, size in zip(names, sizes, strict=True)] if len(sizes) == 3 else names
    return Meaning(("in", f"out({','.join(parts)})") if len(shape) == 2 else None, "Linear")


def _kv(_: Op, shape: Shape) -> Meaning:
    return Meaning(("in", "out(key,value)") if len(shape) == 2 else None, "Linear")


SLOTS: dict[tuple[str, int], Slot] = {
    ("MatMul", 1): Slot(_right),
    ("MatMul", 0): Slot(_left),
    ("MatMulInteger", 1): Slot(_right, zero=3, integer=True),
    ("QLinearMatMul", 3): Slot(_right, scale=4, zero=5),
    ("Gemm", 1): Slot(_right, bias=2),
    ("Gemm", 0): Slot(_left),
    ("Conv", 1): Slot(_conv, bias=2),
    ("DeformConv", 1): Slot(_conv, bias=3),
    ("ConvInteger", 1): Slot(_conv, zero=3, integer=True),
    ("QLinearConv", 3): Slot(_conv, bias=8, scale=4, zero=5),
    ("ConvTranspose", 1): Slot(_deconv, bias=2),
    ("Gather", 0): Slot(_gather),
    **{(type, 1): Slot(_input_weight) for type in _GATES},
    **{(type, 2): Slot(_hidden_weight) for type in _GATES},
    **{(type, 3): Slot(_stacked_bias) for type in _GATES},
    ("LSTM", 7): Slot(_stacked_bias),
} | {
    (MICROSOFT + type, k): slot
    for (type, k), slot in {
        ("FusedMatMul", 1): Slot(_right),
        ("FusedMatMul", 0): Slot(_left),
        ("TransposeMatMul", 1): Slot(_right),
        ("TransposeMatMul", 0): Slot(_left),
        ("FusedMatMulActivation", 1): Slot(_right),
        ("FusedGemm", 1): Slot(_right, bias=2),
        ("GemmFastGelu", 1): Slot(_right, bias=2),
        ("FusedConv", 1): Slot(_conv, bias=2),
        ("NhwcConv", 1): Slot(_conv, bias=2),
        ("NhwcFusedConv", 1): Slot(_conv, bias=2),
        ("DynamicQuantizeMatMul", 1): Slot(_right, bias=4, scale=2, zero=3),
        ("MatMulIntegerToFloat", 1): Slot(_right, bias=6, scale=3, zero=5),
        ("QGemm", 3): Slot(_right, bias=6, scale=4, zero=5),
        ("MatMulNBits", 1): Slot(_rows, bias=5, scale=2, zero=3),
        ("Attention", 1): Slot(_qkv, bias=2),
        ("PackedAttention", 1): Slot(_qkv, bias=2),
        ("QAttention", 1): Slot(_qkv, bias=2, scale=4, zero=7),
        ("LongformerAttention", 1): Slot(_qkv, bias=2),
        ("LongformerAttention", 4): Slot(_qkv, bias=5),
        ("DecoderAttention", 2): Slot(_right),
        ("DecoderAttention", 3): Slot(_kv),
        ("TorchEmbedding", 0): Slot(_table),
        ("GatherBlockQuantized", 0): Slot(_gather, scale=2, zero=3),
        **{("EmbedLayerNormalization", k): Slot(_table) for k in (2, 3, 4)},
        **{("QEmbedLayerNormalization", k): Slot(_table, scale=k + 6, zero=k + 11) for k in (2, 3, 4)},
        ("DynamicQuantizeLSTM", 1): Slot(_input_weight, scale=8, zero=9),
        ("DynamicQuantizeLSTM", 2): Slot(_hidden_weight, scale=10, zero=11),
        ("DynamicQuantizeLSTM", 3): Slot(_stacked_bias),
        ("DynamicQuantizeLSTM", 7): Slot(_stacked_bias),
    }.items()
}
"""(operator, input) → the weight that stands there."""

BIAS_AFTER: dict[str, tuple[int, ...]] = {
    "Add": (0, 1),
    f"{MICROSOFT}QLinearAdd": (0, 3),
    f"{MICROSOFT}BiasGelu": (1,),
    f"{MICROSOFT}FastGelu": (1,),
    f"{MICROSOFT}SkipLayerNormalization": (4,),
}
"""Operators that add the bias of the layer before them, and which inputs it may be."""
