"""Scales and zeros spread over the blocks that they stand for, without being repeated in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.matrices.decoding.damaged import damaged

Array = np.ndarray[Any, Any]


def as_float32(array: Array) -> Array:
    """Numbers of any type in float32. Unsigned bytes are exponents of two, as OCP's E8M0 has them; 255 is NaN."""
    with np.errstate(all="ignore"):
        if array.dtype == np.uint8:
            values = np.ldexp(np.float32(1), array.astype(np.int32) - 127)
            return np.where(array == 255, np.float32(np.nan), values)
        return array.astype(np.float32)


def apply(operation: np.ufunc, result: Array, values: Array, rows: int = 0, columns: int = 0) -> None:
    """`result = operation(result, values)` in place, every value for its block of the last two axes.

    Axes are aligned from the first; along each, `values` has one entry, one an entry of `result`, or one a block of
    `rows` or `columns`, the last of which may be short. Memory: values repeated along the rows alone.
    """
    if values.size == 1:
        values = values.reshape(())
    elif values.ndim > result.ndim:
        raise damaged(f"scales of shape {values.shape} for values of shape {result.shape}")
    else:
        values = values.reshape(values.shape + (1,) * (result.ndim - values.ndim))
        for axis in range(result.ndim - 1):
            block = rows if axis == result.ndim - 2 else 0
            if _is_blocked(values.shape[axis], result.shape[axis], block):
                values = np.repeat(values, block, axis)
                values = values[(slice(None),) * axis + (slice(result.shape[axis]),)]
    with np.errstate(all="ignore"):
        if values.ndim and _is_blocked(values.shape[-1], result.shape[-1], columns):
            _by_columns(operation, result, values, columns)
        else:
            operation(result, values, out=result)


def _is_blocked(count: int, size: int, block: int) -> bool:
    if count in (1, size):
        return False
    if block < 1 or -(-size // block) != count:
        raise damaged(f"{count} scales for {size} entries in blocks of {block}")
    return True


def _by_columns(operation: np.ufunc, result: Array, values: Array, columns: int) -> None:
    whole = result.shape[-1] // columns
    head = result[..., : whole * columns]
    blocks = head.reshape(*head.shape[:-1], whole, columns)  # splitting an axis is always a view
    operation(blocks, values[..., :whole, None], out=blocks)
    if whole < values.shape[-1]:
        tail = result[..., whole * columns :]
        operation(tail, values[..., whole:], out=tail)
