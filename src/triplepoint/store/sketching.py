"""Spectra as bytes: log bins and the largest singular values always, all of them where it is worth the room.

224 matrices of 4096 eigenvalues are 3.7 MB a step as float32; 128 bins and 64 values are 0.5 kB a matrix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 128
TAIL_LEAST = 64
TAIL_MOST = 512
"""Values kept one by one: the fitted tail, but no fewer and no more than these."""
_COUNTS = ("<u2", "<u4")
_REALS = ("<f4", "<f8")
_FLOAT32 = (1e-30, 1e30)
"""Singular values between these keep seven digits in single precision, their squares included."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Packed:
    """Numbers, and how they are written."""

    data: bytes
    type: str
    """NumPy's name of it, little-endian."""


@dataclass(frozen=True, slots=True)
class Binned:
    """Eigenvalues counted by size."""

    counts: Array
    """(BINS,)."""
    unresolved: int
    low: float | None
    high: float | None


def binned(sigma: Array, scale: float, resolved_from: float) -> Binned:
    """λ = scale · σ² in `BINS` bins of equal width in log10 λ, from the smallest resolved to the largest.

    σ is (k,) descending. What is below `resolved_from` (λ units) or 0 is counted apart.
    """
    with np.errstate(over="ignore", under="ignore"):  # squares beyond float64; their logarithms are within it
        resolved = sigma[(sigma > 0) & (scale * np.square(sigma) >= resolved_from)]
    counts = np.zeros(BINS, dtype=np.int64)
    if resolved.size == 0 or not scale > 0:
        return Binned(counts, int(sigma.size), None, None)
    logs = math.log10(scale) + 2 * np.log10(resolved)
    low, high = float(logs.min()), float(logs.max())
    if high > low:
        places = np.minimum((logs - low) * (BINS / (high - low)), BINS - 1).astype(np.int64)
    else:
        places = np.full(logs.size, BINS - 1)
    counts += np.bincount(places, minlength=BINS)
    return Binned(counts, int(sigma.size - resolved.size), low, high)


def tail_length(size: int, num_tail: float | None) -> int:
    """How many of `size` values are kept one by one."""
    wanted = TAIL_LEAST if num_tail is None or not math.isfinite(num_tail) else int(num_tail)
    return min(size, max(TAIL_LEAST, min(wanted, TAIL_MOST)))


def pack_counts(counts: Array) -> Packed:
    """Whole numbers from 0 on, in two bytes each where they fit."""
    kind = _COUNTS[int(counts.size > 0 and counts.max() >= 1 << 16)]
    return Packed(counts.astype(kind).tobytes(), kind)


def pack(sigma: Array) -> Packed:
    """Singular values to seven digits; all digits of those that single precision cannot hold."""
    positive = sigma[sigma > 0]
    fits = positive.size == 0 or (_FLOAT32[0] < positive.min() and positive.max() < _FLOAT32[1])
    kind = _REALS[int(not fits)]
    return Packed(sigma.astype(kind).tobytes(), kind)


def unpack_counts(data: Any, kind: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The counts; ValueError for bytes that `pack_counts` did not write."""
    return _array(data, kind, _COUNTS).astype(np.int64)


def unpack(data: Any, kind: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The singular values in float64; ValueError for bytes that `pack` did not write."""
    values = _array(data, kind, _REALS).astype(np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("a singular value is not finite or negative")
    return values


def _array(data: Any, kind: Any, known: tuple[str, str]) -> Array:
    if kind not in known or not isinstance(data, bytes):
        raise ValueError(f"numbers of the type {str(kind)[:20]!r}")
    return np.frombuffer(data, dtype=kind)  # ValueError where the length is no multiple
