"""The default backend: syrk on one triangle, then tridiagonalisation, all without the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import lapack
from triplepoint.linalg.threads import current_threads

Array = np.ndarray[Any, Any]

# Two-stage tridiagonalisation turns bandwidth-bound symv into gemm, but its second stage is serial, so threads favour
# one stage for longer. Measured on Sapphire Rapids, one stage / two stages in seconds: one thread n = 2560 float64
# 1.57 / 1.37, n = 3072 float64 3.14 / 1.71 and float32 1.46 / 0.99; two threads n = 3072 float64 1.65 / 1.70 and
# float32 0.77 / 0.85, n = 4096 float64 4.67 / 3.47 and float32 2.10 / 1.79. `benchmarks/choices.py` repeats this.
TWO_STAGE_FROM = {"float64": 2560, "float32": 3072}
TWO_STAGE_THREADED_FROM = 3584
# First and second stage at n = 4096, float64, two threads, seconds: bandwidth 32 3.4 + 0.9, 48 2.7 + 1.1, 64 2.7 + 1.4.
BANDWIDTH = 48


def two_stage(n: int, dtype: np.dtype[Any]) -> bool:
    """Whether the two-stage reduction measured faster at this size with the threads BLAS has now."""
    if n < TWO_STAGE_FROM[dtype.name] or not lapack.has_two_stage():
        return False
    return n >= TWO_STAGE_THREADED_FROM or current_threads() == 1


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

    def eigenvalues(self, gram: Array) -> tuple[Array, str]:
        """One stage or two, whichever `two_stage` says."""
        if two_stage(gram.shape[0], gram.dtype):
            d, e = lapack.tridiagonal_from_band(lapack.band(gram, BANDWIDTH))
            kernel = "two-stage"
        else:
            d, e = lapack.tridiagonal(gram)
            kernel = "tridiagonal"
        return lapack.eigenvalues_of_tridiagonal(d, e).astype(np.float64, copy=False), kernel
