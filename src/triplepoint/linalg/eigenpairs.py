"""Eigenvalues with vectors of one end of a Gram matrix: what an edit of a spectrum turns on.

A few leading pairs come from the tridiagonal form by relatively robust representations, many from divide and conquer,
which finds all of them. One thread, n = 1536, seconds for 4, 192 and 768 pairs: .17, .28, .56 so, and .62 for all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import lapack

Array = np.ndarray[Any, Any]

# Below this side all pairs at once are as cheap (n = 64: 0.3 ms), and their vectors are orthogonal to 1e-15.
DIRECT = 96
# Of more than this share of the pairs the vectors lean on each other by 1e-12 and take as long as all.
FEW = 0.25


def leading_pairs(gram: Array, count: int) -> tuple[Array, Array]:
    """The `count` largest eigenvalues, descending, and unit vectors (n, count) of the upper triangle of `gram`.

    May destroy `gram` (n, n), float64. Of equal eigenvalues at the end any vectors of their space, always the same.
    Raises LinAlgError where the iteration fails. Cost: 4/3·n³ + 2·n²·count flops, or about 9·n³ for all.
    """
    values, vectors = _few(gram, count) or _all(gram)
    first = values.size - count
    return values[first:][::-1], vectors[:, first:][:, ::-1]


def trailing_vectors(gram: Array, count: int) -> Array:
    """Unit vectors (n, count) of the `count` smallest eigenvalues; as `leading_pairs`."""
    # Of −G they lead.
    values, vectors = _few(np.negative(gram, out=gram), count) or _all(gram)
    return vectors[:, values.size - count :]


def _few(gram: Array, count: int) -> tuple[Array, Array] | None:
    """By LAPACK's pointers where there are any and they are faster."""
    n = gram.shape[0]
    if n < DIRECT or not 0 < count <= FEW * n:
        return None
    try:
        lapack.probe()
        # LAPACK is told an address alone: it takes what lies there for float64 in C order.
        return lapack.leading_pairs(np.array(gram, np.float64, order="C"), count)
    except (ImportError, LookupError, AttributeError, OSError, lapack.LapackError):
        return None


def _all(gram: Array) -> tuple[Array, Array]:
    # NumPy reads the lower triangle by default; `linalg.gram` writes the upper one.
    return tuple(np.linalg.eigh(gram, UPLO="U"))  # type: ignore[return-value]
