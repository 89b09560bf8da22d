"""Values of quantised GGUF tensors, decoded block by block by the package `gguf`, which is imported only here.

Every block type codes 32, 64, 128 or 256 neighbours of one row in a few bytes, independently of all others. So a
tensor, or the part of it that is asked for, is decoded in pieces of 2^18 values straight into its result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.gguf.types import GgmlType
from triplepoint.checkpoints.mapped import Bytes
from triplepoint.checkpoints.stored import Array, Values
from triplepoint.errors import MissingDependency
from triplepoint.records import PackedRows

_PIECE = 2**18
"""Values decoded at a time. The package's temporaries take up to 19 bytes a value, 5 MB of such a piece; pieces of
2^14 to 2^20 values differ by a quarter in speed (30 to 60 million values/s for IQ types, 150 to 400 for others)."""

_WHOLE = 2**25
"""Bytes as float32 up to which a tall matrix is decoded whole: it may be gone through twice, in `fast` mode and then
in `precise`, and decoding takes a tenth of the time of its Gram matrix."""


def require(source: str, types: Sequence[str]) -> None:
    """MissingDependency where the package is not installed; `types` are the quantised types that need it."""
    try:
        import_module("gguf")
    except ImportError:
        raise MissingDependency(
            f"read {shown(source, 300)}",
            f"its weights are quantised ({', '.join(types[:4])}) and gguf is not installed",
            "Run: pip install 'triplepoint[formats]'",
        ) from None


@cache
def decodes(type: GgmlType) -> bool:
    """Whether the installed package decodes this type and agrees on the size of its blocks."""
    try:
        values = _decoder(type)(np.zeros((1, type.bytes), np.uint8))
    except (AttributeError, KeyError, NotImplementedError, ValueError):
        return False
    return bool(values.shape == (1, type.values) and values.dtype == np.float32)


def quantised(type: GgmlType, shape: Sequence[int], scale: Callable[[], Array] | None = None) -> Values:
    """Values of a tensor in blocks, as float32. `scale`: one factor, or one for each entry of the first axis.

    Entry `at` of a tensor of two or more axes is decoded alone. A tall matrix of more than 32 MiB is `PackedRows`.
    Peak: the result and 5 MB.
    """
    size = tuple(shape)

    def values(raw: Bytes, at: int | None) -> Array | PackedRows:
        part, left, factors = raw, size, None if scale is None else scale()
        if at is not None and len(size) > 1:
            at = range(size[0])[at]
            bytes = len(raw) // size[0]
            part, left = raw[at * bytes : (at + 1) * bytes], size[1:]
            factors = factors[at] if factors is not None and factors.size > 1 else factors
        if len(left) == 2 and left[0] >= left[1] and 4 * math.prod(left) > _WHOLE:
            rows, columns = left
            bytes = len(part) // rows

            def decode(begin: int, stop: int) -> Array:
                return _decode(part[begin * bytes : stop * bytes], type, (stop - begin, columns), factors)

            return PackedRows((rows, columns), decode)
        array = _decode(part, type, left, factors)
        return array[at, ...] if at is not None and len(size) == 1 else array

    return values


def _decode(raw: Bytes, type: GgmlType, shape: tuple[int, ...], factors: Array | None) -> Array:
    decode = _decoder(type)
    blocks = raw.reshape(-1, type.bytes)
    result = np.empty((len(blocks), type.values), np.float32)
    step = _PIECE // type.values
    with np.errstate(all="ignore"):  # scales may be infinite or NaN; values are judged where they are used
        for begin in range(0, len(blocks), step):
            piece = blocks[begin : begin + step]
            # As one long row: the package cuts whatever it is given into groups of 16 rows.
            result[begin : begin + len(piece)] = decode(piece.reshape(1, -1)).reshape(len(piece), -1)
        array = result.reshape(shape)
        if factors is not None:
            array *= factors.reshape(factors.shape + (1,) * (array.ndim - factors.ndim))
    return array


def _decoder(type: GgmlType) -> Callable[[Bytes], Array]:
    quants: Any = import_module("gguf.quants")
    number = import_module("gguf.constants").GGMLQuantizationType[type.name]
    return lambda raw: np.asarray(quants.dequantize(raw, number))
