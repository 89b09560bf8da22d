"""What the numbers were computed on; part of every provenance."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from importlib.metadata import version

# Environment variables that change which kernels BLAS picks or how many threads it starts.
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@lru_cache(maxsize=1)
def environment() -> dict[str, str]:
    """Versions, BLAS and its architecture, cores, and the variables that change its kernels."""
    import scipy.linalg.cython_blas  # noqa: F401  # loads SciPy's BLAS, so that it is listed
    from threadpoolctl import threadpool_info

    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        **{name: version(name) for name in ("numpy", "scipy", "ml_dtypes")},
    }
    for library in threadpool_info():
        if library.get("user_api") == "blas":
            found["blas"] = " ".join(
                str(library.get(key))
                for key in ("internal_api", "version", "architecture")
                if library.get(key)
            )
    found.update({name: os.environ[name] for name in BLAS_VARIABLES if name in os.environ})
    return found
