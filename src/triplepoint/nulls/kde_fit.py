"""WeightWatcher 0.7.7's Marchenko–Pastur fit: the law's density against a kernel density of the eigenvalues.

Eigenvalues are rescaled to mean 1. Their density is estimated with a triangular kernel of half-width 0.1 on 1000 points
up to the largest + 0.5, points below 0.01 are dropped, and σ minimises the sum of squared differences to the law: on a
grid of 0.05 to 2 times the σ whose edge would be the largest eigenvalue, then by Nelder–Mead. Square matrices are
fitted in √λ by the quarter circle √(4σ² − x²)/(πσ²); WeightWatcher writes √(4 − x²) there, which is `legacy` here. For
square matrices `--bulk kde` therefore differs from WeightWatcher on purpose; and `bulk_fit` calls it slice by slice,
where WeightWatcher pools the slices of a convolution.

The density does not depend on σ, so it is made once, from prefix sums: 1–2 ms a layer instead of about a second.

A spike moves everything, because the largest eigenvalue sets grid and range. See `bulk_fit` for a fit it cannot bend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import fmin

Array = np.ndarray[Any, np.dtype[np.float64]]

WIDTH = 0.1
POINTS = 1000
BEYOND = 0.5
SPARSE = 0.01
PENALTY = 1000.0


def fit_sigma(ascending: Array, shape: tuple[int, int], *, legacy: bool = False) -> float | None:
    """σ of the entries of W, from λ of WᵀW ascending (n,), n = M or slices · M, W of `shape` (N, M).

    `legacy`: WeightWatcher's quarter circle for square matrices. None where the density has no fit. Cost 1–2 ms.
    """
    relative = relative_sigma(ascending, shape, legacy=legacy)
    return None if relative is None else relative * unit(ascending) / math.sqrt(shape[0])


def unit(ascending: Array) -> float:
    """√⟨λ⟩, the unit in which WeightWatcher states σ (1/W_scale)."""
    return math.sqrt(float(np.mean(ascending)))


def relative_sigma(ascending: Array, shape: tuple[int, int], *, legacy: bool = False) -> float | None:
    """σ of the law for λ/⟨λ⟩ (`sigma_mp`): the edges are (σ(1 ± 1/√Q))² in units of ⟨λ⟩.

    None where every eigenvalue lies between two points of the grid, so that no point has a density: with λmax = 2400⟨λ⟩
    the points are further apart than the kernel is wide.
    """
    ratio = shape[0] / shape[1]
    values = ascending / float(np.mean(ascending))
    reach = math.sqrt(float(values[-1])) / (1 + 1 / math.sqrt(ratio))
    fitted = np.sqrt(values) if shape[0] == shape[1] else values
    x = np.linspace(0, float(fitted[-1]) + BEYOND, POINTS)
    density = triangular_density(fitted, x)
    x, density = x[density > SPARSE], density[density > SPARSE]
    if x.size == 0:
        return None
    law = _circle(legacy) if shape[0] == shape[1] else _marchenko_pastur(ratio, x, density)

    def loss(sigma: Array) -> Array:
        return np.asarray(np.sum(np.square(law(x, sigma[:, None]) - density), axis=1))

    grid = np.arange(0.05 * reach, 2.0 * reach, 0.01 * reach)
    start = grid[np.argmin(loss(grid))]
    return float(fmin(lambda sigma: loss(sigma)[0], start, disp=False)[0])


def triangular_density(ascending: Array, x: Array, width: float = WIDTH) -> Array:
    """Kernel density estimate Σ max(0, 1 − |x − λ|/h)/(n·h) at every x; O((n + points)·log n)."""
    sums = np.append(0.0, np.cumsum(ascending))
    left, middle, right = (np.searchsorted(ascending, edge) for edge in (x - width, x, x + width))
    below, above = middle - left, right - middle
    distance = below * x - (sums[middle] - sums[left]) + (sums[right] - sums[middle]) - above * x
    return np.asarray(np.maximum(below + above - distance / width, 0.0) / (ascending.size * width))


Law = Callable[[Array, Array], Array]


def _circle(legacy: bool) -> Law:
    def density(x: Array, sigma: Array) -> Array:
        radius = 2.0 if legacy else 2.0 * sigma
        return np.asarray(np.sqrt(np.maximum(radius**2 - x**2, 0.0)) / (np.pi * sigma**2))

    return density


def _marchenko_pastur(ratio: float, x: Array, density: Array) -> Law:
    """The law's density; beside the data where its edges do not fit them, which costs the penalty."""
    peak, last, root = x[np.argmax(density)], x[-1], 1 / math.sqrt(ratio)
    # x = 0 has no density unless the matrix is square.
    factor = ratio / (2 * np.pi * np.where(x > 0, x, np.inf))

    def law(x: Array, sigma: Array) -> Array:
        low, high = np.square(sigma * (1 - root)), np.square(sigma * (1 + root))
        inside = factor / np.square(sigma) * np.sqrt(np.maximum((high - x) * (x - low), 0.0))
        misplaced = (high < peak) | (high > last) | (low > peak)
        return np.where(misplaced, density + PENALTY, inside)

    return law
