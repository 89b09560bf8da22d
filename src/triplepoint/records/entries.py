"""Statistics of the entries of one matrix: the null's noise level, and what alone can imitate structure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EntryStatistics:
    """Over all entries of the tensor as stored (all slices together)."""

    count: int
    mean: float
    std: float
    """σ = √(⟨w²⟩ − ⟨w⟩²), population form; the noise level of the same-shape null."""
    max_abs: float
    skewness: float = math.nan
    """⟨(w−⟨w⟩)³⟩/σ³; NaN where it was not computed."""
    kurtosis: float = math.nan
    """⟨(w−⟨w⟩)⁴⟩/σ⁴: 3 for Gaussian entries, 1.8 for uniform ones; NaN where it was not computed (a product of two
    factors that is never formed)."""
