"""How far the singular vectors of one matrix spread over its rows and columns, in the tail and in the bulk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeanVariance:
    """One measure over several vectors."""

    mean: float
    variance: float
    """About that mean, divided by their number."""


@dataclass(frozen=True, slots=True)
class VectorSide:
    """The vectors of one part of the spectrum along one side; every vector v of unit length, n entries, p = v²."""

    length: int
    """n ≥ 2."""
    entropy: MeanVariance
    """−Σ p ln p / ln n, between 0 and 1."""
    localization: MeanVariance
    """‖v‖₁/‖v‖∞, between 1 and n."""
    participation: MeanVariance
    """‖v‖₂/‖v‖₄, between 1 and n^¼."""
    spread: float
    """exp(⟨H⟩ − E H), H = −Σ p ln p: entries that carry a vector, over those of a vector of random direction."""
    z: float
    """(⟨H⟩ − E H)·√k/sd H of k vectors; E and sd those of a random direction."""


@dataclass(frozen=True, slots=True)
class VectorPart:
    """The tail or the bulk."""

    count: int
    """Vectors that are determined, k ≥ 1."""
    rows: VectorSide
    """Left vectors, over the rows."""
    columns: VectorSide
    """Right vectors, over the columns."""


@dataclass(frozen=True, slots=True)
class VectorStatistics:
    """All singular vectors whose eigenvalues a fit uses, split at its xmin."""

    tail: VectorPart | None
    """Those of the `num_tail` largest eigenvalues; None where none of them is determined."""
    bulk: VectorPart | None
    """The other ones."""
    undetermined: int
    """Vectors left out: eigenvalues so near to one another that rounding turns their vectors."""
    shorter: str
    """`rows` or `columns`: the side of length min(rows, columns); rows of a square."""
