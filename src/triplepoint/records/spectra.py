"""All singular values of one matrix, or of the pooled slices of one convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

EPS64 = 2.0**-52
EPS32 = 2.0**-23


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Singular values σ with the normalisation λ = scale · σ².

    `shape` is (N, M) with N ≥ M, of one slice when `slices` > 1; there are slices · M singular values.
    """

    singular_values: np.ndarray[Any, np.dtype[np.float64]]
    """(slices · M,) float64, descending, of the matrix as stored."""
    shape: tuple[int, int]
    """(N, M), N ≥ M, of one slice."""
    slices: int = 1
    scale: float = 1.0
    """λ = scale · σ²; 1 but for convolutions."""
    method: str = "exact"
    """Kernel that produced the values, e.g. `gram64+tridiagonal`."""
    epsilon: float = EPS64
    """Rounding unit of the arithmetic: 2⁻⁵² in double, 2⁻²³ in single precision."""
    storage_epsilon: float = EPS32
    """Rounding unit for `matrix_rank`: 2⁻²³ for storage of 32 bits or fewer, 2⁻⁵² for float64."""
    resolved_from: float = 0.0
    """Eigenvalues λ below this are rounding noise of the kernel: marked, never fitted."""

    @property
    def eigenvalues(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """λ = scale · σ², (slices · M,) float64, descending."""
        return np.asarray(self.scale * np.square(self.singular_values))

    @property
    def fit_from(self) -> float:
        """A fit uses λ above this: the relative cut-off max(N, M) · ε · λmax, or `resolved_from` if larger."""
        if self.singular_values.size == 0:
            return 0.0
        top = self.scale * float(self.singular_values[0]) ** 2
        return max(self.shape[0] * self.epsilon * top, self.resolved_from)

    @property
    def fitted(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The eigenvalues that a fit uses, those above `fit_from`, ascending."""
        ascending = self.eigenvalues[::-1]
        return ascending[ascending > self.fit_from]
