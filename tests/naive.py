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


def full_scan(ascending: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xmin, α and D of every value below the largest: the O(n²) search without pruning."""
    log = np.log(ascending)
    starts = [i for i in range(len(log)) if log[i] < log[-1] and (i == 0 or log[i] > log[i - 1])]
    alphas, distances = [], []
    for start in starts:
        tail = log[start:] - log[start]
        alphas.append(1 + tail.size / tail.sum())
        distances.append(
            np.max(np.abs(1 - np.exp((1 - alphas[-1]) * tail) - np.arange(tail.size) / tail.size))
        )
    return ascending[starts], np.array(alphas), np.array(distances)
