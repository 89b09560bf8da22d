"""MLX: codes of 2 to 8 bits along the inputs, a scale and a bias for each group.

    W = scale · q + bias

Facts: MLX' `quantize` and `dequantize`, mode `affine`; widths that do not divide 32 run on from word to word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.bits import panels, unpack
from triplepoint.matrices.decoding.damaged import damaged, expect, words
from triplepoint.matrices.decoding.scales import apply, as_float32

Array = np.ndarray[Any, Any]


def decode(arrays: Sequence[Array], shape: tuple[int, ...], *, bits: int, group: int) -> Array:
    """(…, out, in) from codes (…, out, in · bits / 32), scales and biases (…, out, in / group).

    Memory: the result, scales and biases in float32 and 10 MiB.
    """
    if len(arrays) < 3:
        raise damaged("a companion of the codes is missing")
    codes = expect("codes", words("codes", arrays[0]), (*shape[:-1], shape[-1] * bits // 32))
    scales, biases = (
        expect("scales and biases", as_float32(array), (*shape[:-1], shape[-1] // group))
        for array in arrays[1:3]
    )
    result = np.empty(shape, np.float32)
    flat, source = result.reshape(-1, shape[-1]), codes.reshape(-1, codes.shape[-1])
    for rows in panels(*flat.shape):
        flat[rows] = unpack(source[rows], bits)
    apply(np.multiply, result, scales, columns=group)
    apply(np.add, result, biases, columns=group)
    return result
