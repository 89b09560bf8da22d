"""How WeightWatcher 0.7.7 cuts a weight into matrices.

Kept errors: a kernel with fewer outputs than inputs and an even number of positions has N and M exchanged; kernel axes
are guessed from sums of sides; a three-dimensional weight of a `Linear` or `Conv1d` class counts as one matrix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The matrices of one weight, with the sides that every formula takes."""

    matrices: tuple[Array, ...]
    N: int
    M: int
    rf: int
    """Kernel positions; 1 for a dense layer."""
    components: int
    """How many of the largest singular values of each matrix are kept."""
    count: int = 1
    """Slices the kernel was cut into where each has a row of its own; enters the normalisation."""


def sides(shape: tuple[int, ...], kind: str) -> tuple[int, int, int] | None:
    """(N, M, rf) of a weight of this shape; None where it is no matrix or kernel."""
    if kind in (c.DENSE, c.CONV1D, c.EMBEDDING) and len(shape) > 0:
        return max(shape), min(shape), 1
    if kind != c.CONV2D or len(shape) != 4:
        return None
    out, into, height, width = shape
    positions = height * width
    # Where the channels stand first, the exchange happens once a position, so an even number of them undoes it.
    exchanged = out < into and _channels_first(shape) and positions % 2 == 1
    return (into, out, positions) if exchanged else (out, into, positions)


def _channels_first(shape: tuple[int, ...]) -> bool:
    """Whether (out, in) is taken to stand before the kernel axes."""
    return shape[0] + shape[1] >= shape[2] + shape[3]


def cut(values: Array, kind: str) -> Cut | None:
    """The matrices of a weight."""
    found = sides(values.shape, kind)
    if found is None:
        return None
    N, M, rf = found
    if kind != c.CONV2D:
        return Cut((values,), N, M, 1, M)
    turned = values.shape[0] < values.shape[1]
    positions = np.ndindex(values.shape[2:])
    kernels = [values[:, :, i, j] for i, j in positions]
    return Cut(tuple(k.T if turned else k for k in kernels), N, M, rf, M * rf)


def slices(whole: Cut) -> list[Cut]:
    """Each kernel position on its own (`pool=False`)."""
    count = len(whole.matrices)
    return [Cut((one,), whole.N, whole.M, whole.rf, whole.components, count) for one in whole.matrices]


def normalised(whole: Cut, kind: str, conv2d_norm: bool) -> Cut:
    """Kernels times √(count/2): eigenvalues × 1/2 pooled, × rf/2 slice by slice. Dense layers as they are."""
    if kind != c.CONV2D or not conv2d_norm:
        return whole
    factor = math.sqrt(whole.count / 2.0)
    wide = tuple(one.astype(np.float64) * factor for one in whole.matrices)
    return Cut(wide, whole.N, whole.M, whole.rf, whole.components, whole.count)
