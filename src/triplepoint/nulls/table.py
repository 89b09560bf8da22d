"""The simulated table: quantiles of n·D and of α for Gaussian matrices over (M, Q).

Made by `benchmarks/make_null_table.py`. Between grid points quantiles are interpolated linearly in (log M, log Q),
n·D itself and α as its logarithm; outside they continue from the last two sizes (n·D grows like log M) and stop at
the largest Q. Errors of the interpolation are measured by `benchmarks/check_null_table.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

PATH = Path(__file__).with_name("table.npz")
# Levels are probabilities P(value ≤ quantile). The upper tail of n·D is what p-values need.
STATISTIC_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.998)
ALPHA_LEVELS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    0.95,
    0.975,
    0.99,
    0.995,
)
MIN_SIDE = 2


@dataclass(frozen=True, slots=True, eq=False)
class NullTable:
    """Grid of quantiles."""

    log_sizes: Array
    """(sizes,) log M."""
    log_ratios: Array
    """(ratios,) log Q."""
    statistic: Array
    """(sizes, ratios, levels) n·D."""
    log_alpha: Array
    """(sizes, ratios, levels) log α; NaN below 8 eigenvalues."""


@lru_cache(maxsize=1)
def load() -> NullTable:
    """Read the packaged table once."""
    with np.load(PATH, allow_pickle=False) as stored:
        return NullTable(
            np.log(stored["sizes"]),
            np.log(stored["ratios"]),
            stored["statistic"].astype(np.float64),
            np.log(stored["alpha"].astype(np.float64)),
        )


@lru_cache(maxsize=4096)
def quantiles(quantity: Literal["statistic", "log_alpha"], shape: tuple[int, int]) -> Array:
    """Quantiles of one quantity for a shape (N, M), N ≥ M: bilinear, extrapolated in M, clamped in Q.

    Remembered: a model has many matrices of few shapes.
    """
    table = load()
    values: Array = getattr(table, quantity)
    place = np.log(shape[1]), np.log(shape[0] / shape[1])
    return bilinear(values, (table.log_sizes, table.log_ratios), place, extrapolate=(True, False))


def bilinear(
    values: Array,
    grids: tuple[Array, Array],
    place: tuple[float, float],
    extrapolate: tuple[bool, bool] = (False, False),
) -> Array:
    """`values` (rows, columns, …) over two ascending grids at one place; held constant outside, or continued."""
    i, s = _place(grids[0], place[0], extrapolate=extrapolate[0])
    j, t = _place(grids[1], place[1], extrapolate=extrapolate[1])
    low, high = ((1 - t) * row[j] + t * row[j + 1] for row in (values[i], values[i + 1]))
    return np.asarray((1 - s) * low + s * high)


def _place(grid: Array, value: float, *, extrapolate: bool) -> tuple[int, float]:
    """Left neighbour and the weight of the right one; weights outside [0, 1] extrapolate."""
    index = int(np.clip(np.searchsorted(grid, value, side="right") - 1, 0, grid.size - 2))
    weight = float((value - grid[index]) / (grid[index + 1] - grid[index]))
    return index, weight if extrapolate else min(max(weight, 0.0), 1.0)
