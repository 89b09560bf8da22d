"""diffract-core. Weights are added to an in-memory session outside the timed part; timed is `apply("pl_alpha")`.

That is its spectrum (a full SVD with vectors: it offers no other) and its power-law fit, which comes in two kinds:
`powerlaw`, the package of that name, and `diffract`, its own compiled one.
"""

from __future__ import annotations

import math
import time
from importlib.metadata import version
from typing import Any

from diffract import Session

from benchmarks.workers.protocol import Answer, serve, surroundings
from benchmarks.workers.weights import matrices

_weights: dict[str, Any] = {}


def load(path: str) -> Answer:
    """Keep the matrices in memory."""
    _weights.clear()
    _weights.update({f"{name}.weight": values for name, values in matrices(path).items()})
    return {}


def run(fit: str) -> Answer:
    """A session of its own each time, or the stored results would be used again."""
    session = Session(profile="ram")
    with session:
        session.compute.configure_kernel("power_law_fit", fit_method=fit)
        session.models.add(_weights, model_id="model")
        started = time.perf_counter()
        session.compute.apply("pl_alpha")
        seconds = time.perf_counter() - started
        rows = session.results.export_metrics("pl_alpha", export_format="list")
    found = {
        row["parameter_name"].removesuffix(".weight"): float(row.get("pl_alpha", math.nan)) for row in rows
    }
    return {"seconds": seconds, "alpha": {name: None if math.isnan(a) else a for name, a in found.items()}}


def about() -> Answer:
    """What runs here."""
    return {"version": version("diffract-core"), "numpy": version("numpy"), **surroundings()}


if __name__ == "__main__":
    serve({"load": load, "run": run, "about": about})
