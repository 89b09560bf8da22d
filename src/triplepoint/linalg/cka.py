"""Linear centred kernel alignment of two matrices with the same rows (Kornblith et al. 2019, arXiv 1905.00414).

    CKA = ‖XᵀY‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F)

Rows are the observations, columns the features, and X, Y are A, B with the mean of every column taken out. It is 1
for B = c·A·Q with Q orthogonal: a rotation of the inputs of a layer and its scale change nothing. WeightWatcher 0.7.7
leaves the means in and returns the square root, ‖AᵀB‖_F / √(‖AᵀA‖_F ‖BBᵀ‖_F).

The same three norms are ⟨XXᵀ, YYᵀ⟩, ‖XXᵀ‖ and ‖YYᵀ‖; whichever side is smaller is summed, panel by panel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from triplepoint.linalg import memory
from triplepoint.linalg.panels import PANEL_BYTES, convert
from triplepoint.records import LowRank, PackedRows

Array: TypeAlias = np.ndarray[Any, Any]
Matrix: TypeAlias = Array | PackedRows | LowRank
Norms: TypeAlias = tuple[float, float, float]

# Below this part of a matrix what is left without the means is their rounding.
FLAT = 1e-12


def linear_cka(a: Matrix, b: Matrix, *, centred: bool = True) -> float:
    """Linear CKA of `a` (n, p) and `b` (n, q), between 0 and 1; NaN where one has no entry that varies.

    Independent Gaussian matrices of n rows and p columns have p/(n + p) on average, p/(n + p + 1) if not `centred`:
    much of it is shape, so compare equal shapes. The scale of either matrix does not matter, nor does its range.

    Raises ValueError for different numbers of rows, MemoryError where the smaller side squared, three times over, does
    not fit. Cost: 6·n·p² flops for p = q ≤ n, 4·n²·p beyond; memory 24·min(n, p)² bytes and two panels of 8 MiB.

    >>> x = np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> round(linear_cka(x, -2 * x[:, ::-1]), 12)
    1.0
    """
    return linear_ckas(a, b)[0 if centred else 1]


def linear_ckas(a: Matrix, b: Matrix) -> tuple[float, float]:
    """Linear CKA with the means taken out and with them left in, for the price of one.

    The second is the first plus what the means m add: XᵀY + n·m mᵀ.
    """
    one, other = _array(a), _array(b)
    if one.shape[0] != other.shape[0]:
        raise ValueError(f"CKA needs as many rows in both, not {one.shape[0]} and {other.shape[0]}")
    centred, raw = _kernels(one, other) if _wide(one, other) else _features(one, other)
    return _ratio(*centred), _ratio(*raw)


def _ratio(cross: float, first: float, second: float) -> float:
    if not (math.isfinite(first * second) and first * second > 0):
        return math.nan
    return min(cross / (first * second), 1.0)


def _array(matrix: Matrix) -> Array | PackedRows:
    """L R → L Tᵀ with Rᵀ = Q T: an isometry on the right changes none of the norms, and r columns stand for p."""
    if not isinstance(matrix, LowRank):
        return matrix
    triangle = np.asarray(np.linalg.qr(np.asarray(matrix.right, np.float64).T, mode="r"))
    return np.asarray(np.asarray(matrix.left, np.float64) @ triangle.T)


def _wide(one: Array | PackedRows, other: Array | PackedRows) -> bool:
    """Whether the kernels of the rows are smaller than those of the columns."""
    return one.shape[0] < max(one.shape[1], other.shape[1])


def _features(one: Array | PackedRows, other: Array | PackedRows) -> tuple[Norms, Norms]:
    """‖XᵀY‖², ‖XᵀX‖, ‖YᵀY‖ from panels of rows, without the means and with them."""
    pair = one, other
    n, p, q = one.shape[0], one.shape[1], other.shape[1]
    _check_memory(p * p + q * q + p * q)
    factors = [_factor(matrix) for matrix in pair]
    means = [_means(matrix, factor) for matrix, factor in zip(pair, factors, strict=True)]
    grams, cross = (np.zeros((p, p)), np.zeros((q, q))), np.zeros((p, q))
    for start, stop in _steps(n, p + q):
        panels = [_panel(m[start:stop], c) - mean for m, c, mean in zip(pair, factors, means, strict=True)]
        for gram, panel in zip(grams, panels, strict=True):
            np.add(gram, panel.T @ panel, out=gram)
        cross += panels[0].T @ panels[1]
    shifts = [n * float(mean @ mean) for mean in means]
    centred = _norms(float(np.sum(np.square(cross))), grams, shifts)
    for gram, mean in zip(grams, means, strict=True):
        np.add(gram, n * np.outer(mean, mean), out=gram)
    cross += n * np.outer(*means)
    return centred, _norms(float(np.sum(np.square(cross))), grams)


def _kernels(one: Array | PackedRows, other: Array | PackedRows) -> tuple[Norms, Norms]:
    """The same from n × n kernels XXᵀ, YYᵀ and panels of columns."""
    n = one.shape[0]
    _check_memory(3 * n * n)
    kernels, shifts, tilts = (np.zeros((n, n)), np.zeros((n, n))), [0.0, 0.0], np.zeros((2, n))
    for k, matrix in enumerate((one, other)):
        values = np.asarray(matrix)
        factor = _factor(values)
        for start, stop in _steps(values.shape[1], n):
            panel = _panel(values[:, start:stop], factor)
            means = np.mean(panel, axis=0)
            panel -= means
            kernels[k][...] += panel @ panel.T
            tilts[k] += panel @ means
            shifts[k] += float(means @ means)
    centred = _norms(float(np.sum(kernels[0] * kernels[1])), kernels, [n * shift for shift in shifts])
    for kernel, tilt, shift in zip(kernels, tilts, shifts, strict=True):
        np.add(kernel, tilt[:, None] + tilt + shift, out=kernel)
    return centred, _norms(float(np.sum(kernels[0] * kernels[1])), kernels)


def _norms(cross: float, grams: tuple[Array, Array], shifts: Sequence[float] = (0.0, 0.0)) -> Norms:
    """Zero for the norm of a matrix of which, beside the energy of its means, only rounding is left."""
    norms = [
        float(np.linalg.norm(gram)) if np.trace(gram) > FLAT**2 * shift else 0.0
        for gram, shift in zip(grams, shifts, strict=True)
    ]
    return cross, norms[0], norms[1]


def _steps(length: int, other: int) -> Iterator[tuple[int, int]]:
    """Where the panels begin and end."""
    depth = max(1, PANEL_BYTES // (8 * max(other, 1)))
    for start in range(0, length, depth):
        yield start, min(start + depth, length)


def _panel(block: Array, factor: float) -> Array:
    panel = np.empty(block.shape, np.float64)
    convert(block, panel)
    panel *= factor
    return panel


def _means(matrix: Array | PackedRows, factor: float) -> Array:
    """Means of the columns."""
    total = np.zeros(matrix.shape[1])
    for start, stop in _steps(*matrix.shape):
        total += np.sum(_panel(matrix[start:stop], factor), axis=0)
    return total / matrix.shape[0]


def _factor(matrix: Array | PackedRows) -> float:
    """A power of two that brings the largest entry near 1: fourth powers of entries stay in range.

    NaN where an entry is not finite: everything then is, without a warning.
    """
    largest = 0.0
    for start, stop in _steps(*matrix.shape):
        block = matrix[start:stop]
        high, low = float(np.max(block)), float(np.min(block))
        if not (math.isfinite(high) and math.isfinite(low)):
            return math.nan
        largest = max(largest, high, -low)
    return 2.0 ** -max(math.frexp(largest)[1], -1000) if largest > 0 else 1.0


def _check_memory(numbers: int) -> None:
    needed = 8.0 * numbers
    if needed > memory.ALWAYS_FITS and needed > memory.available_bytes():
        raise MemoryError(f"{needed:.3g} bytes for the kernels")
