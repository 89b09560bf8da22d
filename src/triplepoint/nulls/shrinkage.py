"""The signal part of a matrix: singular values shrunk as is optimal for the Frobenius norm, at a known noise level.

For W = signal + noise of standard deviation σ, shape (N, M), β = M/N and y = s/(σ√N), Gavish and Donoho (2017, arXiv
1405.7511) shrink every singular value to η(y) = √((y² − β − 1)² − 4β)/y, and to 0 below the edge y = 1 + √β.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition
from triplepoint.records import Noises, Signal

Array = np.ndarray[Any, np.dtype[np.float64]]


def signal_part(decomposition: Decomposition, noises: Noises) -> Signal:
    """Energy share and rank of what remains when the noise is taken out.

    Only eigenvalues above the spike threshold count: the largest ones of pure noise lie around the edge itself, and η
    rises there with infinite slope. Without any noise all that rounding resolves is signal. Slices are shrunk one by
    one and added, without the constant ones.
    """
    kept = total = 0.0
    rank = 0
    for singular, noise in zip(decomposition.singular_values, noises.slices, strict=True):
        if noise is not None:
            shrunk = shrink(singular[: noise.spikes], noise.shape, noise.sigma)
            kept += float(np.sum(np.square(shrunk)))
            total += float(np.sum(np.square(singular)))
            rank += int(np.count_nonzero(shrunk))
    return Signal(kept / total, rank)


def shrink(singular_values: Array, shape: tuple[int, int], sigma: float) -> Array:
    """η for every singular value of a matrix of `shape` (N, M), in the units of W.

    >>> shrink(np.array([5.0, 1.0]), (1, 1), 1.0).round(3)
    array([4.583, 0.   ])
    """
    beta = shape[1] / shape[0]
    unit = sigma * math.sqrt(shape[0])
    if unit == 0:
        return singular_values
    y = singular_values / unit
    above = y > 1 + math.sqrt(beta)
    inside = np.square(np.square(y) - beta - 1) - 4 * beta
    return np.where(above, unit * np.sqrt(np.maximum(inside, 0.0)) / np.where(above, y, 1.0), 0.0)
