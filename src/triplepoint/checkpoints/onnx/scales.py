"""Where the scale of quantised codes stands: at the operator before a weight, at the one that takes it, or after it."""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.checkpoints.onnx.codes import CODES, Codes, Grid, blocks, spread_over
from triplepoint.checkpoints.onnx.records import Op, Tensor, Value
from triplepoint.checkpoints.onnx.roles import MICROSOFT, Axes, Shape, Slot

_PASS = ("Identity", "Cast")
_FARTHEST = 6
"""Operators between an integer product and the Mul that scales it; ONNX Runtime puts one."""


def constant(value: Value | None, through: tuple[str, ...] = _PASS) -> Tensor | None:
    """The stored tensor that a value is, seen through operators that do not change what it says."""
    for _ in range(_FARTHEST):
        if value is None or value.tensor is not None or value.producer is None:
            break
        value = value.producer.input(0) if value.producer.type in through else None
    return None if value is None else value.tensor


def before(tensor: Tensor, op: Op) -> Codes | None:
    """By DequantizeLinear."""
    axis, rank = op.integer("axis", 1), len(tensor.shape)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank:
        axis = 0  # of no influence for a single scale, and no other fits
    return _codes(tensor, op, (1, 2), axis, op.integer("block_size"))


def product(tensor: Tensor, factor: Value | None, offset: Tensor | None) -> Codes | None:
    """By Cast, perhaps Sub, and Mul: shapes broadcast as NumPy's do."""
    scale, last = constant(factor), len(tensor.shape) - 1
    if scale is None or tensor.dtype not in CODES or scale.dtype in CODES:
        return None
    grid = spread_over(scale, tensor.shape, last)
    zero = None if offset is None else spread_over(offset, tensor.shape, last)
    if grid is None or (offset is not None and zero is None):
        return None
    return Codes(tensor.dtype, tensor.shape, grid, zero)


def at(tensor: Tensor, op: Op, slot: Slot, axes: Axes | None, names: Mapping[str, Tensor]) -> Codes | None:
    """By inputs of the operator that takes the codes, by those after it, or else by name."""
    if op.type == f"{MICROSOFT}MatMulNBits":
        return _n_bits(tensor, op)
    if op.type == f"{MICROSOFT}GatherBlockQuantized":
        return _gather_blocks(tensor, op)
    outputs = [k for k, word in enumerate(axes or ()) if word.startswith("out")]
    # One scale for each direction of a quantised LSTM, else one for each output.
    channel = outputs[0] if outputs and op.type != f"{MICROSOFT}DynamicQuantizeLSTM" else 0
    found = None
    if slot.scale >= 0:
        found = _codes(tensor, op, (slot.scale, slot.zero), channel)
    elif slot.integer:
        scale, zero = _after_product(op), constant(op.input(slot.zero))
        if scale is not None and (zero is None) == (op.input(slot.zero) is None):
            found = _pair(tensor, scale, zero, channel)
    elif op.type == "Gather":
        found = _after_gather(tensor, op)
    return found or _named(tensor, channel, names)


def _named(tensor: Tensor, channel: int, names: Mapping[str, Tensor]) -> Codes | None:
    """By the names that ONNX Runtime's quantiser gives: `W_quantized`, `W_scale`, `W_zero_point`.

    It leaves the scale out of the graph where it is folded with that of the input, of which it may be a constant.
    """
    stem = tensor.name.removesuffix("_quantized")
    scale, zero = names.get(f"{stem}_scale"), names.get(f"{stem}_zero_point")
    if stem == tensor.name or scale is None or zero is None or zero.dtype != tensor.dtype:
        return None
    return _pair(tensor, scale, zero, channel)


def _codes(tensor: Tensor, op: Op, inputs: tuple[int, int], axis: int, block: int = 0) -> Codes | None:
    """With the scale and the zero point at these inputs."""
    found, shift = (constant(op.input(k)) for k in inputs)
    if found is None or (shift is None) != (op.input(inputs[1]) is None):
        return None  # a scale or zero point that is computed
    return _pair(tensor, found, shift, axis, block)


