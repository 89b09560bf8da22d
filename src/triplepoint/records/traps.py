"""Correlation traps: outlier eigenvalues of a matrix whose entries were shuffled."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np


class Cause(StrEnum):
    """What in the entries makes the outlier."""

    few_huge_entries = "few_huge_entries"
    shifted_mean = "shifted_mean"
    heavy_tailed_entries = "heavy_tailed_entries"
    chance = "chance"


@dataclass(frozen=True, slots=True)
class TrapEntry:
    """One entry of W that carries a trap."""

    row: int
    """Of the matrix as it was analysed: rows are outputs, those of a fused part count within it."""
    column: int
    value: float
    """W[row, column] / σ."""
    share: float
    """Part of the trap's singular value that comes from this entry beside the mean: (w − ⟨w⟩)·uᵢ·vⱼ / s."""
    slice: int = 0
    """Kernel position or group that row and column are of; 0 where the matrix has one slice."""
    index: tuple[int, ...] | None = None
    """The same place in the tensor as stored; None where an entry is not one stored number, as in decoded weights."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One outlier of the shuffled matrix."""

    eigenvalue: float
    """λ units of the row."""
    strength: float
    """λ/λ₊, with λ₊ = σ²(√N + √M)² and σ from the entries."""
    cause: Cause
    entries: tuple[TrapEntry, ...]
    """The largest contributions, at most three; places are those in W before the shuffle."""
    effective_rows: float
    """1/Σu⁴ of the singular vector along the rows: 1 if a single row carries it, about N/3 if all do."""
    effective_columns: float
    mean_overlap: float
    """⟨u, 1/√N⟩²·⟨v, 1/√M⟩²: 1 if the trap is the mean of the entries."""


@dataclass(frozen=True, slots=True)
class Traps:
    """All outliers of one shuffle, and how they were looked for."""

    num: int
    """Eigenvalues above `threshold`; 0 where the screen says that none can be."""
    centred: int
    """The same after the mean of the entries was taken out."""
    threshold: float
    """λ units of the row: Tracy–Widom quantile 1 − `level`; for several slices with their root-mean-square σ. Lower
    where the kurtosis of the entries is below 3."""
    edge: float
    """λ₊ in λ units of the row."""
    level: float
    """False-alarm rate that a shuffle of light-tailed entries has; none where the screen passes them."""
    method: str
    """`screen` (closed form, no shuffle) or `krylov` (one shuffle, searched with a certificate of the count)."""
    traps: tuple[Trap, ...] = ()
    """The strongest, at most 16 of them."""


@dataclass(frozen=True, slots=True)
class Randomized:
    """Full spectra of shuffled matrices (`--randomize`)."""

    rand_distance: float
    """Of the first draw: √(Jensen–Shannon divergence) of the sorted eigenvalue vectors as probabilities, nats."""
    rand_distance_sd: float | None
    """Over the replicas; None for one."""
    rand_log_distance: float
    """Of the first draw: Wasserstein-1 distance of log10 λ."""
    max_rand_eval: float
    """Largest eigenvalue of the first draw, λ units of the row."""
    lambda_max: float
    """Largest eigenvalue of W, λ units of the row."""
    num_traps_mean: float
    """Mean count of traps over the replicas."""
    num_traps_sd: float | None
    replicas: int
    singular_values: np.ndarray[Any, np.dtype[np.float64]] | None = field(
        default=None, compare=False, repr=False
    )
    """(slices · M,) descending, of the first draw; None unless they were asked for."""


@dataclass(frozen=True, slots=True)
class ReplicaNull:
    """One spectrum among replicas of a chosen null (`--null`)."""

    kind: str
    """gaussian · shuffle · signflip · product."""
    replicas: int
    p_value: float
    """Whole spectrum: (1 + #{Dᵦ ≥ D})/(B + 1), D = sup |F − F̄| to the mean over the observed and all replicas."""
    p_error: float
    """Monte-Carlo standard error of `p_value`."""
    edge_p: float
    """The same for λmax."""
    num_components: int
    """Leading eigenvalues that exceed the 95 % quantile of the largest eigenvalue of the replicas, from the top on."""
