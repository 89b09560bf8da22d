"""Singular vectors of one matrix, reduced to a few sums each.

    WᵀW V = V Λ,   u = W v / σ

An eigenproblem of the Gram matrix on the smaller side gives the vectors there; those of the longer side pass by in
panels and are never held: what is asked of them are sums over their entries. A vector is determined as long as its
eigenvalue is further from every other than rounding can move them; the angle is off by at most rounding/distance
(Davis and Kahan 1970, SIAM J. Numer. Anal. 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from triplepoint.linalg import low_rank, memory
from triplepoint.linalg.gram import gram_pass
from triplepoint.linalg.numpy_backend import NumpyBackend
from triplepoint.linalg.panels import is_tall, panels
from triplepoint.records import LowRank, PackedRows, Reason
from triplepoint.records.spectra import EPS64

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

# Eigenvalues at least so many times their rounding apart have vectors of their own.
APART = 16.0
# Gram matrix, vectors and the workspace of divide and conquer, in units of n²·8 bytes: 5.3 measured at n = 2048,
# panels included.
COPIES = 5.5
PANEL_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class VectorSums:
    """Of k unit vectors v with n entries each, p = v²; arrays (k,)."""

    length: int
    """n"""
    entropy: Array
    """−Σ p ln p, nats."""
    localization: Array
    """‖v‖₁/‖v‖∞"""
    participation: Array
    """‖v‖₂/‖v‖₄"""


@dataclass(frozen=True, slots=True, eq=False)
class SingularVectors:
    """Of one matrix, by descending singular value; arrays (k,)."""

    singular_values: Array
    determined: np.ndarray[Any, np.dtype[np.bool_]]
    rows: VectorSums
    columns: VectorSums


def singular_vectors(values: np.ndarray[Any, Any] | PackedRows | LowRank) -> SingularVectors | Reason:
    """Sums over the singular vectors of a matrix (rows, columns), or of two factors.

    Vectors below the floor of float64, λ ≤ max(N, M)·2⁻⁵²·λmax, are nobody's. Raises LinAlgError where the iteration
    does not converge. Cost: M²·N flops for the Gram matrix, about 9·M³ for its eigenvectors, 2·M²·N for the other side;
    always on the processor, in float64. Memory: 5.5·M²·8 bytes and a panel of 8 MiB; of two factors four times theirs.
    """
    return _of_product(values) if isinstance(values, LowRank) else _of_matrix(values)


def _of_matrix(values: np.ndarray[Any, Any] | PackedRows) -> SingularVectors | Reason:
    small = min(values.shape)
    if not _fits(COPIES * small * small):
        return Reason.out_of_memory
    passed = gram_pass(values, np.dtype(np.float64), NumpyBackend())
    if not np.isfinite(passed.entries.max_abs):
        return Reason.non_finite
    gram, factor = passed.gram, passed.factor
    del passed
    ascending, vectors = np.linalg.eigh(gram)
    del gram
    squares = np.maximum(ascending[::-1], 0.0)
    kept = squares > max(values.shape) * EPS64 * squares[0]
    if not np.any(kept):
        return Reason.all_zero
    short = vectors[:, ::-1][:, kept]
    del vectors
    tall = is_tall(values.shape)
    long = _Sums(short.shape[1])
    for panel in panels(values, np.dtype(np.float64), factor):
        long.add((panel if tall else panel.T) @ short)
    sides = long.result(), _sums_of(short)
    return SingularVectors(
        singular_values=np.sqrt(squares[kept]) / factor,
        determined=_apart(squares, max(values.shape) * EPS64)[kept],
        rows=sides[0] if tall else sides[1],
        columns=sides[1] if tall else sides[0],
    )


def _of_product(values: LowRank) -> SingularVectors | Reason:
    """c · L R with L = Q₁ T₁, Rᵀ = Q₂ T₂ and T₁ T₂ᵀ = A Σ Bᵀ: the vectors are Q₁ A and Q₂ B."""
    if not _fits(4.0 * (values.left.size + values.right.size) + 6.0 * values.left.shape[1] ** 2):
        return Reason.out_of_memory
    known = low_rank.product(values)
    if isinstance(known, Reason):
        return known
    near = [low_rank.near_one(factor)[0] for factor in (values.left, values.right.T)]
    (left, one), (right, other) = (np.linalg.qr(np.asarray(factor)) for factor in near)
    a, sigma, b = np.linalg.svd(one @ other.T, full_matrices=False)
    rounding = max(left.shape[0], right.shape[0]) * EPS64 * known.growth
    kept = sigma > rounding * sigma[0]
    return SingularVectors(
        singular_values=known.singular_values[0, : sigma.size][kept],
        determined=_apart(sigma, rounding)[kept],
        rows=_sums_of(left @ a[:, kept]),
        columns=_sums_of(right @ b.T[:, kept]),
    )


def _fits(numbers: float) -> bool:
    needed = 8.0 * numbers
    return needed <= memory.ALWAYS_FITS or needed <= memory.available_bytes()


def _apart(descending: Array, rounding: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values are APART times `rounding`·largest from both neighbours."""
    far = -np.diff(descending) > APART * rounding * descending[0]
    return np.asarray(np.append(True, far) & np.append(far, True))


def _sums_of(vectors: Array) -> VectorSums:
    sums = _Sums(vectors.shape[1])
    for start in range(0, len(vectors), PANEL_ROWS):
        sums.add(vectors[start : start + PANEL_ROWS])
    return sums.result()


class _Sums:
    """Sums over entries that come in panels (entries, k), of vectors of any length."""

    def __init__(self, count: int) -> None:
        self._length = 0
        self._first, self._second, self._fourth = np.zeros(count), np.zeros(count), np.zeros(count)
        self._logarithms, self._largest = np.zeros(count), np.zeros(count)

    def add(self, panel: Array) -> None:
        """Take up some entries of every vector."""
        sizes = np.abs(panel)
        squares = np.square(sizes)
        self._length += len(panel)
        self._first += np.sum(sizes, axis=0)
        self._second += np.sum(squares, axis=0)
        self._fourth += np.einsum("ij,ij->j", squares, squares)
        np.maximum(self._largest, np.max(sizes, axis=0), out=self._largest)
        logarithms = np.log(np.maximum(squares, np.finfo(np.float64).tiny))
        self._logarithms += np.einsum("ij,ij->j", squares, logarithms)

    def result(self) -> VectorSums:
        """Of the vectors brought to unit length."""
        return VectorSums(
            length=self._length,
            entropy=np.maximum(np.log(self._second) - self._logarithms / self._second, 0.0),
            localization=self._first / self._largest,
            participation=np.sqrt(self._second) / self._fourth**0.25,
        )
