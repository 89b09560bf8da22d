"""The outliers of one shuffled matrix, as it is and without its mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import krylov, memory
from triplepoint.linalg.backend import Backend
from triplepoint.nulls import screen
from triplepoint.records import EntryStatistics

Array = np.ndarray[Any, Any]

# Outliers this far above the edge cost float32 the digits of the bulk that the count depends on.
DOUBLE_FROM = 30.0
# So far above the threshold the eigenvalue of the mean costs float64 these digits, and is nearly the mean's alone.
FAR = 1e8
# Rows of a Gram matrix that are changed in one go.
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Shuffled:
    """`matrix` + `mean`: shuffled entries in units of σ."""

    matrix: Array
    """(rows, columns), of mean 0 and variance 1."""
    mean: float

    @property
    def shape(self) -> tuple[int, int]:
        """(N, M)."""
        return max(self.matrix.shape), min(self.matrix.shape)

    @property
    def tall(self) -> bool:
        """Whether the columns are the shorter side."""
        return bool(self.matrix.shape[0] >= self.matrix.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Outliers:
    """Eigenvalues of WᵀW/σ² above the threshold, of one shuffle."""

    count: int
    values: Array
    """(k,) descending, at least the 16 largest."""
    vectors: Array
    """(M, k), along the shorter side."""
    centred: int
    """Count without the mean."""


def needs_double(entries: EntryStatistics, shape: tuple[int, int]) -> bool:
    """Whether the strongest outlier to be expected hides the bulk from single precision."""
    edge = screen.outlier(0.0, shape)
    strengths = (entries.max_abs + abs(entries.mean)) / entries.std, screen.mean_strength(entries)
    return max(screen.outlier(s, shape) for s in strengths) > DOUBLE_FROM * edge


def fits(shape: tuple[int, int], itemsize: int) -> bool:
    """Whether what `find` and the places of its entries need fits in the memory that is left."""
    need = needed_bytes(shape, itemsize)
    return need <= memory.ALWAYS_FITS or need <= memory.available_bytes()


def needed_bytes(shape: tuple[int, int], itemsize: int) -> float:
    """Shuffled matrix and the indices for the places; Gram matrix, its copy for the certificate and the basis."""
    indices = 4 if shape[0] * shape[1] < 2**31 else 8
    return (itemsize + indices) * float(shape[0]) * shape[1] + itemsize * 3.0 * min(shape) ** 2


def find(shuffled: Shuffled, threshold: float, generator: np.random.Generator, backend: Backend) -> Outliers:
    """What lies above `threshold` (of WᵀW/σ²), with the mean and without.

    One Gram matrix serves both, since G(W + m·11ᵀ) = G(W) + m(c·1ᵀ + 1·cᵀ) + m²N·11ᵀ with c the sums along the longer
    side. Cost: NM² + 2/3·M³ flops.
    """
    matrix, mean = shuffled.matrix, shuffled.mean
    # By the backend: the threads of NumPy's own BLAS would stand in the way of those of LAPACK (see `linalg.moments`).
    empty = backend.zeros(shuffled.shape[1], matrix.dtype)
    gram = _mirrored(backend.accumulate(empty, matrix, tall=shuffled.tall))
    centred = krylov.eigenvalues_above(gram, threshold, generator, backend)
    if mean**2 * matrix.size > FAR * threshold:
        found = _beside_the_mean(gram, shuffled, threshold, generator, backend)
    else:
        sums = _sums(shuffled)
        _add_both_ways(gram, mean * (sums + mean * shuffled.shape[0] / 2))
        found = krylov.eigenvalues_above(gram, threshold, generator, backend)
    return Outliers(found.count, found.values, found.vectors, centred.count)


def _beside_the_mean(
    gram: Array, shuffled: Shuffled, threshold: float, generator: np.random.Generator, backend: Backend
) -> krylov.Above:
    """The same where the mean is so far out that m²N leaves no digit of G: its direction is taken out exactly.

    With e = 1/√M, a = eᵀG'e and b = (1 − eeᵀ)G'e of G' = G(W + m·11ᵀ), the eigenvalues of G' above t < a are as many
    as those of (1 − eeᵀ)G(1 − eeᵀ) − bbᵀ/(a − t), and one (Haynsworth 1968); their values are equal but for t/a. No
    entry of that matrix holds m². May destroy `gram`.
    """
    mean, (large, small) = shuffled.mean, shuffled.shape
    root, sums = math.sqrt(small), _sums(shuffled)
    across = np.sum(gram, axis=1) / root
    along = float(np.sum(across)) / root
    top = along + 2 * mean * float(np.sum(sums)) + mean**2 * large * small
    beside = across + mean * root * sums
    beside -= np.mean(beside)
    _add_both_ways(gram, along / (2 * small) - across / root)
    for rows in _blocks(gram):
        gram[rows] -= beside[rows, None] * (beside / (top - threshold))
    rest = krylov.eigenvalues_above(gram, threshold, generator, backend)
    first = 1 / root + beside / top
    others = rest.vectors - (beside @ rest.vectors) / (top - rest.values) / root
    vectors = np.concatenate([first[:, None], others], axis=1)
    return krylov.Above(
        rest.count + 1,
        np.concatenate([[top + float(beside @ beside) / top], rest.values]),
        vectors / np.linalg.norm(vectors, axis=0),
    )


def _mirrored(gram: Array) -> Array:
    """Both triangles, where only the upper one was formed; in place."""
    for rows in _blocks(gram):
        stop = rows.indices(gram.shape[0])[1]
        gram[stop:, rows] = gram[rows, stop:].T
        square = gram[rows, rows]
        gram[rows, rows] = np.triu(square) + np.triu(square, 1).T
    return gram


def _sums(shuffled: Shuffled) -> Array:
    """Along the longer side; not zero, because a mean is rounded."""
    return np.asarray(np.sum(shuffled.matrix, axis=0 if shuffled.tall else 1, dtype=np.float64))


def _add_both_ways(gram: Array, shift: Array) -> None:
    """gram += shift·1ᵀ + 1·shiftᵀ in place."""
    for rows in _blocks(gram):
        gram[rows] += shift[rows, None] + shift


def _blocks(matrix: Array) -> Iterator[slice]:
    step = max(1, BLOCK_BYTES // (8 * matrix.shape[1]))
    return (slice(start, start + step) for start in range(0, matrix.shape[0], step))


def both_sides(shuffled: Shuffled, vector: Array, value: float) -> tuple[Array, Array]:
    """Unit singular vectors (u, v) along rows and columns, of the one along the shorter side."""
    matrix = shuffled.matrix
    short = vector.astype(matrix.dtype)
    long = matrix @ short if shuffled.tall else short @ matrix
    long = (long + shuffled.mean * np.sum(short, dtype=np.float64)) / math.sqrt(value)
    return (long, short) if shuffled.tall else (short, long)
