"""Values from several stored tensors: one file a scheme, each a pure function of arrays and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from triplepoint.matrices.decoding import low_rank
from triplepoint.records import Decoding, LowRank

Array = np.ndarray[Any, Any]

_SCHEMES: dict[str, Callable[..., Array | LowRank]] = {"low_rank": low_rank.decode}


def decode(decoding: Decoding, arrays: Sequence[Array], shape: tuple[int, ...]) -> Array | LowRank:
    """The values of `shape` that the stored arrays stand for. KeyError for an unknown scheme."""
    return _SCHEMES[decoding.scheme](arrays, shape, **dict(decoding.options))
