"""GPTQ: codes of 2, 3, 4 or 8 bits, packed along the inputs, with a scale and a zero for each group of inputs.

    W[o, i] = scales[g, o] · (q[i, o] − z[g, o])     g = g_idx[i], or i // group

The first format stores z − 1, `gptq_v2` stores z. A stored zero of all ones, which readers of the first format do not
agree on, becomes 0, as in GPTQModel's conversion. Facts: AutoGPTQ's `QuantLinear.pack`, GPTQModel's `planar_packing`
(its own layout, `gptq_p`, is not this one).
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
    add: int,
    order: bool = False,
) -> Array:
    """(out, in) from qweight (in · bits / 32, out), qzeros (groups, out · bits / 32), scales (groups, out), g_idx (in).

    `add` is what the stored zeros lack, `order` says that g_idx is used. Memory: the result and 10 MiB.
    """
    if len(arrays) < 3 + order:
        raise damaged("a companion of the codes is missing")
    outputs, inputs = shape
    codes = expect("codes", words("codes", arrays[0]), (inputs * bits // 32, outputs))
    zeros = unpack(words("zeros", arrays[1]), bits)
    scales = expect("scales", as_float32(arrays[2]), zeros.shape).T
    if zeros.shape[1] != outputs:
        raise damaged(f"zeros for {zeros.shape[1]} outputs, not {outputs}")
    offsets = ((zeros + np.uint8(add)) & np.uint8(2**bits - 1)).astype(np.float32).T
    of = checked(arrays[3], inputs, len(zeros)) if order else None
    result = np.empty(shape, np.float32)
    for rows in panels(outputs, inputs):
        panel = unpack(codes[:, rows].T, bits)
        fill(result[rows], panel, scales[rows], offsets[rows], size=group, order=of)
    return result
