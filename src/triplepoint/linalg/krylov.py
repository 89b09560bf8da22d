"""The eigenvalues of a Gram matrix above a bound: few, found in a block Krylov space and counted by a certificate.

Ritz values never exceed the eigenvalues of the same rank (Cauchy), so those above the bound are a lower bound of the
count k, if the basis is orthonormal; see `_next`. That there are no more is shown by one Cholesky factorisation: if
c·I − G + V·2Θ·Vᵀ is positive definite, with the k Ritz pairs (Θ, V), then G exceeds a matrix below c by one of rank k,
and at most k eigenvalues lie above c (Weyl). Both hold for unconverged pairs too. n³/3 flops instead of the 4/3·n³ of
a tridiagonalisation, and all matrix–matrix work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import lapack
from triplepoint.linalg.backend import Backend

Array = np.ndarray[Any, Any]

BLOCK = 8
# Below this side all eigenpairs at once are as cheap.
DIRECT = 192
# Steps of a first and a second search.
STEPS = (16, 48)
CHECK_EVERY = 4
# With more above the bound than this they are counted from the whole spectrum.
MOST = 32
# Residual over Ritz value; eigenvalues are then good to its square over the gap.
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """What lies above the bound."""

    count: int
    """All of them."""
    values: Array
    """(k,) descending, float64; at least the `wanted` largest."""
    vectors: Array
    """(n, k)"""


def eigenvalues_above(
    gram: Array, bound: float, generator: np.random.Generator, backend: Backend, wanted: int = 16
) -> Above:
    """Eigenvalues of the symmetric, positive semidefinite `gram` (n, n) above `bound`, with the vectors of the largest.

    The count is that of the whole spectrum, up to rounding. Cost: (n³/3 + 2n²·8·steps) flops and 2n² numbers of memory;
    with more than 32 above the bound all eigenvalues are computed. Source: Golub and Underwood 1977; Musco and Musco
    2015, arXiv 1504.05477.
    """
    n = gram.shape[0]
    values, vectors = np.empty(0), np.empty((n, 0), gram.dtype)
    if _none_beyond(gram, bound, values, vectors):
        return Above(0, values, vectors)
    if n < DIRECT:
        return _all_pairs(gram, bound)
    for steps in STEPS:
        values, vectors = _ritz(gram, bound, generator, min(steps, n // (2 * BLOCK)))
        if values.size <= MOST and _none_beyond(gram, bound, values, vectors):
            return Above(values.size, values, vectors)
        if values.size > MOST:
            break
    ascending, _ = backend.eigenvalues(gram.copy())
    count = int(np.count_nonzero(ascending > bound))
    listed = min(count, wanted)
    largest = ascending[::-1][:listed]
    if values.size < listed or np.any(np.abs(values[:listed] - largest) > TOLERANCE * largest):
        # Eigenvalues so close above the bound, or so alike, that the Krylov space does not reach them.
        found = _all_pairs(gram, bound)
        values, vectors = found.values, found.vectors
    return Above(count, values[:count], vectors[:, :count])


def _all_pairs(gram: Array, bound: float) -> Above:
    values, vectors = np.linalg.eigh(gram)
    first = int(np.searchsorted(values, bound, side="right"))
    return Above(
        gram.shape[0] - first,
        values[first:][::-1].astype(np.float64),
        np.ascontiguousarray(vectors[:, first:][:, ::-1]),
    )


def _none_beyond(gram: Array, bound: float, values: Array, vectors: Array) -> bool:
    """Whether no eigenvalue above `bound` is left beside those found."""
    scaled = vectors * np.sqrt(2 * values).astype(gram.dtype)
    # One n x n array beside `gram`.
    rest = scaled @ scaled.T if values.size else np.zeros_like(gram)
    rest -= gram
    rest[np.diag_indices_from(rest)] += gram.dtype.type(bound)
    return _is_positive_definite(rest)


def _is_positive_definite(matrix: Array) -> bool:
    """May destroy `matrix`."""
    try:
        return lapack.is_positive_definite(matrix)
    except (ImportError, LookupError, AttributeError, OSError):
        pass
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _ritz(gram: Array, bound: float, generator: np.random.Generator, steps: int) -> tuple[Array, Array]:
    """Ritz pairs above `bound`, descending; at most MOST + 1 of them."""
    n = gram.shape[0]
    basis, image = (np.empty((n, steps * BLOCK), gram.dtype) for _ in range(2))
    block = np.linalg.qr(generator.standard_normal((n, BLOCK)).astype(gram.dtype))[0]
    before = -1
    for step in range(1, steps + 1):
        size = step * BLOCK
        basis[:, size - BLOCK : size] = block
        image[:, size - BLOCK : size] = gram @ block
        if step == steps or step % CHECK_EVERY == 0:
            values, vectors, settled = _rayleigh(basis[:, :size], image[:, :size], bound)
            # Something is above the bound, or the certificate would have held: without it the search goes on.
            if step == steps or (0 < values.size == before and settled):
                break
            before = values.size
        block = _next(image[:, size - BLOCK : size], basis[:, :size], generator)
    return values, vectors


def _next(image: Array, basis: Array, generator: np.random.Generator) -> Array:
    """An orthonormal block that is orthogonal to `basis` too, of what `image` adds to it.

    What is left of a direction is rounding where the space is invariant, after three blocks if G has three different
    eigenvalues: made a unit vector it leans on the basis, and diag(5, 4, 1 …) had Ritz values of 17. Such directions
    are drawn anew, so that the search goes on outside the space, and all are made orthogonal once they have length 1.
    """
    across, triangle = np.linalg.qr(image - basis @ (basis.T @ image))
    turned, left, _ = np.linalg.svd(triangle)
    block = across @ turned
    lost = left <= len(image) * np.finfo(image.dtype).eps * np.linalg.norm(image)
    if np.any(lost):
        drawn = generator.standard_normal((len(image), int(np.count_nonzero(lost))))
        block[:, lost] = drawn / np.linalg.norm(drawn, axis=0)
    return np.asarray(np.linalg.qr(block - basis @ (basis.T @ block))[0])


def _rayleigh(basis: Array, image: Array, bound: float) -> tuple[Array, Array, bool]:
    """Ritz pairs above the bound, and whether all have small residuals."""
    small = basis.T @ image
    ritz, rotation = np.linalg.eigh((small + small.T) / 2)
    count = min(int(np.count_nonzero(ritz > bound)), MOST + 1)
    chosen = rotation[:, ::-1][:, :count]
    values = ritz[::-1][:count].astype(np.float64)
    vectors = basis @ chosen
    residual = image @ chosen - vectors * values.astype(basis.dtype)
    return values, vectors, bool(np.all(np.linalg.norm(residual, axis=0) < TOLERANCE * values))
