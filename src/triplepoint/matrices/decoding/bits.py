"""Codes of a few bits in 32-bit words, as a stream from the lowest bit of the first word."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.damaged import damaged

Array = np.ndarray[Any, Any]
PANEL = 2**20
"""Values that are decoded at a time; what is needed beside the result stays within 10 MiB."""


def unpack(words: Array, bits: int) -> Array:
    """Unsigned words (…, W) → codes (…, W · 32 / bits) as uint8; a code may straddle two words. `bits` ≤ 8."""
    shared = math.gcd(32, bits)
    count, step = 32 // shared, bits // shared  # so many codes fill so many words
    if words.shape[-1] % step:
        raise damaged(f"{words.shape[-1]} words do not hold whole codes of {bits} bits")
    result = np.empty((*words.shape[:-1], words.shape[-1] // step * count), np.uint8)
    for k in range(count):
        word, shift = divmod(k * bits, 32)
        value = words[..., word::step] >> np.uint32(shift)
        if shift + bits > 32:
            value |= words[..., word + 1 :: step] << np.uint32(32 - shift)
        result[..., k::count] = value & np.uint32(2**bits - 1)
    return result


def look_up(table: Array, bytes: Array) -> Array:
    """Row `b` of a table (256, k) for every byte `b` of a flat array, one after the other, in panels.

    NumPy makes eight bytes of every index; at once they would take as much as the result. `clip` saves a copy.
    """
    result = np.empty((bytes.size, *table.shape[1:]), table.dtype)
    for part in panels(bytes.size, table.size // 256):
        np.take(table, bytes[part], axis=0, out=result[part], mode="clip")
    return result.reshape(-1)


def panels(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows that hold about PANEL values each."""
    step = max(1, PANEL // max(1, columns))
    for begin in range(0, rows, step):
        yield slice(begin, min(begin + step, rows))
