"""Slow, obvious versions, written from the definitions: the witnesses of the fast ones."""

from __future__ import annotations

import math

import numpy as np


def power_law(values: list[float]) -> tuple[float, float, float]:
    """(α, xmin, D) by trying every value below the largest as xmin, in plain Python."""
    data = sorted(values)
    best = (math.inf, 0.0, 0.0)
    for xmin in sorted(set(data))[:-1]:
        tail = [x for x in data if x >= xmin]
        n = len(tail)
        total = sum(math.log(x / xmin) for x in tail)
        alpha = 1 + n / total
        d = max(abs(1 - (x / xmin) ** (1 - alpha) - j / n) for j, x in enumerate(tail))
        if d < best[0]:
            best = (d, alpha, xmin)
    return best[1], best[2], best[0]


def marchenko_pastur_cdf(x: float, y: float, steps: int = 200_000) -> float:
    """Integral of the density by the midpoint rule; x in units of Nσ², y = M/N."""
    low, high = (1 - math.sqrt(y)) ** 2, (1 + math.sqrt(y)) ** 2
    # u = √x removes the singularity at the hard edge of square matrices.
    grid = np.linspace(math.sqrt(low), math.sqrt(min(max(x, low), high)), steps + 1)
    middle = (grid[1:] + grid[:-1]) / 2
    square = middle**2
    density = np.sqrt(np.maximum((high - square) * (square - low), 0)) / (2 * math.pi * y * square)
    return float(np.sum(density * 2 * middle) * (grid[1] - grid[0]))
