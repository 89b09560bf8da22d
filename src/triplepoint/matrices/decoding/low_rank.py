"""Two factors of an adapter, left as they are: the product is never formed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.records import LowRank


def decode(arrays: Sequence[np.ndarray[Any, Any]], shape: tuple[int, ...], *, factor: float = 1.0) -> LowRank:
    """W = factor · left @ right from left (rows, r) and right (r, columns)."""
    left, right = arrays
    return LowRank(left, right, factor)
