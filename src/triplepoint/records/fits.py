"""The power law fitted to the tail of a spectrum."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PowerLawFit:
    """Density p(λ) = (α−1)/xmin · (λ/xmin)^(−α) for λ ≥ xmin (Clauset, Shalizi, Newman 2009)."""

    alpha: float
    alpha_sem: float
    """(α−1)/√n_tail: the standard error if xmin had been known beforehand (WeightWatcher's sigma)."""
    alpha_low: float
    """Lower end of the 95 % interval under `interval`'s sampling model."""
    alpha_high: float
    xmin: float
    """λ units."""
    xmax: float
    """Largest eigenvalue, λ units."""
    ks_distance: float
    """max over the tail of |F(λ_j) − j/n|, j = 0 … n−1 (left form)."""
    num_tail: int
    """Eigenvalues ≥ xmin."""
    num_fitted: int
    """Eigenvalues above the cut-off, from which xmin was chosen."""
    interval: str
    """Sampling model of the interval, e.g. `closed:iid-pareto`."""
    draws: tuple[float, ...] = ()
    """Bootstrap replicates of α, sorted; empty for the closed form."""
