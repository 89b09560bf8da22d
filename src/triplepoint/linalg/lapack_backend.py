"""The default backend: syrk on one triangle, then tridiagonalisation, all without the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import lapack
from triplepoint.linalg.threads import current_threads

Array = np.ndarray[Any, Any]

# Two-stage tridiagonalisation turns bandwidth-bound symv into gemm, but its second stage is serial, so threads favour
# one stage for longer. Measured by `benchmarks/choices.py` on Sapphire Rapids, one stage / two stages in seconds:
# n = 2560 float64 one thread 2.1 / 1.8; n = 3072 float32 one thread 2.0 / 1.8; two threads n = 3072 float64 2.1 / 2.4,
# n = 4096 float64 6.6 / 5.0, n = 4096 float32 2.4 / 3.3.
TWO_STAGE_FROM = {"float64": 2560, "float32": 3072}
TWO_STAGE_THREADED_FROM = {"float64": 3584, "float32": 6144}
# 48 and 64 are equal within noise; LAPACK's own choice (32 here) costs up to a third more at n = 4096.
BANDWIDTH = 64


def two_stage(n: int, dtype: np.dtype[Any]) -> bool:
    """Whether the two-stage reduction measured faster at this size with the threads BLAS has now."""
    if n < TWO_STAGE_FROM[dtype.name] or not lapack.has_two_stage():
        return False
    return n >= TWO_STAGE_THREADED_FROM[dtype.name] or current_threads() == 1


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
        """One stage or two, whichever `two_stage` says."""
        if two_stage(gram.shape[0], gram.dtype):
            d, e = lapack.tridiagonal_from_band(lapack.band(gram, BANDWIDTH))
            kernel = "two-stage"
        else:
            d, e = lapack.tridiagonal(gram)
            kernel = "tridiagonal"
        return lapack.eigenvalues_of_tridiagonal(d, e).astype(np.float64, copy=False), kernel