def _pair(tensor: Tensor, scale: Tensor, zero: Tensor | None, axis: int, block: int = 0) -> Codes | None:
    def grid(numbers: Tensor) -> Grid | None:
        if block > 0:
            return blocks(numbers, tensor.shape, axis, block)
        return spread_over(numbers, tensor.shape, axis)

    scales, zeros = grid(scale), None if zero is None else grid(zero)
    if tensor.dtype not in CODES or scales is None or (zeros is None) != (zero is None):
        return None
    return Codes(tensor.dtype, tensor.shape, scales, zeros)


def _after_product(op: Op) -> Tensor | None:
    """The constant factor of a product of integers whose other factor, the scale of the input, is computed."""
    constants: list[Tensor] = []
    computed = 0
    value = op.output()
    for _ in range(_FARTHEST):
        uses = value.uses if value else ()
        step = next(((op, k) for op, k in uses if op.type == "Mul" or (op.type in _PASS and k == 0)), None)
        if step is None:
            break
        after, k = step
        if after.type == "Mul":
            other = after.input(1 - k)
            inner = other.producer if other is not None else None
            factors = inner.inputs if inner is not None and inner.type == "Mul" else (other,)
            for factor in factors:
                found = constant(factor)
                computed += found is None
                constants += [] if found is None else [found]
        value = after.output()
    return constants[0] if len(constants) == 1 and computed else None


def _after_gather(tensor: Tensor, op: Op) -> Codes | None:
    """By a DequantizeLinear of the rows that were gathered, with one scale for the table."""
    value = op.output()
    for after, k in value.uses if value else ():
        if after.type == "DequantizeLinear" and k == 0:
            found = _codes(tensor, after, (1, 2), 0)
            if found is not None and set(found.scale.shape) == {1}:
                return found
    return None


def _n_bits(tensor: Tensor, op: Op) -> Codes | None:
    """MatMulNBits: bytes of (N, blocks, bytes a block) → values (N, K), codes along K lowest bits first."""
    n, k, bits, block = (op.integer(name) for name in ("N", "K", "bits", "block_size"))
    bits = bits or 4
    count = -(-k // block) if block > 0 else 0
    stored: Shape = (n, count, block * bits // 8)
    unusual = op.integer("weight_prepacked") or op.input(4) is not None  # g_idx: rows in another order
    if (
        tensor.dtype != "U8"
        or bits not in (2, 4, 8)
        or unusual
        or tensor.shape != stored
        or 0 in stored
        or k < 1
    ):
        return None
    return _blocked(tensor, op, (n, k), (1, block), bits)


def _gather_blocks(tensor: Tensor, op: Op) -> Codes | None:
    """GatherBlockQuantized: codes of 4 bits, or bytes that hold several along the last axis."""
    rank, bits, block = len(tensor.shape), op.integer("bits", 4), op.integer("block_size", 128)
    axis = op.integer("quantize_axis", 1)
    axis = axis + rank if axis < 0 else axis
    if rank < 2 or not 0 < axis < rank or block < 1:
        return None
    if tensor.dtype != "U8":
        return _blocked(tensor, op, tensor.shape, (axis, block), None)
    if bits not in (2, 4, 8) or axis != rank - 1:
        return None
    shape = (*tensor.shape[:-1], tensor.shape[-1] * 8 // bits)
    return _blocked(tensor, op, shape, (axis, block), bits)


def _blocked(tensor: Tensor, op: Op, shape: Shape, along: tuple[int, int], bits: int | None) -> Codes | None:
    """Scales at input 2 and zero points at input 3, packed like the codes; without them, half of the range."""
    scale, zero = constant(op.input(2)), constant(op.input(3))
    scales = None if scale is None else blocks(scale, shape, *along)
    if scales is None or (zero is None) != (op.input(3) is None):
        return None
    zeros = None
    if zero is not None:
        zeros = blocks(zero, shape, *along, bits if bits and zero.dtype == "U8" else 8)
        if zeros is None:
            return None
    return Codes(tensor.dtype, shape, scales, zeros, 2.0 ** (bits - 1) if bits else 0.0, bits)
