"""Simulated corrections and nulls of the robust bulk fit and of Hill's estimators.

Made by `benchmarks/make_bulk_table.py` from Gaussian spectra over (M, Q), interpolated linearly in (log M, log Q). What
it holds and how it continues beyond the grid:

- bias: mean of the uncorrected σ̂/σ (1 beyond the largest M to 1e-4);
- statistic: quantiles of n·D of a fitted Gaussian matrix (grows like log M);
- shift: how far the quantiles of λmax/σ̂² lie from those of λmax/σ², in Tracy–Widom units, in excess of the closed
  form of `tracy_widom`; for σ̂ from the entries and for the fitted one (constant);
- hill: mean of ln(α − 1) less its limit for large matrices, and its standard deviation, both times the number of points
  in the tail, which leaves slow functions: 1.07 to 1.22 for the deviation of the top decile at M = 8 to 256;
- tiles: the same for the pooled spectra of square tiles, over side and number.

Limits are closed forms of `tracy_widom` and `hill_limit`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.fits.hill import top_decile, upper_half
from triplepoint.nulls.hill_limit import log_excess
from triplepoint.nulls.table import bilinear

Array = np.ndarray[Any, np.dtype[np.float64]]

PATH = Path(__file__).with_name("bulk_table.npz")
# False-alarm rates of the largest eigenvalue at which the shift is tabulated.
SHIFT_LEVELS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
DECADE = SHIFT_LEVELS.index(0.01)


@dataclass(frozen=True, slots=True, eq=False)
class BulkTable:
    """Grids; the first two axes of every array but `tiles` are (sizes, ratios)."""

    log_sizes: Array
    log_ratios: Array
    bias: Array
    """(sizes, ratios)."""
    statistic: Array
    """(sizes, ratios, levels of `table.STATISTIC_LEVELS`)."""
    shift: Array
    """(sizes, ratios, 2, levels): σ̂ from the entries, fitted σ̂."""
    hill: Array
    """(sizes, ratios, 2, 2): top decile and upper half; k·(mean less its limit), log of k·deviation."""
    log_sides: Array
    log_counts: Array
    tiles: Array
    """(sides, counts, 2): the same."""


@lru_cache(maxsize=1)
def load() -> BulkTable:
    """Read the packaged table once."""
    with np.load(PATH, allow_pickle=False) as stored:
        grids = {name: np.log(stored[name]) for name in ("sizes", "ratios", "sides", "counts")}
        values = {
            name: stored[name].astype(np.float64) for name in ("bias", "statistic", "shift", "hill", "tiles")
        }
    return BulkTable(**{f"log_{name}": grid for name, grid in grids.items()}, **values)


@lru_cache(maxsize=4096)
def bias(shape: tuple[int, int]) -> float:
    """E[σ̂]/σ of the uncorrected fit."""
    table = load()
    return float(bilinear(table.bias, (table.log_sizes, table.log_ratios), _place(shape)))


@lru_cache(maxsize=4096)
def statistic(shape: tuple[int, int]) -> Array:
    """Quantiles of n·D of a fitted Gaussian matrix, at the levels of `table.STATISTIC_LEVELS`."""
    table = load()
    grids = table.log_sizes, table.log_ratios
    return bilinear(table.statistic, grids, _place(shape), extrapolate=(True, False))


def shift(shape: tuple[int, int], level: float, *, fitted: bool) -> float:
    """Excess of the quantile 1 − `level` of λmax/σ̂² over the closed form, Tracy–Widom units; linear in ln level.

    Below the smallest level it continues as over the last decade.
    """
    table = load()
    values = bilinear(table.shift[:, :, int(fitted)], (table.log_sizes, table.log_ratios), _place(shape))
    grid, place = -np.log(SHIFT_LEVELS), -math.log(level)
    beyond = max(place - grid[-1], 0.0) * (values[-1] - values[DECADE]) / (grid[-1] - grid[DECADE])
    return float(np.interp(place, grid, values) + beyond)


@lru_cache(maxsize=4096)
def hill(shape: tuple[int, int], *, median: bool) -> tuple[float, float]:
    """Mean and standard deviation of ln(α − 1) of a Gaussian matrix: upper half (`median`) or top decile."""
    table = load()
    values = table.hill[:, :, int(median)]
    points = (upper_half if median else top_decile)(shape[1])
    limit = log_excess(shape, points / shape[1])
    return _normal(values, (table.log_sizes, table.log_ratios), _place(shape), limit, points)


@lru_cache(maxsize=4096)
def tiles(side: int, count: int) -> tuple[float, float]:
    """Mean and standard deviation of ln(α − 1), α of the upper half of `count` pooled square spectra of `side`."""
    table = load()
    place = math.log(side), math.log(count)
    points = upper_half(side * count)
    limit = log_excess((side, side), points / (side * count))
    return _normal(table.tiles, (table.log_sides, table.log_counts), place, limit, points)


def _normal(
    values: Array, grids: tuple[Array, Array], place: tuple[float, float], limit: float, points: int
) -> tuple[float, float]:
    excess = bilinear(values[..., 0], grids, place)
    log_deviation = bilinear(values[..., 1], grids, place, extrapolate=(True, False))
    return limit + float(excess) / points, math.exp(float(log_deviation)) / points


def _place(shape: tuple[int, int]) -> tuple[float, float]:
    return math.log(shape[1]), math.log(shape[0] / shape[1])
