"""From the bytes of an ONNX tensor to numbers: raw bytes, packed floats or varints, and codes smaller than a byte.

`raw_data` holds elements as they lie in memory, little endian; `float_data` and `double_data` are the same bytes.
The integer fields hold varints, of which each is one element or the bit pattern of one (F16, BF16, FP8), and for
types of 4 and 2 bits one byte of several elements, lowest first.
"""

from __future__ import annotations

import math

import numpy as np

from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.mapped import Bytes
from triplepoint.checkpoints.onnx.records import Tensor
from triplepoint.checkpoints.onnx.wire import DOUBLES, FLOATS, INT32, INT64, RAW, UINT64
from triplepoint.checkpoints.stored import Array

SMALL: dict[str, int] = {"U4": 4, "I4": 4, "U2": 2, "I2": 2}
"""Bits of the types that are packed into bytes and read here."""
_HELD_BY: dict[int, frozenset[str]] = {
    FLOATS: frozenset({"F32", "C64"}),
    DOUBLES: frozenset({"F64", "C128"}),
    INT64: frozenset({"I64"}),
    UINT64: frozenset({"U64", "U32"}),
    INT32: frozenset({"I32", "I16", "I8", "U16", "U8", "BOOL", "F16", "BF16", *SMALL})
    | {"F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "F8_E8M0"},
}
"""Which types each field other than `raw_data` may hold."""
NOTHING: Bytes = np.empty(0, np.uint8)
_BLOCK = 2**20


def bits(dtype: str) -> int | None:
    """Bits of one element; None for a type that is not read."""
    native = numpy_dtype(dtype)
    return SMALL.get(dtype) if native is None else 8 * native.itemsize


def nbytes(tensor: Tensor) -> int:
    """Bytes of the elements as they lie in memory; 0 for a type that is not read."""
    return (math.prod(tensor.shape) * (bits(tensor.dtype) or 0) + 7) // 8


def misfit(tensor: Tensor, have: int) -> str:
    """One clause where so many bytes cannot be the values of the tensor; empty where they may be."""
    need = nbytes(tensor)
    if tensor.field and tensor.field != RAW and tensor.dtype not in _HELD_BY[tensor.field]:
        return f"has elements of type {tensor.dtype} in a field that cannot hold them"
    # Each varint takes a byte at least; how many there are is known when they are read.
    fits = (
        have >= math.prod(tensor.shape) * SMALL.get(tensor.dtype, 8) // 8
        if _varints(tensor)
        else have == need
    )
    return "" if fits else f"has the shape {tensor.shape}, which needs {need:,} bytes, but {have:,} are there"


def payload(tensor: Tensor, raw: Bytes) -> Bytes:
    """The bytes as `raw_data` would hold them; ValueError where varints are damaged or not as many as elements."""
    if not _varints(tensor):
        return raw
    size = nbytes(tensor)
    native = np.dtype(np.uint8) if tensor.dtype in SMALL else numpy_dtype(tensor.dtype)
    assert native is not None  # a tensor of any other type is refused at opening
    numbers = varints(raw, size // native.itemsize)
    return numbers.astype(f"<u{native.itemsize}").view(np.uint8)


def _varints(tensor: Tensor) -> bool:
    return tensor.field in (INT32, INT64, UINT64)


def varints(raw: Bytes, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """`count` numbers of 64 bits that follow one another without gaps; ValueError where there are not that many.

    Block by block: the steps in between need 40 bytes a number.
    """
    found = np.zeros(count, np.uint64)
    at = done = 0
    while at < len(raw):
        block = raw[at : at + _BLOCK]
        ends = np.flatnonzero(block < 128) + 1
        if not len(ends) or done + len(ends) > count:
            raise ValueError("its varints are damaged")
        starts = np.concatenate(([0], ends[:-1]))
        sizes = ends - starts
        if sizes.max() > 10:
            raise ValueError("its varints are damaged")
        numbers = found[done : done + len(ends)]
        for k in range(int(sizes.max())):
            longer = sizes > k
            numbers[longer] |= (block[starts[longer] + k] & 127).astype(np.uint64) << np.uint64(7 * k)
        at, done = at + int(ends[-1]), done + len(ends)
    if done != count:
        raise ValueError(f"it holds {done:,} values instead of {count:,}")
    return found


def unpack(packed: Bytes, bits: int) -> Bytes:
    """Codes of `bits` (2, 4 or 8) along the last axis, lowest bits of a byte first: (…, n) → (…, n · 8/bits)."""
    if bits == 8:
        return packed
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    codes = (packed[..., None] >> shifts) & np.uint8(2**bits - 1)
    return codes.reshape(*packed.shape[:-1], packed.shape[-1] * len(shifts))


def elements(dtype: str, shape: tuple[int, ...], payload: Bytes) -> Array:
    """The elements of any type that is read, small integers as bytes; a view where they lie as NumPy holds them."""
    small, count = SMALL.get(dtype), math.prod(shape)
    if small is None:
        native = numpy_dtype(dtype)
        assert native is not None  # a tensor of any other type is refused at opening
        return np.frombuffer(payload.data, native, count).reshape(shape) if count else np.empty(shape, native)
    codes = unpack(payload, small)[:count].reshape(shape)
    half = 2 ** (small - 1)
    return ((codes ^ half).astype(np.int8) - np.int8(half)) if dtype.startswith("I") else codes
