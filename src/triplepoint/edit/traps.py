"""Taking correlation traps out of a matrix: W' = W − T + R.

The traps are those of the scan: outliers of the same seeded shuffle of the entries (`nulls.traps`). T is the part of
the shuffled matrix along all of them, brought back by the inverse of the shuffle; R is Gaussian noise with the mean and
variance of T's entries from a stream of its own, so that the places that T leaves are not told by their quiet. This is
the removal of WeightWatcher 0.8, here for all traps at once and with a seed.

The mean of the entries is a trap of its own once it leaves the bulk, and is taken out like any other. R then has mean
zero: with the mean of T the same trap would stand there again.

A trap belongs to one arrangement of the entries, and what is taken out lowers σ and with it the threshold. A few huge
entries are gone for good; heavy-tailed entries have traps again, in the arrangement of the seed and in others. The
report counts both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition, choose_backend, decompose, eigenpairs
from triplepoint.linalg.gram import gram_pass
from triplepoint.nulls import outliers, screen, shuffle, traps
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import Slice, per_slice, varied
from triplepoint.records import Reason

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Trapped:
    """The part T of one slice along its traps, in the units and places of W."""

    count: int
    values: Array
    """(rows, columns)"""
    noise_mean: float
    """Mean of the entries of T; 0 where it would be a trap."""
    noise_std: float
    """Standard deviation of the entries of T."""


def remove_traps(values: Array, settings: NullSettings) -> tuple[Array, int] | Reason:
    """(W', number of traps) of (rows, columns) or (slices, rows, columns), float64; or why it cannot be shuffled.

    `settings.seed` and `settings.name` choose the shuffle, as in a scan. Cost: that of the search for traps, the
    indices of the shuffle and 4·rows·columns flops a trap. Memory: about 24 bytes an entry of one slice.

    >>> w = np.random.default_rng(0).standard_normal((60, 40))
    >>> w[3, 5] = 100.0
    >>> cleaned, count = remove_traps(w, NullSettings(name="w"))
    >>> count, bool(abs(cleaned[3, 5]) < 10)
    (1, True)
    """
    stack = values if values.ndim == 3 else values[None]
    found = decompose(stack, "precise", choose_backend())
    parts = found if isinstance(found, Reason) else trapped_slices(stack, found, settings)
    if isinstance(parts, Reason):
        return parts
    cleaned = [
        np.asarray(one, np.float64) if part is None else without(one, part, settings, index)
        for index, (one, part) in enumerate(zip(stack, parts, strict=True))
    ]
    return np.stack(cleaned).reshape(values.shape), sum(part.count for part in parts if part)


def trapped_slices(
    stack: Array, decomposition: Decomposition, settings: NullSettings
) -> list[Trapped | None] | Reason:
    """T of every slice of (slices, rows, columns); None where it has no trap."""
    reason = traps.unsuited(stack, decomposition)
    if reason is not None:
        return reason
    slices = varied(stack, decomposition)
    if not slices:
        return Reason.undefined
    level = per_slice(settings.level, len(slices))
    parts: list[Trapped | None] = [None] * len(stack)
    for part in slices:
        if not screen.is_quiet(part.entries, decomposition.shape):
            parts[part.index] = _trapped(part, decomposition.shape, level, settings)
    return parts


def without(matrix: Array, trapped: Trapped, settings: NullSettings, index: int) -> Array:
    """W − T + R of slice `index`, float64."""
    generator = shuffle.draw_stream(settings, "trap-noise", 0, index)
    cleaned: Array = np.asarray(generator.standard_normal(matrix.shape))
    cleaned *= trapped.noise_std
    cleaned += trapped.noise_mean
    cleaned -= trapped.values
    cleaned += matrix.astype(np.float64)
    return cleaned


def _trapped(part: Slice, shape: tuple[int, int], level: float, settings: NullSettings) -> Trapped | None:
    drawn = traps.drawn_from(part, shape, settings)
    vectors = _outliers(drawn, traps.bound(part.entries, shape, level), part, settings)
    if not vectors.shape[1]:
        return None
    along = _along(drawn, vectors)
    mean, std = float(np.mean(along)), float(np.std(along))
    # The strength of a mean, and from where on the scan takes it for a possible trap: see `screen`.
    quiet = abs(mean) * math.sqrt(along.size) < screen.MEAN * screen.critical(shape)
    along *= part.entries.std
    return Trapped(
        count=vectors.shape[1],
        values=_brought_back(along, part, settings),
        noise_mean=part.entries.std * mean if quiet else 0.0,
        noise_std=part.entries.std * std,
    )


def _outliers(drawn: outliers.Shuffled, bound: float, part: Slice, settings: NullSettings) -> Array:
    """Unit vectors (M, k) of all outliers along the shorter side: as many as the scan counts."""
    backend = choose_backend()
    start = shuffle.draw_stream(settings, "krylov", 0, part.index)
    found = outliers.find(drawn, bound, start, backend)
    if found.vectors.shape[1] >= found.count:
        return found.vectors[:, : found.count]
    # So many that the search listed the largest alone.
    whole = drawn.matrix.astype(np.float64) + drawn.mean
    gram = gram_pass(whole, np.dtype(np.float64), backend).gram
    return eigenpairs.leading_pairs(gram, found.count)[1]


def _along(drawn: outliers.Shuffled, vectors: Array) -> Array:
    """The shuffled matrix with its mean along its outliers, units of σ, float64."""
    matrix, tall = drawn.matrix, drawn.tall
    short = vectors.astype(matrix.dtype)
    long = (matrix @ short if tall else short.T @ matrix).astype(np.float64)
    sums = np.asarray(np.sum(vectors, axis=0, dtype=np.float64))
    long += drawn.mean * (sums if tall else sums[:, None])
    return np.asarray(long @ vectors.T if tall else vectors @ long)


def _brought_back(along: Array, part: Slice, settings: NullSettings) -> Array:
    """The entries where they stood before the shuffle."""
    order = shuffle.origins(along.size, slice(None), shuffle.draw_stream(settings, "shuffle", 0, part.index))
    back = np.empty(along.size, along.dtype)
    back[order] = along.reshape(-1)
    return back.reshape(along.shape)
