"""Numbers of one pair of matrices: what `MatrixDistance` and `VectorDistance` hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from triplepoint.compare.subspaces import subspace_overlap
from triplepoint.linalg import choose_backend, decompose
from triplepoint.linalg.cka import linear_ckas
from triplepoint.linalg.difference import all_finite, blocks, difference, slices
from triplepoint.linalg.panels import convert
from triplepoint.records import LowRank, Reason, Values

Array = np.ndarray[Any, Any]

METHODS: Mapping[str, frozenset[str]] = {
    "all": frozenset({"norms", "spectral", "alignment"}),
    "raw": frozenset({"norms"}),
    "euclidean": frozenset({"norms"}),
    "cka": frozenset({"alignment"}),
}
"""What each method computes."""


def measures(
    one: Values, other: Values, method: str, directions: int = 0
) -> dict[str, float | None] | Reason:
    """Fields of `MatrixDistance` that the method asks for; the values have one shape.

    ‖A − B‖ comes from the difference formed in float64 where one is stored so, else in float32, where it is exact for
    entries that differ by less than a factor of two. Cost: `all` a decomposition of the difference and a CKA.
    """
    wanted = METHODS[method]
    found: dict[str, float | None] = {}
    if wanted & {"norms", "spectral"}:
        change = difference(one, other)
        if isinstance(change, Reason):
            return Reason.other_kind if change is Reason.not_in_init else change
        norms = [frobenius(matrix) for matrix in slices(change)]
        base = math.hypot(*(frobenius(matrix) for matrix in slices(one)))
        whole = math.hypot(*norms)
        if not (math.isfinite(whole) and math.isfinite(base)):
            return _too_large(one, other)
        found["frobenius"] = whole
        found["relative"] = whole / base if base else None
        found["euclidean"] = math.fsum(norms) / len(norms)
        if "spectral" in wanted:
            spectral = _spectral(change)
            if isinstance(spectral, Reason):
                return spectral
            found["spectral"] = spectral
    if "alignment" in wanted:
        found |= _alignment(one, other)
        if found["cka"] is None and not (all_finite(one) and all_finite(other)):
            return Reason.non_finite
    if directions:
        pairs = zip(slices(one), slices(other), strict=True)
        overlaps = [subspace_overlap(a, b, directions) for a, b in pairs]
        there = [overlap for overlap in overlaps if overlap is not None]
        if there and len(there) == len(overlaps):
            rows, columns = zip(*there, strict=True)
            found |= {"overlap_rows": _mean(list(rows)), "overlap_columns": _mean(list(columns))}
    return found


def frobenius(matrix: Array | LowRank) -> float:
    """‖·‖_F in float64, of any scale; panels of rows."""
    if isinstance(matrix, LowRank):
        product = decompose(matrix, "precise", choose_backend())
        return 0.0 if isinstance(product, Reason) else float(np.linalg.norm(product.singular_values))
    norms = []
    for rows in blocks(matrix.shape):
        block = matrix[rows]
        wide = np.empty(block.shape, np.float64)
        convert(block, wide)
        largest = float(np.max(np.abs(wide))) if wide.size else 0.0
        if not math.isfinite(largest):
            return largest
        if largest:
            norms.append(largest * float(np.linalg.norm(wide / largest)))
    return math.hypot(*norms)


def _too_large(one: Values, other: Values) -> Reason:
    """Why a norm of two weights is not finite."""
    return Reason.extreme_scale if all_finite(one) and all_finite(other) else Reason.non_finite


def _spectral(change: Values) -> float | Reason:
    """‖·‖₂, the largest of the slices."""
    found = decompose(change, "precise", choose_backend())
    if found is Reason.all_zero:
        return 0.0
    return found if isinstance(found, Reason) else float(np.max(found.singular_values))


def _alignment(one: Values, other: Values) -> dict[str, float | None]:
    """Means over the slices; None where one has no entries that vary."""
    pairs = list(zip(slices(one), slices(other), strict=True))
    found = [linear_ckas(a, b) for a, b in pairs]
    uncentred = [value for _, value in found]
    return {
        "cka": _mean([value for value, _ in found]),
        "cka_uncentred": _mean(uncentred),
        "overlap": _mean([math.sqrt(value) for value in uncentred]),
    }


def _mean(values: list[float]) -> float | None:
    mean = math.fsum(values) / len(values)
    return mean if math.isfinite(mean) else None
