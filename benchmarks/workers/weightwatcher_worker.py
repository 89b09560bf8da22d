"""WeightWatcher. The module is built outside the timed part, as its users have one; timed is `analyze()` alone."""

from __future__ import annotations

import time
from typing import Any

import torch
import weightwatcher
from threadpoolctl import threadpool_limits

from benchmarks.workers.protocol import Answer, serve, surroundings
from benchmarks.workers.weights import matrices

# A module's children cannot have dots in their names.
DOT = "/"
_model = torch.nn.Module()


def load(path: str) -> Answer:
    """A module with one layer a matrix: embeddings where the name says so, linear layers elsewhere."""
    global _model  # noqa: PLW0603
    _model = torch.nn.Module()
    for name, values in matrices(path).items():
        rows, columns = values.shape
        layer: torch.nn.Module
        if "embedding" in name:
            layer = torch.nn.Embedding(rows, columns, _weight=torch.tensor(values))
        else:
            layer = torch.nn.Linear(columns, rows, bias=False)
            layer.weight.data = torch.tensor(values)
        _model.add_module(name.replace(".", DOT), layer)
    return {}


def run(threads: int | None, options: dict[str, Any] | None = None) -> Answer:
    """One `analyze()` with `options`, with so many BLAS threads or as many as BLAS takes by itself."""
    watcher = weightwatcher.WeightWatcher(model=_model)
    with threadpool_limits(limits=threads, user_api="blas"):
        started = time.perf_counter()
        details = watcher.analyze(**(options or {}))
        seconds = time.perf_counter() - started
    names = (str(name).replace(DOT, ".") for name in details.longname)
    alpha = {name: float(value) for name, value in zip(names, details.alpha, strict=True)}
    answer: Answer = {"seconds": seconds, "alpha": alpha}
    if "num_traps" in details:
        traps = (str(name).replace(DOT, ".") for name in details.longname)
        answer["traps"] = {name: int(value) for name, value in zip(traps, details.num_traps, strict=True)}
    return answer


def about() -> Answer:
    """What runs here."""
    return {"version": weightwatcher.__version__, "torch": torch.__version__, **surroundings()}


if __name__ == "__main__":
    serve({"load": load, "run": run, "about": about})
