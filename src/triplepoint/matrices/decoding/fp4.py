"""Four-bit floats (E2M1), two a byte with the first in the low bits, in groups of 32 (MXFP4) or 16 (NVFP4) inputs.

    W = value · scale of the group · (scale of the tensor, or its inverse) · inputs

Facts: OCP's Microscaling Formats 1.0 (E2M1, and E8M0 for the scales of MXFP4), gpt-oss' `weights.py` (layout of
`*_blocks`), ModelOpt's NVFP4 tensor (`weight_scale_2` multiplies) and compressed-tensors' (`weight_global_scale`
divides).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from triplepoint.matrices.decoding.bits import look_up
from triplepoint.matrices.decoding.damaged import damaged, expect
from triplepoint.matrices.decoding.scales import apply, as_float32

Array = np.ndarray[Any, Any]

_VALUES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
_BYTES = np.arange(256)
_PAIRS = np.stack([_VALUES[_BYTES & 15], _VALUES[_BYTES >> 4]], axis=1)
"""Both values of every byte."""


def decode(
    arrays: Sequence[Array],
    shape: tuple[int, ...],
    *,
    group: int,
    tensor: str = "",
    inputs: bool = False,
    factor: float = 1.0,
) -> Array:
    """From codes and scales, then as asked the scale of the tensor (`multiply`, `divide`) and a factor an input.

    Codes have one byte for two entries, in any shape and type of that size. Memory: the result and the scales in
    float32.
    """
    needed = 2 + bool(tensor) + inputs
    if len(arrays) < needed:
        raise damaged("a companion of the codes is missing")
    packed, scales = np.ascontiguousarray(arrays[0]), as_float32(arrays[1])
    if packed.nbytes * 2 != prod(shape) or shape[-1] % group:
        raise damaged(f"{packed.nbytes} bytes of codes for a weight of shape {shape}")
    expect("scales", scales, (*shape[:-1], shape[-1] // group))
    if tensor:
        apply(np.multiply if tensor == "multiply" else np.divide, scales, as_float32(arrays[2]))
    result = look_up(_PAIRS, packed.reshape(-1).view(np.uint8)).reshape(shape)
    apply(np.multiply, result, scales, columns=group)
    with np.errstate(all="ignore"):
        if inputs:
            result *= as_float32(expect("factors of the inputs", arrays[needed - 1], shape[-1:]))
        if factor != 1.0:
            result *= np.float32(factor)
    return result
