"""Exact spectra: panelled Gram matrices, tridiagonalisation without the interpreter's lock, exact SVD."""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.linalg.backend import Backend
from triplepoint.linalg.decompose import MODES, Decomposition, Mode, decompose, precise_again
from triplepoint.linalg.threads import blas_threads

__all__ = [
    "MODES",
    "Backend",
    "Decomposition",
    "Mode",
    "blas_threads",
    "choose_backend",
    "decompose",
    "kernels",
    "precise_again",
]


def choose_backend(device: str | None = None) -> Backend:
    """LAPACK pointers where SciPy exports them, else plain NumPy; torch when a device is named."""
    if device is not None:
        from triplepoint.linalg.torch_backend import TorchBackend

        return TorchBackend(device)
    try:
        from triplepoint.linalg import lapack
        from triplepoint.linalg.lapack_backend import LapackBackend

        lapack.probe()
    except (ImportError, LookupError, AttributeError, OSError):
        from triplepoint.linalg.numpy_backend import NumpyBackend

        return NumpyBackend()
    return LapackBackend()


def kernels() -> Mapping[str, str]:
    """What this machine will use, for `triplepoint doctor`."""
    backend = choose_backend()
    if backend.name != "lapack":
        return {"backend": backend.name, "two_stage": "not available"}
    from triplepoint.linalg import lapack, lapack_backend

    from_side = ", ".join(f"{name} from n = {side}" for name, side in lapack_backend.TWO_STAGE_FROM.items())
    two_stage = from_side if lapack.has_two_stage() else "not available"
    return {"backend": "lapack (no interpreter lock)", "two_stage": two_stage}
