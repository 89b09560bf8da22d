"""Comparisons of one spectrum with matrices of the same shape that have learned nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BulkNull:
    """The whole spectrum against Marchenko–Pastur with σ from the entries."""

    ks_distance: float
    """D = sup |F_spectrum − F_MP|; for pooled slices, the largest over the slices."""
    p_value: float
    """P(n·D at least this large | Gaussian matrix of this shape); slices combined by Fisher's method."""
    edge: float
    """Upper Marchenko–Pastur edge σ²(√N+√M)² in the λ units of the row."""


@dataclass(frozen=True, slots=True)
class AlphaNull:
    """Where the fitted exponent lies among the exponents of Gaussian matrices of the same shape."""

    z: float
    """Normal score Φ⁻¹(P(α_null ≤ α)); negative: heavier tail than noise."""
