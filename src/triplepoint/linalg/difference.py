"""W − W⁰: its norms, and how far both point the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.linalg import choose_backend, decompose, memory
from triplepoint.linalg.cka import linear_cka
from triplepoint.linalg.panels import PANEL_BYTES, convert
from triplepoint.records import (
    InitialAlignment,
    InitialDistance,
    InitialWeights,
    LowRank,
    Reason,
    Values,
    WeightMatrix,
)

Array = np.ndarray[Any, Any]


def distance_from_init(matrix: WeightMatrix, initial: InitialWeights) -> InitialDistance | Reason:
    """Norms of W − W⁰ from all singular values of the difference, in float64.

    The difference of weights of 32 bits or fewer is formed in float32, where it is exact for entries that changed by
    less than a factor of two. Cost: one decomposition more; memory: the difference and a few panels of 8 MiB.
    """
    before = initial.load()
    if isinstance(before, Reason):
        return before
    change = difference(matrix.values, before)
    if isinstance(change, Reason):
        return change
    found = decompose(change, "precise", choose_backend())
    with np.errstate(over="ignore", invalid="ignore"):
        norm = _squared_norm(before)
    if found is Reason.all_zero:
        return InitialDistance(0.0, 0.0, norm)
    if isinstance(found, Reason):
        return found
    with np.errstate(over="ignore"):
        squares = np.square(found.singular_values)
        total = float(np.sum(squares))
    if not np.isfinite(norm + total):
        return Reason.extreme_scale
    return InitialDistance(total, float(np.max(squares)), norm)


def difference(after: Values, before: Values) -> Values | Reason:
    """`after` − `before`, which `matrices.Initial` has found to be of one shape; of two products a product again."""
    if isinstance(after, LowRank) and isinstance(before, LowRank):
        if _same(after, before):  # of which rounding alone would be left
            return replace(after, left=np.zeros_like(after.left))
        left = np.concatenate([after.factor * _wide(after.left), -before.factor * _wide(before.left)], axis=1)
        return LowRank(left, np.concatenate([_wide(after.right), _wide(before.right)], axis=0))
    if isinstance(after, LowRank) or isinstance(before, LowRank):
        return Reason.not_in_init
    narrow = np.float64 not in (after.dtype, before.dtype)
    change = _subtracted(after, before, np.dtype(np.float32 if narrow else np.float64))
    if narrow and isinstance(change, np.ndarray) and not all_finite(change) and all_finite(before):
        # Two finite entries of opposite sign may lie further apart than float32 reaches.
        return _subtracted(after, before, np.dtype(np.float64))
    return change


def all_finite(values: Values) -> bool:
    """Whether neither NaN nor infinity is among the entries, or among those of the factors."""
    if isinstance(values, LowRank):
        return bool(np.all(np.isfinite(values.left)) and np.all(np.isfinite(values.right)))
    return all(
        bool(np.all(np.isfinite(matrix[rows]))) for matrix in slices(values) for rows in blocks(matrix.shape)
    )


def slices(values: Values) -> list[Any]:
    """The matrices of a kernel, or the one there is."""
    return list(values) if isinstance(values, np.ndarray) else [values]


def blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Rows of (rows, columns) that fill a panel in float64: a fixed number of them may be all of a wide matrix."""
    depth = max(1, PANEL_BYTES // (8 * max(shape[1], 1)))
    for start in range(0, shape[0], depth):
        yield slice(start, start + depth)


def _subtracted(after: Any, before: Any, dtype: np.dtype[Any]) -> Array | Reason:
    pairs = list(zip(slices(after), slices(before), strict=True))
    needed = float(dtype.itemsize) * after.size
    if needed > memory.ALWAYS_FITS and needed > memory.available_bytes():
        return Reason.out_of_memory
    out = np.empty((len(pairs), *pairs[0][0].shape), dtype)
    for change, (one, other) in zip(out, pairs, strict=True):
        for rows in blocks(change.shape):
            convert(one[rows], change[rows])
            minus = np.empty_like(change[rows])
            convert(other[rows], minus)
            with np.errstate(over="ignore", invalid="ignore"):
                change[rows] -= minus
    return out


def alignment_with_init(matrix: WeightMatrix, initial: InitialWeights) -> InitialAlignment | Reason:
    """Linear CKA of W with W⁰, slice by slice."""
    before = initial.load()
    if isinstance(before, Reason):
        return before
    pairs = zip(slices(matrix.values), slices(before), strict=True)
    found = [linear_cka(one, other) for one, other in pairs]
    mean = float(np.mean(found))
    # W itself is finite: it has been decomposed.
    return InitialAlignment(mean) if np.isfinite(mean) or all_finite(before) else Reason.non_finite


def _same(one: LowRank, other: LowRank) -> bool:
    return (
        one.factor == other.factor
        and np.array_equal(one.left, other.left)
        and np.array_equal(one.right, other.right)
    )


def _wide(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)


def _squared_norm(values: Values) -> float:
    if isinstance(values, LowRank):
        left, right = _wide(values.left), _wide(values.right)
        return float(values.factor**2 * np.sum((left.T @ left) * (right @ right.T)))
    total = 0.0
    for matrix in slices(values):
        for rows in blocks(matrix.shape):
            block = np.asarray(matrix[rows], dtype=np.float64)
            total += float(np.sum(np.square(block)))
    return total
