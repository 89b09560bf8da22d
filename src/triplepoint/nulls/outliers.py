"""The outliers of one shuffled matrix, as it is and without its mean."""

from __future__ import annotations

import math
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
    """Whether shuffled matrix, Gram matrix, its copy for the certificate and the indices for the places fit."""
    small = min(shape)
    need = (itemsize + 8.0) * shape[0] * shape[1] + itemsize * 3.0 * small * small
    return need <= memory.ALWAYS_FITS or need <= memory.available_bytes()


def find(shuffled: Shuffled, threshold: float, generator: np.random.Generator, backend: Backend) -> Outliers:
    """What lies above `threshold` (of WᵀW/σ²), with the mean and without.

    One Gram matrix serves both, since G(W + m·11ᵀ) = G(W) + m(c·1ᵀ + 1·cᵀ) + m²N·11ᵀ with c the sums along the longer
    side. Cost: NM² + 2/3·M³ flops.
    """
    matrix, mean = shuffled.matrix, shuffled.mean
    gram = matrix.T @ matrix if shuffled.tall else matrix @ matrix.T
    sums: Array = np.asarray(np.sum(matrix, axis=0 if shuffled.tall else 1, dtype=np.float64))
    centred = krylov.eigenvalues_above(gram, threshold, generator, backend)
    shift = np.asarray(mean * (sums + mean * shuffled.shape[0] / 2))
    gram += (shift[:, None] + shift[None]).astype(gram.dtype)
    found = krylov.eigenvalues_above(gram, threshold, generator, backend)
    return Outliers(found.count, found.values, found.vectors, centred.count)


def both_sides(shuffled: Shuffled, vector: Array, value: float) -> tuple[Array, Array]:
    """Unit singular vectors (u, v) along rows and columns, of the one along the shorter side."""
    matrix = shuffled.matrix
    short = vector.astype(matrix.dtype)
    long = matrix @ short if shuffled.tall else short @ matrix
    long = (long + shuffled.mean * np.sum(short, dtype=np.float64)) / math.sqrt(value)
    return (long, short) if shuffled.tall else (short, long)
