"""bitsandbytes' 4 bits: indices into a table of 16 values, two a byte with the first in the high bits.

    W = table[index] · absmax of the block     the blocks follow each other through the flattened weight

With double quantisation absmax is itself `table₂[byte] · absmax₂ of its block + offset`. Facts: bitsandbytes'
`QuantState` and `dequantize_4bit`; the tables are taken from the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.bits import look_up
from triplepoint.matrices.decoding.damaged import damaged, expect
from triplepoint.matrices.decoding.scales import apply

Array = np.ndarray[Any, Any]
_BYTES = np.arange(256)


def decode(
    arrays: Sequence[Array],
    shape: tuple[int, ...],
    *,
    block: int,
    nested: int = 0,
    offset: float = 0.0,
) -> Array:
    """From codes (bytes in any type and shape), absmax, the table, and where `nested` > 0 absmax₂ and its table.

    `nested` is the block of the second quantisation. Memory: the result and an eighth of it.
    """
    if len(arrays) < (5 if nested else 3):
        raise damaged("a companion of the codes is missing")
    raw = np.ascontiguousarray(arrays[0]).reshape(-1).view(np.uint8)
    count = prod(shape)
    # The last byte is filled up, and the bytes to whole elements of the type that stores them.
    if not count <= 2 * raw.size < count + 16:
        raise damaged(f"{raw.size} bytes of codes for {count} entries")
    blocks = -(-count // block)
    table = expect("values of the codes", arrays[2].reshape(-1), (16,)).astype(np.float32)
    absmax = expect("block scales", arrays[1].reshape(-1), (blocks,))
    if nested:
        outer = expect("values of the scales", arrays[4].reshape(-1), (256,)).astype(np.float32)
        if absmax.dtype != np.uint8:
            raise damaged(f"the block scales are {absmax.dtype}, not bytes")
        absmax = outer[absmax]
        apply(np.multiply, absmax, arrays[3].reshape(-1).astype(np.float32), columns=nested)
        absmax += np.float32(offset)
    pairs = np.stack([table[_BYTES >> 4], table[_BYTES & 15]], axis=1)
    result = look_up(pairs, raw)[:count]
    apply(np.multiply, result, absmax.astype(np.float32), columns=block)
    return result.reshape(shape)
