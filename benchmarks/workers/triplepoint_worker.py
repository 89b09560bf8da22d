"""Our side. Timed is the whole of `scan(path)`: reading, spectra, fits, null comparison, every metric, phases."""

from __future__ import annotations

import time
from typing import Any

import triplepoint
from benchmarks.workers.protocol import Answer, serve, surroundings

_path = ""


def load(path: str) -> Answer:
    """Remember the file; reading it is part of what is timed."""
    global _path  # noqa: PLW0603
    _path = path
    return {}


def run(mode: str, options: dict[str, Any] | None = None) -> Answer:
    """One scan in the given mode with default workers."""
    started = time.perf_counter()
    found = triplepoint.scan(_path, mode=mode, **(options or {}))
    seconds = time.perf_counter() - started
    alpha = {
        row.name.removesuffix(".weight"): row.metrics.get("alpha")
        for row in found.matrices
        if row.status == "ok"
    }
    methods = sorted({row.method for row in found.matrices if row.method is not None})
    traps = {row.name.removesuffix(".weight"): row.metrics.get("num_traps") for row in found.matrices}
    return {"seconds": seconds, "alpha": alpha, "methods": methods, "traps": traps}


def about() -> Answer:
    """What runs here."""
    return {"version": triplepoint.__version__, **surroundings()}


if __name__ == "__main__":
    import scipy.linalg.cython_blas  # noqa: F401  # so that SciPy's BLAS is among those named

    serve({"load": load, "run": run, "about": about})
