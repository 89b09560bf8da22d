"""What every law of a tail shares: the points relative to xmin, and the distance of the fitted law."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def log_ratios(tail: Array) -> Array:
    """ln(x/xmin) of an ascending tail; exact to rounding where all points are close together."""
    return np.asarray(np.log1p((tail - tail[0]) / tail[0]))


def left_distance(fitted: Array) -> float:
    """D = max |F(x_j) − j/n|, j = 0 … n−1, of a law's F at the points of a tail."""
    return float(np.max(np.abs(fitted - np.arange(fitted.size) / fitted.size)))
