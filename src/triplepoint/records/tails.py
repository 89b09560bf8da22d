"""Other laws for the tail of a spectrum, and how they compare with the power law."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TailFit:
    """One law fitted to the eigenvalues from `xmin` on, by maximum likelihood."""

    xmin: float
    """λ units of the row."""
    num_tail: int
    ks_distance: float
    """max over the tail of |F(λ_j) − j/n|, j = 0 … n−1 (left form)."""
    log_likelihood: float
    """Σ ln p(λ_j) over the tail."""
    alpha: float | None = None
    """Exponent, of the laws that have one."""
    rate: float | None = None
    """Λ of e^(−Λλ), in 1/λ, of the laws that have one."""
    log_mean: float | None = None
    """μ of ln λ, lognormal alone."""
    log_std: float | None = None


@dataclass(frozen=True, slots=True)
class TailFits:
    """The laws at the power law's own xmin, and two of them at theirs; None where a law has no fit."""

    exponential: TailFit | None
    lognormal: TailFit | None
    """Cut off below xmin; None where its likelihood grows towards the power law without end."""
    truncated: TailFit | None
    """At the xmin of the power law."""
    bounded: TailFit | None
    """p ∝ λ^(−α) on [xmin, λmax]; any real α."""
    tpl: TailFit | None
    """Truncated power law with the xmin of smallest D among all with 8 points from it on."""
    e_tpl: TailFit | None
    """Truncated power law with the xmin of smallest D in the window around the peak of the histogram."""
    exp: TailFit | None
    """Exponential with the xmin of smallest D in the same window."""


@dataclass(frozen=True, slots=True)
class Clipped:
    """The power law after the largest eigenvalues that bend it (fingers) are set aside."""

    alpha: float
    num_fingers: int


@dataclass(frozen=True, slots=True)
class TailComparison:
    """Likelihood ratios against the power law with xmin selected for it. Positive z: the power law is the better."""

    exponential_z: float | None
    """Vuong's normalised log-likelihood ratio."""
    exponential_p: float | None
    """Two-sided."""
    lognormal_z: float | None
    lognormal_p: float | None
    truncated_ratio: float | None
    """2·(ℓ_TPL − ℓ_PL) ≥ 0, nested."""
    truncated_p: float | None


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """Clauset's semi-parametric bootstrap: how often a sample of the fitted law lies as far from its own refit."""

    p_value: float
    p_error: float
    """Monte-Carlo standard error."""
    truncated_p: float | None
    """P of a likelihood ratio for the truncated law at least this large under the power law, xmin selected anew in
    every replica."""
    replicas: int


@dataclass(frozen=True, slots=True)
class TailIndices:
    """Exponents from a fixed share of the spectrum, each with its score against the same-shape null."""

    hill: float
    """Hill's estimator on the top decile."""
    hill_z: float | None
    hill_median: float
    """Hill's estimator on the upper half (PL_Alpha_Hill)."""
    hill_median_z: float | None


@dataclass(frozen=True, slots=True)
class TiledIndex:
    """Hill's estimator on the upper half of the pooled spectra of square sub-matrices (FARMS, arXiv 2506.06280)."""

    alpha: float
    sd: float | None
    """Spread of α between tiles; None for one tile."""
    z: float | None
    tiles: int
    side: int
