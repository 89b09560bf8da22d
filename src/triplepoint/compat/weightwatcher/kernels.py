"""Weights cut into matrices by kernel position: kernels of one axis as those of two, where WeightWatcher has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.legacy.matrices import Cut, cut

Array = np.ndarray[Any, Any]

AXES = {c.CONV1D: (2, 3), c.CONV2D: (4,)}
"""Axes that a weight of this kind may have; others have two."""


def divisible(shape: tuple[int, ...], kind: str) -> bool:
    """Whether it is a matrix or a kernel: the three axes of a `Bilinear` are neither."""
    return len(shape) in AXES.get(kind, (2,))


def cut_by_position(values: Array, kind: str) -> Cut | None:
    """The matrices of a weight, tall side as stored or turned; None where it is no matrix or kernel.

    >>> len(cut_by_position(np.ones((6, 4, 3)), "conv1d").matrices)
    3
    """
    if not divisible(values.shape, kind):
        return None
    return cut(values[..., None], c.CONV2D) if values.ndim == 3 else cut(values, kind)
