"""Whether two matrices have the same leading directions: principal angles of their singular subspaces.

With U, Ũ the k leading left singular vectors of both, ‖UᵀŨ‖_F²/k is the mean squared cosine of the principal angles
(Björck and Golub 1973, Math. Comp. 27): 1 for one subspace, 0 for orthogonal ones, k/N on average where one is random.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import memory
from triplepoint.linalg.eigenpairs import leading_pairs
from triplepoint.linalg.gram import gram_pass
from triplepoint.linalg.numpy_backend import NumpyBackend
from triplepoint.linalg.panels import is_tall, panels
from triplepoint.records import LowRank, PackedRows

Array = np.ndarray[Any, Any]


def subspace_overlap(one: Any, other: Any, count: int) -> tuple[float, float] | None:
    """Mean squared cosines on the left (rows) and on the right (columns), of matrices (rows, columns) of one shape.

    None where either has fewer than `count` directions above rounding, or is a product of factors. Where eigenvalues
    number `count` and the next are equal the subspace is one of many. Cost: M²·N + 4/3·M³ + 4·M·N·count flops each.
    """
    found = [leading_vectors(matrix, count) for matrix in (one, other)]
    if found[0] is None or found[1] is None:
        return None
    left, right = (float(np.sum(np.square(a.T @ b))) / count for a, b in zip(*found, strict=True))
    return min(left, 1.0), min(right, 1.0)


def leading_vectors(matrix: Array | PackedRows | LowRank, count: int) -> tuple[Array, Array] | None:
    """U (rows, count), V (columns, count)."""
    if isinstance(matrix, LowRank) or count > min(matrix.shape):
        return None
    if not memory.fits(matrix.shape, exact=False, itemsize=8):
        raise MemoryError("the Gram matrix")
    passed = gram_pass(matrix, np.dtype(np.float64), NumpyBackend())
    if not 0 < passed.entries.max_abs < np.inf:
        return None
    values, short = leading_pairs(passed.gram, count)
    if values[-1] <= max(matrix.shape) * np.finfo(np.float64).eps * values[0]:
        return None
    tall = is_tall(matrix.shape)
    long = np.concatenate(
        [
            (panel if tall else panel.T) @ short
            for panel in panels(matrix, np.dtype(np.float64), passed.factor)
        ]
    )
    long /= np.sqrt(values)
    return (long, short) if tall else (short, long)
