"""The largest eigenvalues of WᵀW from where they were a while ago, and how far a matrix has moved since.

Between two looks at a matrix in training its leading vectors hardly turn, so a small Krylov space from the old ones
holds the new values; a few fresh random directions let a value in that was not among them. Ritz values come from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg.difference import blocks, difference, slices
from triplepoint.linalg.panels import convert
from triplepoint.records import LowRank, Reason, Values

Array = np.ndarray[Any, Any]

BLOCK = 16
FRESH = 4
"""Random directions beside the old ones, drawn anew at every visit."""
TOLERANCE = 2e-2
"""Residual over λ₁: an eigenvalue lies that close to the largest Ritz value. Of separated values the error is about its
square; at the edge of noise, where eigenvalues crowd, λ₁ came out up to .16 % too small (drift of 10 %, N = 3072)."""
WARM, COLD = 2, 5
"""Blocks of the Krylov space from old vectors, and from none or where those were not enough."""
ROUNDS = 3
SAFE = (1e-22, 1e22)
"""‖W‖_F² between these leaves the products of float32, which are of its square, within its range."""
DIRECT = 128
"""Up to this side all eigenpairs at once are as cheap (2 ms)."""


@dataclass(frozen=True, slots=True, eq=False)
class Leading:
    """The largest eigenvalues of WᵀW (or WWᵀ) with their vectors, without the λ scale of a row."""

    values: Array
    """(k,) float64, descending; Ritz values, none above the eigenvalue of its rank."""
    vectors: Array
    """(M, k), M the smaller side, orthonormal."""
    residual: float
    """‖WᵀWv − λ₁v‖/λ₁ of the largest: an eigenvalue lies within this share of λ₁."""
    total: float
    """‖W‖_F², float64."""
    rounds: int
    """Krylov spaces that were built; 0 where all eigenpairs were computed."""


def leading(
    matrix: Array, generator: np.random.Generator, start: Array | None = None, count: int = BLOCK
) -> Leading | Reason:
    """The `count` largest eigenvalues of one matrix (rows, columns), from the vectors of an earlier visit if there are.

    Rayleigh–Ritz on a block Krylov space of two blocks (five from nothing), again where the largest is not resolved; in
    float32 for weights of 32 bits or fewer that it can square. Cost: 4·N·M·(count + 4) flops a block. `Reason`:
    non_finite, all_zero, not_converged. Source: Golub and Underwood 1977; Musco and Musco 2015, arXiv 1504.05477.
    """
    dtype = np.dtype(np.float64 if matrix.dtype == np.float64 else np.float32)
    wide = matrix if matrix.dtype == dtype else _converted(matrix, dtype)
    total = _squared(wide)
    if not SAFE[0] < total < SAFE[1] and dtype == np.float32:
        dtype = np.dtype(np.float64)
        wide = _converted(matrix, dtype)
        total = _squared(wide)
    if not np.isfinite(total):
        return Reason.non_finite
    if total == 0:
        return Reason.all_zero
    tall = wide if wide.shape[0] >= wide.shape[1] else wide.T
    side = tall.shape[1]
    kept = min(count, side)
    if side <= DIRECT:
        whole = tall.astype(np.float64)
        squares, directions = np.linalg.eigh(whole.T @ whole)
        return Leading(squares[::-1][:kept], directions[:, ::-1][:, :kept].astype(dtype), 0.0, total, 0)
    for round in range(ROUNDS):
        block = _first(start, side, min(kept + FRESH, side), generator, dtype)
        depth = WARM if round == 0 and start is not None else COLD
        values, vectors, images = _ritz(tall, block, depth, kept)
        start = vectors
        top = float(values[0])
        residual = float(np.linalg.norm(tall.T @ images[:, 0] - dtype.type(top) * vectors[:, 0])) / top
        if residual <= TOLERANCE:
            return Leading(values, vectors, residual, total, round + 1)
    return Reason.not_converged


def _ritz(tall: Array, block: Array, depth: int, kept: int) -> tuple[Array, Array, Array]:
    """The `kept` largest Ritz values, descending, their vectors (M, kept) and W times these (N, kept)."""
    basis, image = block, tall @ block
    latest = image
    for _ in range(depth - 1):
        fresh = tall.T @ latest
        for _ in range(2):  # once leaves what rounding of the first projection put back
            fresh = np.linalg.qr(fresh - basis @ (basis.T @ fresh))[0]
        latest = tall @ fresh
        basis, image = np.concatenate([basis, fresh], axis=1), np.concatenate([image, latest], axis=1)
    values, turn = np.linalg.eigh((image.T @ image).astype(np.float64))
    turn = turn[:, ::-1][:, :kept].astype(block.dtype)
    return np.maximum(values[::-1][:kept], 0.0), basis @ turn, image @ turn


def moved(after: Values, before: Values) -> float | Reason:
    """‖W − W₀‖_F in float64 accumulation: no singular value has moved by more (Weyl). Two passes over the entries."""
    change = difference(after, before)
    if isinstance(change, Reason):
        return change
    if isinstance(change, LowRank):
        # Its factor is 1, or it is zero. QR keeps the small differences that the Gram matrices of both would lose.
        left = np.asarray(np.linalg.qr(change.left, mode="r"))
        right = np.asarray(np.linalg.qr(change.right.T, mode="r"))
        return float(np.linalg.norm(left @ right.T))
    parts = [matrix[rows] for matrix in slices(change) for rows in blocks(matrix.shape)]
    total = sum(map(_squared, parts))
    if not SAFE[0] < total < SAFE[1]:  # squares beyond float32 are 0 or infinite
        total = sum(_squared(part.astype(np.float64)) for part in parts)
    return float(np.sqrt(total)) if np.isfinite(total) else Reason.non_finite


def _squared(matrix: Array) -> float:
    # A dot product in float32 of 4096 x 4096 entries loses three digits; row by row it loses none that matter.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return float(np.sum(np.einsum("ij,ij->i", matrix, matrix), dtype=np.float64))


def _converted(matrix: Array, dtype: np.dtype[Any]) -> Array:
    out = np.empty(matrix.shape, dtype)
    convert(matrix, out)
    return out


def _first(
    start: Array | None, side: int, width: int, generator: np.random.Generator, dtype: np.dtype[Any]
) -> Array:
    drawn = generator.standard_normal((side, width if start is None else max(width - start.shape[1], 0)))
    block = drawn if start is None else np.concatenate([start, drawn], axis=1)
    return np.asarray(np.linalg.qr(block.astype(dtype))[0])
