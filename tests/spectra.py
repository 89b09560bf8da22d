"""From a matrix to the records that fits and nulls take."""

from __future__ import annotations

import numpy as np

from triplepoint.linalg import Decomposition, choose_backend, decompose
from triplepoint.records import MatrixPlan, Spectrum, WeightMatrix


def decomposed(matrix: np.ndarray, scale: float = 1.0) -> tuple[Decomposition, Spectrum]:
    """Of (rows, columns) or (slices, rows, columns)."""
    found = decompose(matrix if matrix.ndim == 3 else matrix[None], "precise", choose_backend())
    assert isinstance(found, Decomposition)
    pooled = np.sort(found.singular_values, axis=None)[::-1]
    return found, Spectrum(
        pooled,
        found.shape,
        slices=len(found.singular_values),
        scale=scale,
        epsilon=found.epsilon,
        resolved_from=float(scale * pooled[0] ** 2 * found.resolved_ratio),
    )


def weight(matrix: np.ndarray, name: str = "w") -> WeightMatrix:
    """The same as a weight matrix in memory."""
    stack = matrix if matrix.ndim == 3 else matrix[None]
    plan = MatrixPlan(
        id=name,
        name=name,
        sources=(name,),
        tensor_shape=matrix.shape,
        dtype="F64",
        shape=stack.shape[1:],
        slices=len(stack),
    )
    return WeightMatrix(plan, stack)
