"""A whole checkpoint: open, plan, analyse every matrix, sum up.

`run` is what the command line and `scan` share. Headers are read first, so every tensor is planned before any weight
is touched; then one matrix a worker is in memory at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from triplepoint import __version__, analysis, checkpoints, matrices
from triplepoint.diagnosis import NULL_LEVEL
from triplepoint.engines import SerialEngine, Task, ThreadEngine
from triplepoint.environment import environment
from triplepoint.errors import UsageError
from triplepoint.linalg import MODES, choose_backend
from triplepoint.metrics import METRICS, Metric
from triplepoint.records import MatrixPlan, MatrixRow, Provenance, Reason, Scan
from triplepoint.summary import summarize

DEFAULT_REPLICATES = 500
MAX_REPLICATES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Everything the user may ask of a scan; see `scan`."""

    source: Any
    mode: str = "precise"
    layers: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    seed: int = 0
    workers: int | None = None
    interval: str = "closed"
    allow_pickle: bool = False
    device: str | None = None
    spectra: bool = False


OnRow = Callable[[int, int, MatrixRow], None]


def scan(
    source: Any,
    *,
    mode: str = "precise",
    layers: str | Iterable[str] | None = None,
    metrics: str | Iterable[str] | None = None,
    seed: int = 0,
    workers: int | None = None,
    interval: str = "closed",
    allow_pickle: bool = False,
    device: str | None = None,
) -> Scan:
    """Spectrum, power law, null comparison, metrics and phase of every weight matrix of a checkpoint.

    Args:
        source: a path (safetensors file, index or Hugging Face folder, `.npy`, `.npz`), a `torch.nn.Module`, a state
            dict or a dict of arrays. No code from a file is executed.
        mode: `precise` (float64 Gram matrix), `fast` (float32, promoted where needed) or `exact` (float64 SVD).
        layers: glob patterns over matrix ids; one that starts with `!` excludes.
        metrics: names of metrics; all by default.
        seed: of everything random; here only the bootstrap.
        workers: worker threads; by default one a usable core.
        interval: `closed`, `bootstrap` or `bootstrap:B` with B refits.
        allow_pickle: pickled checkpoints are not read in this version; see the error for how to convert.
        device: a torch device such as `cuda`; by default LAPACK on the CPU.

    Returns:
        A `Scan`; a bad tensor is a row with its reason, never an exception.

    Raises:
        UsageError: an unknown mode, metric or interval, or a pattern that matches nothing.
        UnreadableCheckpoint, UnsafeCheckpoint: the checkpoint itself cannot be read, or must not be.

    Cost: about 2·M²·N flops a matrix; 39 matrices of a 23 M parameter transformer take about half a second on two
    cores. Memory: M²·8 bytes of the largest matrix and 8 MiB a worker.

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((256, 128))
    >>> scan({"layer.weight": noise})["layer.weight"].phase
    <Phase.under_trained: 'under_trained'>
    """
    return run(
        ScanRequest(
            source=source,
            mode=mode,
            layers=_names(layers),
            metrics=_names(metrics),
            seed=seed,
            workers=workers,
            interval=interval,
            allow_pickle=allow_pickle,
            device=device,
        )
    )


