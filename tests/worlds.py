"""Matrices and samples whose answer is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"


def gaussian(shape: tuple[int, ...], seed: int = 0, sigma: float = 1.0) -> np.ndarray:
    """Independent normal entries: a matrix without learning."""
    return sigma * np.random.default_rng(seed).standard_normal(shape)


def orthogonal(n: int, seed: int = 0) -> np.ndarray:
    """A Haar-distributed orthogonal matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    return q * np.sign(np.diag(r))


def with_singular_values(values: np.ndarray, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A matrix of `shape` with exactly these singular values and random directions."""
    rows, columns = shape
    return (
        orthogonal(rows, seed)[:, : len(values)] * values @ orthogonal(columns, seed + 1)[:, : len(values)].T
    )


def pareto(alpha: float, n: int, seed: int = 0) -> np.ndarray:
    """n independent points with density ∝ x^(−α) from 1 on, ascending."""
    return np.sort(1 + np.random.default_rng(seed).pareto(alpha - 1, n))


def heavy_tailed(shape: tuple[int, int], alpha: float = 3.0, seed: int = 0) -> np.ndarray:
    """A matrix whose eigenvalues are a Pareto sample of exponent `alpha`."""
    return with_singular_values(np.sqrt(pareto(alpha, min(shape), seed))[::-1], shape, seed)


def reference(name: str) -> list[dict[str, str]]:
    """Rows of a WeightWatcher table under tests/data."""
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))
