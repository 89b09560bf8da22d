"""The eigenvalue law of a matrix with independent entries (Marchenko and Pastur 1967), in closed form.

For W of shape (N, M), N ≥ M, with independent entries of variance σ², the eigenvalues of WᵀW/(Nσ²) follow, for
large sizes, the density √((b−x)(x−a))/(2πyx) on [a, b] with y = M/N ≤ 1, a = (1−√y)², b = (1+√y)².
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def edges(shape: tuple[int, int], sigma: float = 1.0) -> tuple[float, float]:
    """(λ−, λ+) = σ²(√N ∓ √M)² in the units of WᵀW, without 1/N.

    >>> edges((400, 100), sigma=0.5)
    (25.0, 225.0)
    """
    n, m = shape
    root = math.sqrt(n), math.sqrt(m)
    return sigma**2 * (root[0] - root[1]) ** 2, sigma**2 * (root[0] + root[1]) ** 2


def cdf(eigenvalues: Array, shape: tuple[int, int], sigma: float) -> Array:
    """Share of eigenvalues of WᵀW below each value; analytic, and exact at Q = N/M = 1. O(n).

    F(x) = ½ + [√((b−x)(x−a)) + (1+y)·asin((x−1−y)/(2√y)) − (1−y)·asin(((1+y)x − (1−y)²)/(2√y·x))]/(2πy),
    with x = λ/(Nσ²); the last term vanishes at y = 1.
    """
    n, m = shape
    y = m / n
    root = math.sqrt(y)
    low, high = (1 - root) ** 2, (1 + root) ** 2
    x = np.clip(np.asarray(eigenvalues, dtype=np.float64) / (n * sigma**2), low, high)
    total = np.sqrt((high - x) * (x - low)) + (1 + y) * np.arcsin(np.clip((x - 1 - y) / (2 * root), -1, 1))
    if m < n:
        inner = ((1 + y) * x - (1 - y) ** 2) / (2 * root * x)
        total -= (1 - y) * np.arcsin(np.clip(inner, -1, 1))
    return np.asarray(np.clip(0.5 + total / (2 * math.pi * y), 0.0, 1.0))


def ks_distance(ascending: Array, shape: tuple[int, int], sigma: float) -> float:
    """D = sup |F_n − F| between the spectrum and the law: both sides of every step of F_n."""
    n = ascending.size
    fitted = cdf(ascending, shape, sigma)
    steps = np.arange(n + 1) / n
    return float(max(np.max(np.abs(fitted - steps[:-1])), np.max(np.abs(fitted - steps[1:]))))
