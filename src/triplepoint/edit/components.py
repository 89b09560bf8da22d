"""Keeping or dropping leading singular components, without an SVD.

    W = Σ s u vᵀ  ⇒  Σ g(s) u vᵀ = r·W + W V diag(g − r) Vᵀ

with the eigenvectors V of the Gram matrix on the smaller side for which g differs from r. So k components of n need
min(k, n − k) vectors: the leading ones, or the others, whose part is taken out. By Eckart and Young (1936) the k
leading components are the nearest matrix of rank k, at the distance √(Σ s² of the rest).

Singular values below 1e-8 of the largest lie in the rounding of the Gram matrix: which of them are kept is chance, and
they are that small. Of equal singular values of several slices those of the earlier slice are kept; within one matrix
any vectors of their space are as near to W, and LAPACK's are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import choose_backend, decompose, eigenpairs
from triplepoint.linalg.gram import gram_pass
from triplepoint.linalg.panels import is_tall, panels
from triplepoint.records import Reason

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """What is done to the singular values of one matrix."""

    vectors: Array
    """(n, j) unit singular vectors along the smaller side."""
    gains: Array
    """(j,) what multiplies their singular values."""
    rest: float
    """What multiplies all other singular values: 0 or 1."""


def keep_leading(values: Array, count: int) -> Array:
    """The `count` leading components of (rows, columns), or of (slices, rows, columns) the `count` of all slices
    together; float64, of the same shape.

    Raises ValueError for a negative count or entries that are not finite. Cost: two Gram matrices of slices, one of a
    single matrix, and min(count, n − count) eigenvectors, n the smaller side. Memory: the result, n² and a panel.

    >>> keep_leading(np.diag([3.0, 2.0, 1.0]), 2).round(6) + 0.0
    array([[3., 0., 0.],
           [0., 2., 0.],
           [0., 0., 0.]])
    """
    stack = _stack(values)
    return _changed(stack, leading_counts(stack, count), drop=False).reshape(values.shape)


def drop_leading(values: Array, count: int) -> Array:
    """What is left without them: W − keep_leading(W, count)."""
    stack = _stack(values)
    return _changed(stack, leading_counts(stack, count), drop=True).reshape(values.shape)


def leading_counts(stack: Array, count: int) -> list[int]:
    """How many of the `count` largest singular values of (slices, rows, columns) each slice has."""
    slices, side = len(stack), min(stack.shape[1:])
    if count < 0:
        raise ValueError(f"{count} components")
    if slices == 1 or count >= slices * side:
        return [min(count, side)] * slices
    found = decompose(stack, "precise", choose_backend())
    if found is Reason.all_zero:
        return [0] * slices
    if isinstance(found, Reason):
        raise ValueError(found.sentence)
    order = np.argsort(-found.singular_values, axis=None, kind="stable")
    return [int(number) for number in np.bincount(order[:count] // side, minlength=slices)]


def keeping(matrix: Array, count: int) -> Filter:
    """The filter of (rows, columns) that lets `count` leading components pass."""
    return _leading(matrix, count, inside=1.0)


def dropping(matrix: Array, count: int) -> Filter:
    """The filter that takes them out."""
    return _leading(matrix, count, inside=0.0)


def _leading(matrix: Array, count: int, inside: float) -> Filter:
    side = min(matrix.shape)
    few = min(count, side - count)
    if few <= 0:
        return Filter(np.empty((side, 0)), np.empty(0), inside if count else 1 - inside)
    passed = gram_pass(matrix, np.dtype(np.float64), choose_backend())
    if not np.isfinite(passed.entries.max_abs):
        raise ValueError(Reason.non_finite.sentence)
    if count == few:
        _, vectors = eigenpairs.leading_pairs(passed.gram, count)
        return Filter(vectors, np.full(few, inside), 1 - inside)
    return Filter(eigenpairs.trailing_vectors(passed.gram, few), np.full(few, 1 - inside), inside)


def filtered(matrix: Array, change: Filter) -> Iterator[tuple[tuple[slice, slice], Array, Array]]:
    """(where, what was there, what comes there) of (rows, columns), in panels of float64 along the longer side.

    The buffer of what was there is used again for the next panel. Cost: 4·rows·columns·j flops for j vectors.
    """
    tall, start = is_tall(matrix.shape), 0
    gains = change.gains - change.rest
    for panel in panels(matrix, np.dtype(np.float64)):
        stop = start + panel.shape[0 if tall else 1]
        where = (slice(start, stop), slice(None)) if tall else (slice(None), slice(start, stop))
        if tall:
            part = ((panel @ change.vectors) * gains) @ change.vectors.T
        else:
            part = change.vectors @ (gains[:, None] * (change.vectors.T @ panel))
        if change.rest:
            part += change.rest * panel
        yield where, panel, part
        start = stop


def apply(matrix: Array, change: Filter) -> Array:
    """The filtered matrix in float64."""
    out = np.empty(matrix.shape)
    for where, _, part in filtered(matrix, change):
        out[where] = part
    return out


def _changed(stack: Array, counts: Sequence[int], *, drop: bool) -> Array:
    make = dropping if drop else keeping
    return np.stack([apply(one, make(one, count)) for one, count in zip(stack, counts, strict=True)])


def _stack(values: Array) -> Array:
    if values.ndim not in (2, 3) or not values.size:
        raise ValueError(f"an array of shape {values.shape}, not (rows, columns) or (slices, rows, columns)")
    return values if values.ndim == 3 else values[None]
