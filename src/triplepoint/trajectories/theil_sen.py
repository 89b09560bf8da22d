"""The median of the slopes of all pairs (Theil 1950, Sen 1968): a third of the points may lie anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def theil_sen(times: Array, values: Array) -> float:
    """Slope of (n,) values over (n,) ascending times. Cost n²/2 pairs; the caller thins what is longer.

    >>> theil_sen(np.arange(5.0), np.array([0.0, 2.0, 4.0, 90.0, 8.0]))
    2.0
    """
    first, second = np.triu_indices(len(times), 1)
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))
