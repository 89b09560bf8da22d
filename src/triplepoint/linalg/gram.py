"""One pass over a matrix: its Gram matrix on the smaller side, and the statistics of its entries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.linalg.backend import Backend
from triplepoint.linalg.moments import Moments
from triplepoint.linalg.panels import is_tall, panels
from triplepoint.records import EntryStatistics, PackedRows

Array = np.ndarray[Any, Any]

# Squares of entries outside these bounds (float32: 1e±38), or fourth powers of entries or of a spread that is 1e-12 of
# them, leave the exponent range, so W is rescaled by a power of two, which is exact.
SAFE = {np.dtype(np.float32): (1e-8, 1e8), np.dtype(np.float64): (1e-60, 1e70)}


@dataclass(frozen=True, slots=True, eq=False)
class GramPass:
    """G = (cW)ᵀ(cW) with c a power of two, and the entries of W."""

    gram: Any
    factor: float
    """c; singular values of W are those of cW divided by c."""
    entries: EntryStatistics
    """Not finite where W is not; then `gram` must not be used."""


def rescaling(largest: float, smallest_safe: float, largest_safe: float) -> float:
    """A power of two that brings entries of this size near 1 where their powers would leave the range, else 1."""
    if largest == 0 or smallest_safe < largest < largest_safe:
        return 1.0
    # 2^1074 is no float64; 2^1000 brings even the smallest subnormal to 1e-23.
    return 2.0 ** -max(math.frexp(largest)[1], -1000)


def gram_pass(
    values: Array | PackedRows, dtype: np.dtype[Any], backend: Backend, factor: float = 1.0
) -> GramPass:
    """Gram matrix of `values` (rows, columns), accumulated panel by panel in `dtype`.

    Memory: n² and one panel, n the smaller side. Cost: n²·m flops (one triangle), two passes over the panel and one
    over pieces of it that stay in the cache.
    """
    tall = is_tall(values.shape)
    gram = backend.zeros(min(values.shape), dtype)
    count = values.size
    largest, moments = 0.0, Moments()
    for panel in panels(values, dtype, factor):
        high, low = float(np.max(panel)), float(np.min(panel))
        if not (math.isfinite(high) and math.isfinite(low)):
            return GramPass(gram, factor, EntryStatistics(count, math.nan, math.nan, math.nan))
        largest = max(largest, high, -low)
        moments.add(panel)
        gram = backend.accumulate(gram, panel, tall=tall)
    wanted = rescaling(largest, *SAFE[dtype])
    if factor == 1.0 and wanted != 1.0:
        return gram_pass(values, dtype, backend, wanted)
    mean, std, skewness, kurtosis = moments.result()
    entries = EntryStatistics(count, mean / factor, std / factor, largest / factor, skewness, kurtosis)
    return GramPass(gram, factor, entries)
