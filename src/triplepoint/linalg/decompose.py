"""Singular values of every slice of a weight matrix, in one of three modes.

| mode | kernel | eigenvalues are good to |
|---|---|---|
| precise | Gram matrix in float64, all eigenvalues of it | max(N, M)·2⁻⁵²·λmax |
| fast | Gram matrix and eigenvalues in float32, promoted where that is not enough | max(N, M)·2⁻²³·λmax |
| exact | divide-and-conquer SVD in float64 (gesdd) of W itself | (max(N, M)·2⁻⁵²)²·λmax |
| any, of two factors | QR of both in float64, SVD of the core | (max(N, M)·2⁻⁵²)²·λmax, see `low_rank` |

Against a float64 SVD the top half of the spectrum agrees to 2e-11 in `precise`; only singular values below about
1e-8·σmax are lost, and those carry no information in weights stored with 24 bits or fewer. Where float64 storage
leaves eigenvalues below the floor, `precise` promotes itself to `exact`, because then the rank depends on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from triplepoint.linalg import lapack, low_rank, memory
from triplepoint.linalg.backend import Backend
from triplepoint.linalg.gram import gram_pass
from triplepoint.linalg.moments import together
from triplepoint.linalg.small import entry_statistics, small_stacks
from triplepoint.records import EntryStatistics, LowRank, PackedRows, Reason, Values
from triplepoint.records.spectra import EPS32, EPS64

Array = np.ndarray[Any, Any]
Mode = Literal["precise", "fast", "exact"]
MODES: tuple[Mode, ...] = ("precise", "fast", "exact")

# Stacks of matrices below this side go through one batched call: 576 slices of 64 x 64 cost 64 ms batched and
# 81 ms one by one; from about 100 on the loop wins.
SMALL_SIDE = 96
# `fast` is promoted when one direction carries more than half of the energy: float32 then loses the rest
# (relative error 9e-3 in the top half of the spectrum with a spike of 1000 σ).
SPIKE_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """All singular values of the slices of one tensor."""

    singular_values: Array
    """(slices, M) float64, each row descending; of two factors as many as their rank."""
    slice_entries: tuple[EntryStatistics, ...]
    """Entries of each slice as stored."""
    shape: tuple[int, int]
    """(N, M), N ≥ M."""
    method: str
    epsilon: float
    storage_epsilon: float
    inner: int = 0
    """Of a product of two factors the side that they have in common; 0 of a matrix."""

    @property
    def factored(self) -> bool:
        """Whether it is of a product, whose noise follows another law than that of a matrix."""
        return self.inner > 0

    @property
    def resolved_ratio(self) -> float:
        """λ/λmax from which on eigenvalues are resolved."""
        floor = self.shape[0] * self.epsilon
        return floor**2 if self.method == "svd" or self.factored else floor

    @property
    def entries(self) -> EntryStatistics:
        """Entries of all slices together."""
        return together(self.slice_entries)

    def only(self, index: int) -> Decomposition:
        """One slice on its own."""
        return replace(
            self,
            singular_values=self.singular_values[index : index + 1],
            slice_entries=self.slice_entries[index : index + 1],
        )


def decompose(values: Values, mode: Mode, backend: Backend) -> Decomposition | Reason:
    """All singular values of `values` (slices, rows, columns) or of two factors, or the reason why there are none.

    Errors are values: non-finite entries, all-zero matrices and an iteration that does not converge give a
    `Reason`. Cost: n²·m + 4/3·n³ flops a slice; memory n²·8 bytes and a panel of 8 MiB. Of two factors: see `low_rank`.
    """
    if isinstance(values, LowRank):
        return _by_factors(values)
    if isinstance(values, PackedRows) and mode == "exact":
        values = np.asarray(values)[None]
    if not memory.fits(values.shape[-2:], exact=mode == "exact", itemsize=4 if mode == "fast" else 8):
        return Reason.out_of_memory
    try:
        if mode == "exact":
            return _exact(np.asarray(values))
        result = _by_gram(values, np.dtype(np.float32 if mode == "fast" else np.float64), backend)
    except (lapack.LapackError, np.linalg.LinAlgError):
        return Reason.not_converged
    if isinstance(result, Reason):
        # float64 entries beyond float32's range look infinite or zero in `fast`.
        hidden = mode == "fast" and values.dtype == np.float64 and result is not Reason.not_converged
        return decompose(values, "precise", backend) if hidden else result
    better = _promotion(result)
    promoted = result if better is None else decompose(values, better, backend)
    # What a better kernel cannot do, for memory or convergence, the first one has done.
    return result if isinstance(promoted, Reason) else promoted


def _promotion(result: Decomposition) -> Mode | None:
    """The mode that this spectrum needs, or None if it is good as it is."""
    if result.epsilon == EPS32 and _spiked(result):
        return "precise"
    if result.epsilon == EPS64 and result.storage_epsilon == EPS64 and _rank_unresolved(result):
        return "exact"
    return None


def _relative(result: Decomposition) -> Array:
    """λ/λmax slice by slice; zero for a slice of zeros. Divided before squaring, so no scale can overflow."""
    top = result.singular_values[:, :1]
    return np.square(result.singular_values / np.where(top > 0, top, 1.0))


def _spiked(result: Decomposition) -> bool:
    """One direction carries more than half of the energy of a slice."""
    relative = _relative(result)
    return bool(np.any(relative[:, 0] > SPIKE_SHARE * np.sum(relative, axis=1)))


def _rank_unresolved(result: Decomposition) -> bool:
    """Eigenvalues lie below the floor of a Gram matrix in float64."""
    return result.method != "svd" and bool(np.any(_relative(result) < result.resolved_ratio))


def _by_gram(values: Array | PackedRows, dtype: np.dtype[Any], backend: Backend) -> Decomposition | Reason:
    *stack, rows, columns = values.shape
    slices = stack[0] if stack else 1
    if isinstance(values, np.ndarray) and slices > 1 and min(rows, columns) <= SMALL_SIDE:
        found = small_stacks(values)
        if found is None:
            return Reason.non_finite
        singular, entries = found
        kernel, dtype = "batched", np.dtype(np.float64)
    else:
        singular = np.empty((slices, min(rows, columns)))
        entries, kernel = [], ""
        for index in range(slices):
            passed = gram_pass(values[index] if isinstance(values, np.ndarray) else values, dtype, backend)
            if not math.isfinite(passed.entries.max_abs):
                return Reason.non_finite
            entries.append(passed.entries)
            if passed.entries.max_abs == 0:
                singular[index] = 0.0
                continue
            ascending, kernel = backend.eigenvalues(passed.gram)
            np.sqrt(np.maximum(ascending[::-1], 0.0), out=singular[index])
            singular[index] /= passed.factor
    bits = 64 if dtype == np.float64 else 32
    return _assemble(values, singular, entries, f"gram{bits}+{kernel}", EPS64 if bits == 64 else EPS32)


def _exact(values: Array) -> Decomposition | Reason:
    singular, entries = [], []
    for matrix in values:
        wide = np.asarray(matrix, dtype=np.float64)
        if not np.all(np.isfinite(wide)):
            return Reason.non_finite
        singular.append(np.linalg.svd(wide, compute_uv=False))
        entries += entry_statistics(wide[None])
    return _assemble(values, np.stack(singular), entries, "svd", EPS64)


def _by_factors(values: LowRank) -> Decomposition | Reason:
    """A product, always in float64: no promotion, no other backend."""
    try:
        found = low_rank.product(values)
    except np.linalg.LinAlgError:
        return Reason.not_converged
    if isinstance(found, Reason):
        return found
    sides = values.left.shape[0], values.right.shape[1]
    # The factors are exact, whatever their storage type: a rank is lost to rounding of this arithmetic alone.
    epsilon = EPS64 * found.growth
    return Decomposition(
        singular_values=found.singular_values,
        slice_entries=(found.entries,),
        shape=(max(sides), min(sides)),
        method="qr+svd",
        epsilon=epsilon,
        storage_epsilon=epsilon,
        inner=values.left.shape[1],
    )


def _assemble(
    values: Array | PackedRows, singular: Array, entries: list[EntryStatistics], method: str, epsilon: float
) -> Decomposition | Reason:
    *_, rows, columns = values.shape
    if max(e.max_abs for e in entries) == 0:
        return Reason.all_zero
    return Decomposition(
        singular_values=singular,
        slice_entries=tuple(entries),
        shape=(max(rows, columns), min(rows, columns)),
        method=method,
        epsilon=epsilon,
        storage_epsilon=EPS64 if values.dtype == np.float64 else EPS32,
    )


def precise_again(result: Decomposition, values: Values, backend: Backend) -> Decomposition | Reason:
    """The same tensor in double precision, unless it already is."""
    return result if result.epsilon == EPS64 or result.factored else decompose(values, "precise", backend)
