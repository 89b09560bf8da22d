"""AWQ, the `gemm` packing: codes of 4 bits, eight outputs a word in an order of its own.

    W[o, i] = scales[g, o] · (q[i, o] − z[g, o])     g = i // group

Nibble k of a word, from the lowest, is output 0, 2, 4, 6, 1, 3, 5, 7 of its eight. Facts: AutoAWQ's `WQLinear_GEMM`
and `packing_utils`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.bits import panels, unpack
from triplepoint.matrices.decoding.damaged import damaged, expect, words
from triplepoint.matrices.decoding.groups import fill
from triplepoint.matrices.decoding.scales import as_float32

Array = np.ndarray[Any, Any]
_NIBBLE = np.argsort([0, 2, 4, 6, 1, 3, 5, 7])
"""The nibble of each output."""


def decode(arrays: Sequence[Array], shape: tuple[int, ...], *, group: int) -> Array:
    """(out, in) from qweight (in, out / 8), qzeros (groups, out / 8), scales (groups, out).

    Memory: the result and 10 MiB.
    """
    if len(arrays) < 3:
        raise damaged("a companion of the codes is missing")
    outputs, inputs = shape
    codes = expect("codes", words("codes", arrays[0]), (inputs, outputs // 8))
    scales = as_float32(arrays[2])
    packed = expect("zeros", words("zeros", arrays[1]), (len(scales), outputs // 8))
    zeros = _outputs(packed).astype(np.float32).T
    scales = expect("scales", scales, (len(packed), outputs)).T
    result = np.empty(shape, np.float32)
    for part in panels(outputs // 8, inputs * 8):
        rows = slice(part.start * 8, part.stop * 8)
        panel = _outputs(codes[:, part]).T
        fill(result[rows], panel, scales[rows], zeros[rows], size=group, order=None)
    return result


def _outputs(packed: Array) -> Array:
    """Words (rows, n) → codes (rows, 8 · n) in the order of the outputs."""
    nibbles = unpack(packed, 4).reshape(*packed.shape, 8)
    return nibbles[..., _NIBBLE].reshape(len(packed), -1)
