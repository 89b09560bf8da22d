"""Weights that Keras quantised to int8: codes divided by one scale for each output.

`kernel = round(kernel · scale)` with `scale = 127 / max |kernel|` over the inputs of an output, as
`keras.quantizers.abs_max_quantize` does; see `Dense._int8_call`, which divides by it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from triplepoint.checkpoints.hdf5 import values as hdf5_values
from triplepoint.checkpoints.hdf5.structure import Dataset
from triplepoint.checkpoints.mapped import Bytes
from triplepoint.checkpoints.stored import Array


def values(
    path: Path, codes: Dataset, scale: Dataset, layout: str, stored: Callable[[], Bytes]
) -> hdf5_values.ArrayValues | None:
    """float32 values; None where the codes or their scale are refused. `stored`: the bytes of the scale."""
    read, divide = hdf5_values.values(path, codes), hdf5_values.values(path, scale)
    if read is None or divide is None:
        return None
    sides = [side if word == "out" else 1 for side, word in zip(codes.shape, layout.split(","), strict=True)]

    def decoded(raw: Bytes, at: int | None) -> Array:
        divisor = divide(stored(), None).reshape(sides)
        if at is not None:
            divisor = divisor[at if len(divisor) > 1 else 0]
        with np.errstate(divide="ignore", invalid="ignore"):  # a scale of zero is found as not finite
            return np.asarray(read(raw, at).astype(np.float32) / divisor.astype(np.float32))

    return decoded
