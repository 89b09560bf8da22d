"""A whole checkpoint: open, plan, analyse every matrix, sum up.

`run` is what the command line and `scan` share. Headers are read first, so every tensor is planned before any weight
is touched; then one matrix a worker is in memory at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from typing import Any

from triplepoint import __version__, analysis, asked, checkpoints, matrices
from triplepoint.checkpoints.digests import blake2b
from triplepoint.engines import SerialEngine, Task, ThreadEngine, largest_first
from triplepoint.environment import environment
from triplepoint.journal import Journal
from triplepoint.records import MatrixPlan, MatrixRow, Provenance, Reason, Scan
from triplepoint.request import MAX_TENSORS, ScanRequest, chosen, identity, recorded, settings_of, workers_of
from triplepoint.summary import summarize

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
    layouts: Mapping[str, str] | None = None,
    max_tensors: int = MAX_TENSORS,
    resume: str | os.PathLike[str] | None = None,
    randomize: int = 0,
    null: str | None = None,
    tails: bool = False,
    vectors: bool = False,
    window: str = "intended",
    gof: int = 0,
    bulk: str = "quantiles",
    level: float = 0.01,
    init: Any = None,
    spectra: bool = False,
) -> Scan:
    """Spectrum, power law, null comparison, metrics and phase of every weight matrix of a checkpoint.

    Args:
        source: a path (a file of safetensors, NumPy, GGUF, ONNX, Keras or torch.save, an index of shards, the folder
            of a model or adapter), a `torch.nn.Module`, a state dict or a dict of arrays. No code from a file is run.
        mode: `precise` (float64 Gram matrix), `fast` (float32, promoted where needed) or `exact` (float64 SVD).
        layers: glob patterns over matrix ids; one that starts with `!` excludes.
        metrics: names of metrics, beside those of the options below; by default the 40 of every scan.
        seed: of everything random: shuffles, replicas, bootstraps.
        workers: worker threads; by default one a usable core.
        interval: `closed`, `bootstrap` or `bootstrap:B` with B refits.
        allow_pickle: read files of `torch.save`: weights only, in a separate process, without running their code.
        device: a torch device such as `cuda`; by default LAPACK on the CPU.
        layouts: what the axes of tensors mean, by glob pattern over ids and names, such as
            `{"*.qkv": "out(query,key,value),in"}`; `skip` leaves out. See `matrices.layouts`.
        max_tensors: a checkpoint that names more is refused.
        resume: a file that keeps finished rows; the same scan begun again goes on from there.
        randomize: shuffles whose full spectra are computed, with the metrics that come from them; 0 for none.
        null: `gaussian`, `shuffle`, `signflip` or `product` (adapters), or `KIND:B` with B replicas (199), for p-values
            by simulation.
        tails: also fit the other laws of the tail and the estimators with their null scores.
        vectors: also how far singular vectors of tail and bulk spread over rows and columns.
        window: `intended`, `legacy` or `study`: where xmin of e_tpl and exp is looked for; see `fits.windows`.
        gof: bootstrap samples of the goodness of fit; 0 for none.
        bulk: how the noise level is fitted: `quantiles` (robust) or `kde` (the density fit of WeightWatcher,
            slice by slice and with the right law for square matrices).
        level: false-alarm rate of spikes and traps, for one matrix.
        init: the weights that training began from, whatever `source` may be; matrices are matched by id.
        spectra: also keep the singular values of every row, which pictures of a spectrum need; 8 bytes each.

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
            layers=asked.names("layers", layers),
            metrics=asked.names("metrics", metrics),
            seed=seed,
            workers=workers,
            interval=interval,
            allow_pickle=allow_pickle,
            device=device,
            layouts=asked.layouts(layouts),
            max_tensors=max_tensors,
            resume=None if resume is None else asked.path("resume", resume),
            randomize=randomize,
            null=null,
            tails=tails,
            vectors=vectors,
            window=window,
            gof=gof,
            bulk=bulk,
            level=level,
            init=init,
            spectra=asked.flag("spectra", spectra),
        )
    )


