"""The default backend: syrk on one triangle, then tridiagonalisation, all without the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import lapack

Array = np.ndarray[Any, Any]

# Two-stage tridiagonalisation turns bandwidth-bound symv into gemm, but its second stage is serial. Measured with
# one thread on Sapphire Rapids, one-stage against two-stage, seconds: n = 2048 float64 1.05 / 1.04, float32
# 0.62 / 0.68; n = 4096 float64 12.4 / 6.4, float32 5.7 / 4.5. LAPACK's own block choice is far too small.
TWO_STAGE_FROM = 2560
BANDWIDTH = 64


class LapackBackend:
    """Function pointers of SciPy's LAPACK; float32 in `fast`, float64 otherwise."""

    name = "lapack"

    def zeros(self, n: int, dtype: np.dtype[Any]) -> Array:
        """See `Backend`."""
        return np.zeros((n, n), dtype)

    def accumulate(self, gram: Array, panel: Array, *, tall: bool) -> Array:
        """Only one triangle is formed."""
        lapack.syrk(panel, gram, tall=tall, beta=1.0)
        return gram

    def trace(self, gram: Array) -> float:
        """See `Backend`."""
        return float(np.trace(gram, dtype=np.float64))

    def eigenvalues(self, gram: Array) -> tuple[Array, str]:
        """One stage below `TWO_STAGE_FROM`, two stages from there on where the library has them."""
        if gram.shape[0] >= TWO_STAGE_FROM and lapack.has_two_stage():
            d, e = lapack.tridiagonal_from_band(lapack.band(gram, BANDWIDTH))
            kernel = "two-stage"
        else:
            d, e = lapack.tridiagonal(gram)
            kernel = "tridiagonal"
        return lapack.eigenvalues_of_tridiagonal(d, e).astype(np.float64, copy=False), kernel
