"""Two factors of an adapter, left as they are: the product is never formed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.records import LowRank


def decode(
    arrays: Sequence[np.ndarray[Any, Any]],
    shape: tuple[int, ...],
    *,
    factor: float = 1.0,
    turned: bool = False,
) -> LowRank:
    """W of `shape` = factor · left @ right from left (rows, r) and right (r, columns), both transposed where `turned`.

    Trailing axes of a factor are kernel positions and merge with its second axis. A third array holds alpha as kohya
    stores it: the factor is then alpha / r, and 1 where alpha is 0.
    """
    left, right = (array.reshape(array.shape[0], -1) for array in arrays[:2])
    if turned:
        left, right = left.T, right.T
    if (left.shape[0], right.shape[1]) != shape or left.shape[1] != right.shape[0]:
        raise ValueError(f"factors of {left.shape} and {right.shape} make no {shape}")
    if len(arrays) > 2:
        alpha = float(arrays[2].reshape(-1)[0])
        factor = alpha / right.shape[0] if alpha else 1.0
    return LowRank(left, right, factor)
