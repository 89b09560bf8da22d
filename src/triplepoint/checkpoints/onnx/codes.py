"""Quantised ONNX weights: value = (code − zero point) · scale, with one scale a tensor, a row or column, or a block.

ONNX's DequantizeLinear and the operators of ONNX Runtime differ in where the scale stands and in how codes are
packed, not in this. A `Grid` is a scale or zero point spread over the axes of the codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from triplepoint.checkpoints.mapped import Bytes
from triplepoint.checkpoints.onnx.records import Tensor
from triplepoint.checkpoints.onnx.values import SMALL, bits, elements, unpack
from triplepoint.checkpoints.stored import Array
from triplepoint.records import PackedRows

Load = Callable[[Tensor], Array]
"""The elements of another tensor of the model."""
CODES = frozenset(
    {"I8", "U8", "I16", "U16", "I32", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", *SMALL}
)
"""Types that stand for other values where a scale is known."""
_PANEL = 2**20
"""Values that are decoded at once."""
_WHOLE = 2**25
"""Bytes as float32 up to which a tall matrix is decoded whole, as with GGUF."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """One number for every code, or for every block of them."""

    tensor: Tensor
    shape: tuple[int, ...]
    """Of the numbers, with as many axes as the codes; an axis of 1 holds for all codes along it."""
    axis: int = 0
    block: int = 1
    """Codes along `axis` that share a number."""
    packing: int = 8
    """Bits of a number, where the tensor holds several in a byte along the last axis."""

    def load(self, load: Load) -> Array:
        """All numbers as float32 in `shape`."""
        found = load(self.tensor)
        if self.packing < 8:
            rows = found.reshape(math.prod(self.shape[:-1]), -1)
            found = unpack(rows, self.packing)[:, : self.shape[-1]]
        # Numbers may be NaN or overflow; values are judged where they are used.
        with np.errstate(all="ignore"):
            return found.reshape(self.shape).astype(np.float32)

    def spread(self, numbers: Array, begin: int, shape: tuple[int, ...]) -> Array:
        """Those of the codes of `shape` that begin at entry `begin` of the first axis; broadcasts to `shape`."""
        blocked = self.block > 1 and self.shape[self.axis] > 1
        rows = self.block if blocked and self.axis == 0 else 1
        if self.shape[0] > 1:
            numbers = numbers[begin // rows : (begin + shape[0] - 1) // rows + 1]
        if not blocked:
            return numbers
        first = begin % rows
        within = (slice(None),) * self.axis + (slice(first, first + shape[self.axis]),)
        return np.repeat(numbers, self.block, self.axis)[within]


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """How the values of one tensor come from its codes."""

    dtype: str
    shape: tuple[int, ...]
    """Of the values; no axis is empty."""
    scale: Grid
    zero: Grid | None = None
    offset: float = 0.0
    """The zero point where there is no tensor for it."""
    packing: int | None = None
    """Bits of a code where the operator packs them: an entry of the first axis is a run of bytes, padded at its end."""

    def values(self, payload: Bytes, at: int | None, load: Load) -> Array | PackedRows:
        """All values or those of one entry of the first axis, as float32.

        A tall matrix of more than 32 MiB is `PackedRows`. Cost: the result and panels of 4 MiB.
        """
        scale, zero = self.scale.load(load), np.empty(0) if self.zero is None else self.zero.load(load)

        def shift(begin: int, shape: tuple[int, ...]) -> Array | float:
            return self.offset if self.zero is None else self.zero.spread(zero, begin, shape)

        def decode(first: int, last: int) -> Array:
            found = np.empty((last - first, *self.shape[1:]), np.float32)
            step = max(1, _PANEL // math.prod(self.shape[1:]))
            for begin in range(first, last, step):
                panel = found[begin - first : begin - first + step]
                with np.errstate(all="ignore"):
                    panel[...] = self._codes(payload, begin, panel.shape)
                    panel -= shift(begin, panel.shape)
                    panel *= self.scale.spread(scale, begin, panel.shape)
            return found

        if at is not None:
            at = range(self.shape[0])[at]
            return decode(at, at + 1)[0, ...]
        rows, *columns = self.shape
        if len(columns) == 1 and rows >= columns[0] and 4 * math.prod(self.shape) > _WHOLE:
            return PackedRows((rows, columns[0]), decode)
        return decode(0, rows)

    def _codes(self, payload: Bytes, begin: int, shape: tuple[int, ...]) -> Array:
        """The codes from entry `begin` of the first axis on."""
        end, row = begin + shape[0], math.prod(shape[1:])
        if self.packing is not None:
            rows = payload.reshape(self.shape[0], -1)[begin:end]
            return unpack(rows, self.packing)[:, :row].reshape(shape)
        size, rest = divmod(row * (bits(self.dtype) or 0), 8)
        if rest:  # entries begin within bytes
            return elements(self.dtype, self.shape, payload)[begin:end]
        return elements(self.dtype, shape, payload[begin * size : end * size])


def spread_over(tensor: Tensor, shape: tuple[int, ...], axis: int) -> Grid | None:
    """One number for all codes, one for each entry of `axis`, or what broadcasts; None where it fits in no way."""
    if math.prod(tensor.shape) == 1:
        return Grid(tensor, (1,) * len(shape))
    if len(tensor.shape) == 1 and tensor.shape[0] == shape[axis]:
        return Grid(tensor, tuple(size if k == axis else 1 for k, size in enumerate(shape)))
    if len(shape) == 3 and tensor.shape == (shape[0], shape[2]):  # DynamicQuantizeLSTM: directions by gates
        return Grid(tensor, (shape[0], 1, shape[2]))
    fits = all(size in (1, whole) for size, whole in zip(tensor.shape, shape, strict=False))
    return Grid(tensor, tensor.shape) if fits and len(tensor.shape) == len(shape) else None


def blocks(tensor: Tensor, shape: tuple[int, ...], axis: int, block: int, packing: int = 8) -> Grid | None:
    """One number for each `block` codes along `axis`, the last block may be short; None where it does not fit."""
    numbers = tuple(-(-size // block) if k == axis else size for k, size in enumerate(shape))
    stored = (*numbers[:-1], (numbers[-1] * packing + 7) // 8)
    return (
        Grid(tensor, numbers, axis, block, packing)
        if tensor.shape in (stored, (math.prod(stored),))
        else None
    )
