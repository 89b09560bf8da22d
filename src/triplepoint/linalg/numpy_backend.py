"""The plain backend: nothing but `numpy.linalg`; the fallback where LAPACK pointers cannot be had."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class NumpyBackend:
    """`P.T @ P` and `numpy.linalg.eigvalsh`, which computes in double whatever the input."""

    name = "numpy"

    def zeros(self, n: int, dtype: np.dtype[Any]) -> Array:
        """See `Backend`."""
        return np.zeros((n, n), dtype)

    def accumulate(self, gram: Array, panel: Array, *, tall: bool) -> Array:
        """See `Backend`."""
        # Entries that overflow here are rescaled in a second pass; see `gram_pass`.
        with np.errstate(over="ignore", invalid="ignore"):
            gram += panel.T @ panel if tall else panel @ panel.T
        return gram

    def eigenvalues(self, gram: Array) -> tuple[Array, str]:
        """See `Backend`."""
        return np.linalg.eigvalsh(gram).astype(np.float64, copy=False), "eigvalsh"