def run(
    request: ScanRequest, *, on_row: OnRow | None = None, reader: checkpoints.Reader | None = None
) -> Scan:
    """Scan with a callback `on_row(done, total, row)` on the calling thread.

    `reader`: a checkpoint that is open already, or is none that could be named, such as an edited copy.

    On KeyboardInterrupt the matrices already begun are finished, the rest become rows with the reason `interrupted`,
    and the scan is returned with `provenance.interrupted`.
    """
    started = time.perf_counter()
    settings, workers = settings_of(request), workers_of(request.workers)
    overrides = matrices.overrides_of(request.layouts)
    if reader is None:
        reader = checkpoints.open(
            request.source, allow_pickle=request.allow_pickle, max_tensors=request.max_tensors
        )
    digest = reader.digest()
    plans = matrices.tie(matrices.plan(reader.tensors(), reader.config, reader.read, overrides), reader.read)
    plans = chosen(plans, request.layers)
    if request.init is not None:
        settings = replace(settings, initial=_initial(request, overrides, plans))
    tasks = largest_first(
        [tuple(group) for _, group in groupby(plans, key=lambda plan: (plan.sources, plan.at))]
    )
    engine = ThreadEngine(workers) if workers > 1 else SerialEngine()
    journal = (
        None
        if request.resume is None
        else Journal(request.resume, identity(request, settings, digest, __version__))
    )
    ahead = _Ahead(reader, tasks, workers)
    finished: list[list[MatrixRow]] = []

    def work(task: Task) -> list[MatrixRow]:
        rows = _kept(task, journal)
        if rows is None:
            ahead.begin(task)
            rows = _analyze(task, reader.read, settings)
            if rows[0].status != "skipped":
                ahead.end(task)
            if journal is not None:
                journal.keep(_key(task), rows)
        finished.append(rows)
        return rows

    done: dict[str, MatrixRow] = {}
    interrupted = False
    try:
        with closing(engine.run(tasks, work)) as results:
            for rows in results:
                for row in rows:
                    done[row.id] = row
                    if on_row is not None:
                        on_row(len(done), len(plans), row)
    except KeyboardInterrupt:
        interrupted = True
        # Workers that were in the middle of a matrix have finished it meanwhile.
        done.update({row.id: row for rows in finished for row in rows})
    finally:
        if journal is not None:
            journal.close()
    rows = [done.get(p.id) or analysis.blank(p, "skipped", p.reason or Reason.interrupted) for p in plans]
    return Scan(
        Provenance(
            version=__version__,
            source=reader.source,
            format=reader.format,
            digest=digest,
            seed=request.seed,
            settings=recorded(request, settings, workers),
            environment=environment(),
            seconds=time.perf_counter() - started,
            interrupted=interrupted,
        ),
        tuple(rows),
        summarize(rows, [metric.name for metric in settings.metrics], settings.null.replicas),
    )


def _initial(
    request: ScanRequest, overrides: matrices.Overrides, plans: Sequence[MatrixPlan]
) -> matrices.Initial:
    """The second checkpoint of `--init`. Layouts are for both; one that fits none of its tensors is no error there."""
    reader = checkpoints.open(
        request.init, allow_pickle=request.allow_pickle, max_tensors=request.max_tensors
    )
    other = matrices.plan(reader.tensors(), reader.config, reader.read, replace(overrides, strict=False))
    return matrices.Initial.of(reader.source, reader.digest(), reader, other, plans)


def _kept(task: Task, journal: Journal | None) -> list[MatrixRow] | None:
    """The rows that an earlier run finished, if they are those of every plan."""
    rows = None if journal is None or any(plan.reason for plan in task) else journal.finished.get(_key(task))
    return rows if rows is not None and [row.id for row in rows] == [plan.id for plan in task] else None


def _key(task: Task) -> str:
    """What decides the numbers of a weight beside its bytes: heads and the factor of an adapter come from a config
    that may be edited between two runs, and the names of the rows stay the same."""
    return blake2b([repr(task).encode("utf-8", "backslashreplace")])


class _Ahead:
    """Byte ranges in the order of the tasks: what comes next is brought in time, what is done with is given back."""

    def __init__(self, reader: checkpoints.Reader, tasks: Sequence[Task], workers: int) -> None:
        self._reader = reader
        wanted = [task for task in tasks if any(plan.reason is None for plan in task)]
        self._next = dict(zip((task[0].id for task in wanted), wanted[workers:], strict=False))

    def begin(self, task: Task) -> None:
        """Ask for the task that will follow when the workers are through with theirs."""
        following = self._next.get(task[0].id)
        # Entries of one stack share their range: asking again for all of it would bring back what was given back.
        if following is not None and following[0].at is None:
            for name in following[0].sources:
                self._reader.prefetch(name)

    def end(self, task: Task) -> None:
        """Give the bytes back; of a stack all of them, since what another worker still reads comes from the cache."""
        for name in task[0].sources:
            self._reader.release(name)


def _analyze(task: Task, read: Any, settings: analysis.Settings) -> list[MatrixRow]:
    try:
        return analysis.analyze(task, read, settings)
    except Exception as error:
        # A fault of ours in one matrix must not cost the user the others; the row names it.
        if os.environ.get("TRIPLEPOINT_DEBUG"):
            raise
        detail = f"{type(error).__name__}: {error}"
        return [analysis.blank(plan, "failed", Reason.internal_error, detail) for plan in task]
