"""Values from several stored tensors: one file a scheme, each a pure function of arrays and options.

The arrays are what a file holds: shapes and types that do not make up a weight are an UnreadableCheckpoint with one
clause, never another error. NaN and infinity in the scales come out as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from triplepoint.matrices.decoding import awq, bitsandbytes, fp4, gptq, low_rank, mlx, packed, scaled
from triplepoint.records import Decoding, LowRank

Array = np.ndarray[Any, Any]

_SCHEMES: dict[str, Callable[..., Array | LowRank]] = {
    "low_rank": low_rank.decode,
    "gptq": gptq.decode,
    "awq": awq.decode,
    "scaled": scaled.decode,
    "fp4": fp4.decode,
    "packed": packed.decode,
    "bitsandbytes": bitsandbytes.decode,
    "mlx": mlx.decode,
}


def decode(decoding: Decoding, arrays: Sequence[Array], shape: tuple[int, ...]) -> Array | LowRank:
    """The values of `shape` that the stored arrays stand for. KeyError for an unknown scheme."""
    return _SCHEMES[decoding.scheme](arrays, shape, **dict(decoding.options))