def _names(given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


def run(request: ScanRequest, *, on_row: OnRow | None = None) -> Scan:
    """Scan with a callback `on_row(done, total, row)` on the calling thread.

    On KeyboardInterrupt the matrices already begun are finished, the rest become rows with the reason `interrupted`,
    and the scan is returned with `provenance.interrupted`.
    """
    started = time.perf_counter()
    settings, workers = _settings(request), _workers(request.workers)
    reader = checkpoints.open(request.source, allow_pickle=request.allow_pickle)
    plans = matrices.tie(matrices.plan(reader.tensors(), reader.config), reader.read)
    chosen = _filter(plans, request.layers)
    tasks = [tuple(group) for _, group in groupby(chosen, key=lambda plan: plan.sources)]
    engine = ThreadEngine(workers) if workers > 1 else SerialEngine()

    done: dict[str, MatrixRow] = {}
    interrupted = False
    try:
        with closing(engine.run(tasks, lambda task: _analyze(task, reader.read, settings))) as results:
            for rows in results:
                for row in rows:
                    done[row.id] = row
                    if on_row is not None:
                        on_row(len(done), len(chosen), row)
    except KeyboardInterrupt:
        interrupted = True
    rows = [done.get(p.id) or analysis.blank(p, "skipped", p.reason or Reason.interrupted) for p in chosen]
    return Scan(
        Provenance(
            version=__version__,
            source=reader.source,
            format=reader.format,
            digest=reader.digest(),
            seed=request.seed,
            settings=_recorded(request, settings, workers),
            environment=environment(),
            seconds=time.perf_counter() - started,
            interrupted=interrupted,
        ),
        tuple(rows),
        summarize(rows, [metric.name for metric in settings.metrics]),
    )


def _analyze(task: Task, read: Any, settings: analysis.Settings) -> list[MatrixRow]:
    try:
        return analysis.analyze(task, read, settings)
    except Exception as error:
        # A fault of ours in one matrix must not cost the user the others; the row names it.
        if os.environ.get("TRIPLEPOINT_DEBUG"):
            raise
        detail = f"{type(error).__name__}: {error}"
        return [analysis.blank(plan, "failed", Reason.internal_error, detail) for plan in task]


def _settings(request: ScanRequest) -> analysis.Settings:
    if request.mode not in MODES:
        raise UsageError(f"mode {request.mode!r}", "unknown", f"Use one of {', '.join(MODES)}")
    return analysis.Settings(
        mode=request.mode,
        metrics=_metrics(request.metrics),
        asked=request.metrics is not None,
        seed=request.seed,
        replicates=_replicates(request.interval),
        spectra=request.spectra,
        backend=choose_backend(request.device),
    )


def _metrics(names: Sequence[str] | None) -> tuple[Metric, ...]:
    if names is None:
        return tuple(METRICS.values())
    for name in names:
        if name not in METRICS:
            import difflib

            near = difflib.get_close_matches(name, METRICS, n=3) or sorted(METRICS)
            raise UsageError(f"metric {name!r}", "unknown", f"Did you mean {', '.join(near)}?")
    return tuple(METRICS[name] for name in dict.fromkeys(names))


def _replicates(interval: str) -> int:
    kind, _, count = interval.partition(":")
    if kind == "closed" and not count:
        return 0
    if kind == "bootstrap" and (not count or count.isdecimal()):
        replicates = int(count) if count else DEFAULT_REPLICATES
        if 20 <= replicates <= MAX_REPLICATES:
            return replicates
    raise UsageError(
        f"interval {interval!r}",
        "not understood",
        f"Use closed, bootstrap or bootstrap:B with B from 20 to {MAX_REPLICATES}",
    )


def _workers(asked: int | None) -> int:
    if asked is not None:
        if asked < 1:
            raise UsageError(f"{asked} workers", "at least one is needed", "Leave out workers for one a core")
        return asked
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _filter(plans: Sequence[MatrixPlan], patterns: Sequence[str] | None) -> list[MatrixPlan]:
    """Plans outside the patterns become left out, with the reason `filtered`; slices follow their tensor."""
    if patterns is None:
        return list(plans)
    wanted = [p for p in patterns if not p.startswith("!")] or ["*"]
    unwanted = [p[1:] for p in patterns if p.startswith("!")]

    def matches(plan: MatrixPlan, globs: Sequence[str]) -> bool:
        base = plan.id.removesuffix(f"/{plan.part}")
        return any(fnmatchcase(plan.id, glob) or fnmatchcase(base, glob) for glob in globs)

    kept = [p if matches(p, wanted) and not matches(p, unwanted) else None for p in plans]
    if not any(kept):
        example = plans[0].id if plans else "none"
        raise UsageError(f"layers {', '.join(patterns)}", "no matrix matches", f"Ids look like {example!r}")
    return [
        keep if keep is not None else replace(plan, reason=plan.reason or Reason.filtered)
        for keep, plan in zip(kept, plans, strict=True)
    ]


def _recorded(request: ScanRequest, settings: analysis.Settings, workers: int) -> dict[str, Any]:
    return {
        "mode": request.mode,
        "interval": request.interval,
        "layers": list(request.layers) if request.layers else None,
        "metrics": list(request.metrics) if request.metrics else None,
        "workers": workers,
        "device": request.device,
        "backend": settings.backend.name,
        "allow_pickle": request.allow_pickle,
        "spectra": request.spectra,
        "null_level": NULL_LEVEL,
    }
