"""The seam between the mathematics and the machine: who forms a Gram matrix and who finds its eigenvalues.

Two operations are enough. The LAPACK backend is the fast one, the NumPy backend is the slow obvious witness and the
fallback, the torch backend runs on a GPU. All must give the same eigenvalues; the tests hold them to it.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


class Backend(Protocol):
    """Accumulates a Gram matrix from panels and returns its eigenvalues."""

    name: str

    def zeros(self, n: int, dtype: np.dtype[Any]) -> Any:
        """An empty Gram matrix (n, n)."""

    def accumulate(self, gram: Any, panel: Array, *, tall: bool) -> Any:
        """Gram + PᵀP for a tall P (k, n), Gram + PPᵀ for a wide one (n, k); may work in place."""

    def eigenvalues(self, gram: Any) -> tuple[Array, str]:
        """All eigenvalues ascending, float64, and the name of the kernel. May destroy `gram`."""
