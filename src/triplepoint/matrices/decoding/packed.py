"""compressed-tensors' `pack-quantized`: signed codes of 2, 4 or 8 bits, stored as code + 2^(bits − 1).

They lie along the inputs, zeros along the outputs.

    W = scale · (q − z)     a scale for the tensor, the row, or each group of inputs of a row

Facts: compressed-tensors' `pack_to_int32` and `dequantize`. Widths that
do not divide 32 are left alone: its versions pack them in two ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.bits import panels, unpack
from triplepoint.matrices.decoding.damaged import damaged, expect, words
from triplepoint.matrices.decoding.groups import checked, fill
from triplepoint.matrices.decoding.scales import as_float32

Array = np.ndarray[Any, Any]


def decode(
    arrays: Sequence[Array],
    shape: tuple[int, ...],
    *,
    bits: int,
    group: int,
    zero: bool = False,
    order: bool = False,
) -> Array:
    """(out, in) from codes (out, words), scales (out or 1, groups), then as asked zeros and the group of each input.

    Scales of one group may lack its axis. Zeros are (out · bits / 32, groups), rounded up. Memory: the result and
    10 MiB.
    """
    if len(arrays) < 2 + zero + order:
        raise damaged("a companion of the codes is missing")
    outputs, inputs = shape
    codes = expect("codes", words("codes", arrays[0]), (outputs, -(-inputs * bits // 32)))
    scales = as_float32(arrays[1])
    scales = scales.reshape(-1, 1) if scales.ndim < 2 else scales
    if scales.ndim != 2 or len(scales) not in (1, outputs):
        raise damaged(f"scales of shape {scales.shape} for a weight of shape {shape}")
    count = scales.shape[1]
    scales = np.broadcast_to(scales, (outputs, count))
    zeros = np.broadcast_to(np.float32(2 ** (bits - 1)), scales.shape)
    if zero:
        packed = expect("zeros", words("zeros", arrays[2]), (-(-outputs * bits // 32), count))
        zeros = unpack(packed.T, bits).T.astype(np.float32)
    of = arrays[2 + zero] if order else None
    if of is not None:
        of = None if bool((of == -1).any()) else checked(of, inputs, count)  # −1: not in use
    result = np.empty(shape, np.float32)
    for rows in panels(outputs, inputs):
        panel = unpack(codes[rows], bits)[:, :inputs]
        fill(result[rows], panel, scales[rows], zeros[rows], size=group, order=of)
    return result
