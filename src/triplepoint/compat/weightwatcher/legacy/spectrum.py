"""The eigenvalues of WeightWatcher 0.7.7 and what it says of them directly.

Kept errors: `rank_loss` and `matrix_rank` count with the rounding unit of float64 whatever the storage; `sv_min` is the
largest of the smallest singular values of the slices; with `inverse` the slices before the last are inverted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from triplepoint.compat.weightwatcher.legacy.matrices import Cut
from triplepoint.linalg import blas_threads

Array = np.ndarray[Any, np.dtype[np.float64]]

EPSILON = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Esd:
    """Eigenvalues λ = σ², ascending, with the counts made on the way."""

    eigenvalues: Array
    sv_max: float
    sv_min: float
    rank_loss: int


def esd(cut: Cut, *, inverse: bool = False) -> Esd:
    """All slices pooled. ValueError where an entry is not finite. Cost: a full SVD a matrix, in float64."""
    pooled = np.zeros(0)
    largest, smallest, lost = 0.0, 0.0, 0
    for matrix in cut.matrices:
        sigma = singular_values(matrix)[-cut.components :]
        pooled = np.concatenate([pooled, sigma * sigma])
        if inverse:
            with np.errstate(divide="ignore"):
                pooled = 1.0 / pooled
        largest, smallest = max(largest, float(sigma[-1])), max(smallest, float(sigma[0]))
        lost += sigma.size - rank(sigma, cut.N)
    return Esd(np.sort(pooled), largest, smallest, lost)


def singular_values(matrix: Array) -> Array:
    """Ascending, float64; of a stack of matrices all together."""
    with blas_threads(1):
        sigma = scipy.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    return np.sort(sigma, axis=None)


def rank(sigma: Array, side: int) -> int:
    """Singular values above σmax · N · 2⁻⁵²."""
    return int(np.count_nonzero(sigma > np.max(sigma) * side * np.finfo(sigma.dtype).eps))


def entropy(sigma: Array, side: int) -> float:
    """−Σ p ln p / ln(rank + 1e-10) with p = λ/Σλ + 1e-10."""
    values = sigma * sigma
    share = values / np.sum(values) + EPSILON
    with np.errstate(divide="ignore"):
        return float(-np.sum(share * np.log(share)) / np.log(rank(sigma, side) + EPSILON))


def norms(values: Array, alpha: float, side: int) -> dict[str, float | int]:
    """The columns that follow from eigenvalues and α."""
    total, top = float(np.sum(values)), float(np.max(values))
    sigma = np.sqrt(values)
    with np.errstate(all="ignore"):
        log_top = float(np.log10(top))
        return {
            "norm": total,
            "log_norm": float(np.log10(total)),
            "spectral_norm": top,
            "log_spectral_norm": log_top,
            "alpha_weighted": alpha * log_top,
            "log_alpha_norm": float(np.log10(np.sum(values**alpha))),
            "stable_rank": float(np.float64(total) / top),
            "matrix_rank": rank(sigma, side),
            "entropy": entropy(sigma, side),
        }
