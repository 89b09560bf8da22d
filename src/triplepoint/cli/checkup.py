"""What `doctor` looks at. Each look survives what is missing: that is its subject."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
import time
from typing import Any

from triplepoint import __version__

_NEEDED = ("numpy", "scipy", "ml_dtypes", "click", "rich", "threadpoolctl")
_OPTIONAL = {
    "numba": "bootstraps in compiled code, with the same numbers: pip install 'triplepoint[fast]'",
    "torch": "nn.Module and GPU spectra, not .pt files: pip install 'triplepoint[torch]'",
    "gguf": "quantised GGUF files: pip install 'triplepoint[formats]'",
    "onnx": "ONNX files: pip install 'triplepoint[formats]'",
    "h5py": "Keras and HDF5 files: pip install 'triplepoint[formats]'",
    "pandas": "Scan.to_pandas: pip install 'triplepoint[frames]'",
    "polars": "Scan.to_polars: pip install 'triplepoint[frames]'",
    "pyarrow": "Parquet and Scan.to_arrow: pip install 'triplepoint[frames]'",
    "safetensors": "nothing; files are read without it, the tests compare with it",
}
_PLANTED_ALPHA = 3.0
_TOLERANCE = 0.5


def examine() -> dict[str, Any]:
    """Everything, in the order it is shown; `usable` says whether the self-test passed."""
    test = self_test()
    return {
        "system": system(),
        "packages": {name: version(name) or "missing" for name in _NEEDED},
        "optional": {
            name: version(name) or f"not installed; would add {what}" for name, what in _OPTIONAL.items()
        },
        "kernels": kernels(),
        "blas": blas(),
        "environment": environment(),
        "self_test": test,
        "usable": bool(test["passed"]),
    }


def system() -> dict[str, str]:
    """Versions and the machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "triplepoint": __version__,
        "python": f"{platform.python_version()} ({sys.implementation.name})",
        "platform": platform.platform(),
        "cores": f"{usable} usable of {os.cpu_count()}",
    }


def version(package: str) -> str | None:
    """The installed version, read without importing: torch alone would take seconds."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def kernels() -> dict[str, str]:
    """Which routine would compute spectra here."""
    try:
        found = importlib.import_module("triplepoint.linalg").kernels()
        return {str(name): str(what) for name, what in found.items()}
    except Exception as error:
        return {"failed": _one_line(error)}


def blas() -> list[dict[str, str]]:
    """The BLAS libraries in this process; NumPy and SciPy often bring one each."""
    try:
        import numpy  # noqa: F401  # loaded so that its BLAS is seen
        import scipy.linalg  # noqa: F401  # as above
        from threadpoolctl import threadpool_info
    except Exception as error:
        return [{"failed": _one_line(error)}]
    return [
        {
            "library": str(info.get("internal_api")),
            "version": str(info.get("version")),
            "threads": str(info.get("num_threads")),
            "architecture": str(info.get("architecture", "unknown")),
        }
        for info in threadpool_info()
    ]


def environment() -> dict[str, str]:
    """Variables that change kernels or threads."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name == "OPENBLAS_CORETYPE" or name.endswith("_NUM_THREADS")
    }


def self_test() -> dict[str, Any]:
    """Scan pure noise, which must not look trained, and a planted power law, which must be found."""
    start = time.perf_counter()
    try:
        scan = importlib.import_module("triplepoint").scan(_two_matrices(), workers=1)
        rows = {row.name: row for row in scan.matrices}
        noise, planted = rows["noise.weight"], rows["planted.weight"]
        alpha = planted.metrics.get("alpha")
        passed = (
            noise.phase == "under_trained"
            and planted.phase != "under_trained"
            and alpha is not None
            and abs(alpha - _PLANTED_ALPHA) < _TOLERANCE
        )
        found = {
            "noise": f"{noise.phase or noise.reason}, should be under_trained",
            "power_law": f"{planted.phase or planted.reason}, alpha {alpha}, should be near {_PLANTED_ALPHA}",
        }
    except Exception as error:
        passed, found = False, {"failed": _one_line(error)}
    return {**found, "seconds": round(time.perf_counter() - start, 2), "passed": passed}


def _two_matrices() -> dict[str, Any]:
    """A Gaussian matrix, and one whose eigenvalues are the quantiles of p(λ) ∝ λ⁻³."""
    import numpy as np

    random = np.random.default_rng(0)
    size = 192
    left, right = (np.linalg.qr(random.standard_normal((size, size)))[0] for _ in range(2))
    levels = (np.arange(size) + 0.5) / size
    eigenvalues = (1 - levels) ** (-1 / (_PLANTED_ALPHA - 1))
    return {
        "noise.weight": random.standard_normal((size, size)).astype(np.float32),
        "planted.weight": ((left * np.sqrt(eigenvalues)) @ right).astype(np.float32),
    }


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
