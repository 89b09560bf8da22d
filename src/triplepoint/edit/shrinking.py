"""Optimal shrinkage: every singular value becomes what of it is signal, at the noise level of its slice.

The noise is that of `nulls.bulk_fit`, the shrinker η of Gavish and Donoho that of `nulls.shrinkage`, and as there only
singular values above the spike threshold count; all others become 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.edit.components import Filter, apply
from triplepoint.linalg import choose_backend, decompose, eigenpairs
from triplepoint.linalg.gram import gram_pass
from triplepoint.nulls.bulk_fit import fit_noises
from triplepoint.nulls.settings import LEVEL, NullSettings
from triplepoint.nulls.shrinkage import shrink
from triplepoint.records import Noise, Reason

Array = np.ndarray[Any, Any]


def shrink_optimally(values: Array, level: float = LEVEL, bulk: str = "quantiles") -> Array | Reason:
    """The signal part of (rows, columns) or (slices, rows, columns), slice by slice, float64; or why there is none.

    A constant slice has no noise and stays. A matrix without a spike becomes zero: it is noise.
    Cost: one decomposition, and the eigenvectors of the spikes.
    """
    stack = values if values.ndim == 3 else values[None]
    found = decompose(stack, "precise", choose_backend())
    noises = found if isinstance(found, Reason) else fit_noises(found, NullSettings(level=level, bulk=bulk))
    if isinstance(noises, Reason):
        return noises
    parts = [
        np.asarray(one, np.float64) if noise is None else apply(one, shrinking(one, noise))
        for one, noise in zip(stack, noises.slices, strict=True)
    ]
    return np.stack(parts).reshape(values.shape)


def shrinking(matrix: Array, noise: Noise) -> Filter:
    """The filter of (rows, columns) whose singular values become η of themselves."""
    if not noise.spikes:
        return Filter(np.empty((min(matrix.shape), 0)), np.empty(0), 0.0)
    passed = gram_pass(matrix, np.dtype(np.float64), choose_backend())
    squares, vectors = eigenpairs.leading_pairs(passed.gram, noise.spikes)
    singular = np.sqrt(np.maximum(squares, 0.0)) / passed.factor
    with np.errstate(invalid="ignore", divide="ignore"):
        gains = np.where(singular > 0, shrink(singular, noise.shape, noise.sigma) / singular, 0.0)
    return Filter(vectors, gains, 0.0)
