"""Arrays as they travel to the browser: base64 of little-endian numbers, each a typed array there in one go."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

Type = Literal["f4", "f8", "i4", "u1", "u2", "u4"]
Column = dict[str, str]
_FLOAT32 = (1e-37, 1e38)
"""Sizes between which single precision keeps its seven digits."""


def column(values: Sequence[float | None] | np.ndarray[Any, Any], type: Type) -> Column:
    """`{"t": type, "d": base64}`; a missing number is NaN, and so is an infinite one.

    What single precision cannot hold (1e-40, 1e40) is written as `f8`; a count beyond its type is held at the end of
    its range.

    >>> column([1.0, None], "f4")
    {'t': 'f4', 'd': 'AACAPwAAwH8='}
    """
    if type in ("f4", "f8"):
        numbers = np.array(values, dtype=np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
        if sizes.size and not (_FLOAT32[0] < sizes.min() and sizes.max() < _FLOAT32[1]):
            type = "f8"
    else:
        numbers = np.clip(np.array(values, dtype=np.int64), np.iinfo(type).min, np.iinfo(type).max)
    data = numbers.astype(f"<{type}").tobytes()
    return {"t": type, "d": base64.b64encode(data).decode("ascii")}


def values(column: Column) -> np.ndarray[Any, Any]:
    """The array that `column` wrote."""
    return np.frombuffer(base64.b64decode(column["d"]), dtype=f"<{column['t']}")
