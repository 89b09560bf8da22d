"""The noise of one spectrum: the Marchenko–Pastur law fitted to its bulk, and what stands above it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noise:
    """The Marchenko–Pastur law fitted to one slice, in the units of WᵀW, whatever the scale of the row."""

    sigma: float
    """0 where the matrix is its spikes and nothing else that rounding resolves."""
    spikes: int
    """Eigenvalues above `threshold`."""
    shape: tuple[int, int]
    """(N − k, M − k)."""
    ks_distance: float
    """1 where σ = 0: no eigenvalue lies on the law."""
    softrank: float
    """λ₊/λmax."""
    threshold: float


@dataclass(frozen=True, slots=True)
class Noises:
    """The noise of every slice of a row, one of a matrix."""

    slices: tuple[Noise | None, ...]
    """None for a constant slice."""


@dataclass(frozen=True, slots=True)
class BulkFit:
    """Marchenko–Pastur law fitted to the bulk of a spectrum. λ units are those of the row.

    For the pooled slices of a convolution every slice is fitted by itself, constant ones left out: σ is the root mean
    square over the slices with noise, the spikes of all are added, edges, threshold, soft rank and distance are those
    of the slice that departs most from noise.
    """

    sigma: float
    """Standard deviation of the noise entries."""
    edge_low: float
    """λ₋ = σ²(√N' − √M')², with N' = N − k and M' = M − k for k spikes."""
    edge: float
    """λ₊ = σ²(√N' + √M')²."""
    threshold: float
    """λ above which an eigenvalue is a spike: the Tracy–Widom quantile 1 − `level` of the largest noise eigenvalue."""
    num_spikes: int
    """Eigenvalues above the threshold; of slices, each above its own."""
    softrank: float
    """λ₊/λmax, above 1 where λmax lies below the edge."""
    ks_distance: float
    """D between the eigenvalues that are no spikes and the fitted law."""
    ks_p: float
    """P(n·D at least this large | Gaussian matrix of this shape, fitted alike); simulated."""
    level: float
    """False-alarm rate of the spike threshold."""
    method: str
    """`quantiles` (robust) or `kde`: σ by WeightWatcher 0.7.7's fit to a kernel density, but for two things.

    On purpose, square matrices are fitted by the quarter circle √(4σ² − x²)/(πσ²), where WeightWatcher leaves the σ out
    of the root, and slices of a convolution singly, where it pools them. Spikes, threshold and p-value are judged as
    with `quantiles`.
    """


@dataclass(frozen=True, slots=True)
class Signal:
    """What is left of a matrix when its noise is shrunk away optimally (Gavish and Donoho 2017, arXiv 1405.7511)."""

    energy: float
    """‖Ŵ‖_F²/‖W‖_F², the share of the energy that is signal; constant slices take no part."""
    rank: int
    """Singular values that survive the shrinkage."""


@dataclass(frozen=True, slots=True)
class TraceLog:
    """Effective correlation space of SETOL (arXiv 2507.17912): the largest eigenvalues whose logarithms sum to zero."""

    num: int
    """Eigenvalues in the space (`detX_num` of WeightWatcher)."""
    lambda_min: float
    """Smallest eigenvalue of the space, λ units of the row."""
