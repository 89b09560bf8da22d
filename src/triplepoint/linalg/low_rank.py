"""Singular values of a product of two factors that is never formed.

    W = c · L R,   L = Q₁ T₁,   Rᵀ = Q₂ T₂   ⇒   σ(W) = |c| · σ(T₁ T₂ᵀ)

with L (rows, r), R (r, columns), so that the core T₁ T₂ᵀ is at most r × r. The triangles come from panels stacked one
after another: 14336 × 64 takes 26 ms so and 65 ms in one piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import memory
from triplepoint.records import EntryStatistics, LowRank, Reason

Array = np.ndarray[Any, Any]

# Panels of the factors and of the product: they stay in the cache of a core. In panels of 8 MiB the largest entry of
# 14336 x 4096, r = 16, took 300 ms instead of 200 ms.
PANEL_BYTES = 1 << 20
# The first rows of the product, those with the longest factors, only tell how large entries are.
FIRST_ROWS = 16
# With more entries (2^18 both ways) the largest is not looked for: where nothing can be passed over these already take
# minutes, and a few megabytes of factors can stand for any number.
MAX_ENTRIES = 2**36


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """What is known of c · L R."""

    singular_values: Array
    """(1, min(rows, columns, r)) descending."""
    entries: EntryStatistics
    growth: float
    """‖L‖·‖R‖ / ‖L R‖ ≥ 1 in the spectral norm: how much larger rounding is than for a matrix."""


def product(values: LowRank) -> Product | Reason:
    """Singular values and entries of `values`, good to max(rows, columns)·2⁻⁵²·growth·σmax.

    Factors of any scale: each is brought near 1 by a power of two. Raises LinAlgError where the core does not converge.
    Cost: 2·(rows + columns)·r² flops, and for the largest entry a few percent of rows·columns·r, all of it where all
    entries are alike. Memory: two copies of the factors.
    """
    rows, columns, rank = values.left.shape[0], values.right.shape[1], values.left.shape[1]
    needed = 8.0 * (2 * rank * (rows + columns) + 6 * rank * rank)
    if needed > memory.ALWAYS_FITS and needed > memory.available_bytes():
        return Reason.out_of_memory
    left, left_exponent = near_one(values.left)
    right, right_exponent = near_one(values.right.T)
    if left is None or right is None or not math.isfinite(values.factor):
        return Reason.non_finite
    one, other = _triangle(left), _triangle(right)
    core = np.linalg.svd(one @ other.T, compute_uv=False)
    largest = _largest_entry(left, right)
    if core[0] == 0 or largest == 0 or values.factor == 0:
        return Reason.all_zero
    count = rows * columns
    mean = float(np.sum(left, axis=0) @ np.sum(right, axis=0)) / count
    variance = max(float(np.sum(np.square(core))) / count - mean**2, 0.0)
    mantissa, exponent = math.frexp(values.factor)

    def back(value: Any) -> Any:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(value * mantissa, exponent + left_exponent + right_exponent)

    singular = np.abs(back(core))
    if not 0 < singular[0] < math.inf:
        return Reason.extreme_scale
    std, top = abs(float(back(math.sqrt(variance)))), abs(float(back(largest)))
    longest = float(np.linalg.norm(one, 2) * np.linalg.norm(other, 2))
    return Product(
        singular_values=singular[None],
        entries=EntryStatistics(count, float(back(mean)), std, top),
        growth=max(longest / float(core[0]), 1.0),
    )


def near_one(factor: Array) -> tuple[Array | None, int]:
    """A factor in float64 with its largest entry near 1, and the power of two taken out; None if not finite."""
    wide = np.ascontiguousarray(factor, dtype=np.float64)
    largest = max(float(np.max(wide)), -float(np.min(wide)))
    if not math.isfinite(largest):
        return None, 0
    exponent = max(math.frexp(largest)[1], -1000)  # 2^1074 is no float64
    return wide * 2.0**-exponent, exponent


def _triangle(factor: Array) -> Array:
    """T of factor = Q T, of at most r rows."""
    triangle = factor[:0]
    depth = max(_depth(factor.shape[1]), 2 * factor.shape[1])
    for start in range(0, len(factor), depth):
        stacked = np.concatenate([triangle, factor[start : start + depth]])
        triangle = np.asarray(np.linalg.qr(stacked, mode="r"))
    return triangle


def _depth(columns: int) -> int:
    """Rows of a panel."""
    return max(PANEL_BYTES // (8 * columns), 1)


def _largest_entry(left: Array, right: Array) -> float:
    """max |left @ rightᵀ|, exact; NaN beyond MAX_ENTRIES.

    By Cauchy–Schwarz no entry is larger than the lengths of its two rows. Longest rows first, most of the product need
    not be looked at: of 14336 × 4096, r = 16, 1 %, which takes 9 ms instead of 200 ms.
    """
    if len(left) * len(right) > MAX_ENTRIES:
        return math.nan
    if len(left) < len(right):
        left, right = right, left
    long, wide = _by_length(left), _by_length(right)
    largest, start = 0.0, 0
    depth = min(FIRST_ROWS, _depth(len(right)))
    while start < len(left):
        bound = long.lengths[start] * wide.lengths
        among = int(np.searchsorted(-bound, -largest))  # lengths that could make a larger entry
        if among == 0:
            break
        part = long.rows[start : start + depth] @ wide.rows[:among].T
        largest = max(largest, float(np.max(part)), -float(np.min(part)))
        start += depth
        depth = _depth(among)
    return largest


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    rows: Array
    lengths: Array


def _by_length(rows: Array) -> _Sorted:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    order = np.argsort(-lengths, kind="stable")
    return _Sorted(rows[order], lengths[order])
