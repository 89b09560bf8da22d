"""A spectrum as a run keeps it: how many eigenvalues lie where, and the largest of them one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumSketch:
    """One spectrum; λ = scale · σ², as in the row of the matrix."""

    matrix: str
    """Id of the row."""
    step: int
    num_eigenvalues: int
    """`counts` and `unresolved` add up to it."""
    scale: float
    low: float | None
    """log10 of the smallest resolved eigenvalue; None where there is none above 0."""
    high: float | None
    """log10 of the largest."""
    counts: np.ndarray[Any, np.dtype[np.int64]]
    """(bins,) eigenvalues in bins of equal width in log10 λ from `low` to `high`; the last includes its end."""
    unresolved: int
    """Eigenvalues below 10^low: rounding noise or 0."""
    tail: Numbers
    """(k,) the largest σ, descending, to seven digits."""
    full: Numbers | None = None
    """(num_eigenvalues,) every σ, descending, to seven digits; None but at key frames."""

    @property
    def edges(self) -> Numbers | None:
        """(bins + 1,) log10 λ at the ends of the bins."""
        if self.low is None or self.high is None:
            return None
        return np.linspace(self.low, self.high, self.counts.size + 1)

    @property
    def tail_eigenvalues(self) -> Numbers:
        """(k,) the largest λ, descending."""
        return np.asarray(self.scale * np.square(self.tail))
