"""One look at the matrices of a task: not at all where they have not moved, at the top, or at the whole spectrum.

A matrix whose weights have moved by no more than a share `tolerance` of its largest singular value since the last
whole spectrum is left alone: by Weyl's inequality |σᵢ(W) − σᵢ(W₀)| ≤ ‖W − W₀‖₂ ≤ ‖W − W₀‖_F for every i. It is held
against the last whole spectrum, not the last look, so that small steps add up until they count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from triplepoint import analysis, matrices
from triplepoint.analysis import Settings
from triplepoint.checkpoints.memory import open_mapping
from triplepoint.engines import Task
from triplepoint.fits.interval import stream
from triplepoint.linalg.leading import Leading, leading, moved
from triplepoint.monitor.subject import Copied
from triplepoint.records import MatrixPlan, MatrixRow, Reason, Visit, VisitKind

Array = np.ndarray[Any, Any]

TOLERANCE = 1e-3


@dataclass(slots=True, eq=False)
class _Seen:
    """What is remembered of a task between looks."""

    plans: tuple[object, ...]
    """Of which matrices: where they change in shape or type, nothing is compared."""
    copied: Copied | None = None
    """The weights of the last whole spectrum; None where memory is short."""
    tops: Mapping[str, float] = field(default_factory=dict)
    """{row id: largest σ as stored} of that spectrum."""
    vectors: dict[str, Array] = field(default_factory=dict)
    """{row id: (M, k)} of the last look at the top."""


@dataclass(slots=True, eq=False)
class Looker:
    """Turns copies into visits. One thread at a time."""

    settings: Settings
    seed: int
    tolerance: float = TOLERANCE
    room: int = 1 << 62
    """Bytes of weights that may be remembered; of the rest every look is a whole one."""
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _held: int = 0

    def full(self, copied: Copied) -> tuple[Visit, ...]:
        """Whole spectra, or `unchanged`. A bad tensor is a row with its reason."""
        began = time.thread_time()
        seen = self._of(copied.task)
        change = self._change(copied, seen)
        if change and max(change.values()) <= self.tolerance:
            return _unchanged(copied, change, time.thread_time() - began)
        rows = self._rows(copied)
        seen.tops = {row.id: top for row in rows if (top := _top(row)) is not None}
        self._remember(copied, seen)
        seconds = (time.thread_time() - began) / max(len(rows), 1)
        return tuple(
            Visit(copied.step, row.id, VisitKind.full, row.metrics, row, change.get(row.id), seconds=seconds)
            for row in rows
        )

    def light(self, copied: Copied) -> tuple[Visit, ...]:
        """The largest eigenvalues of what has moved; a whole look where these cannot be had."""
        began = time.thread_time()
        seen = self._of(copied.task)
        change = self._change(copied, seen)
        if change and max(change.values()) <= self.tolerance:
            return _unchanged(copied, change, time.thread_time() - began)
        if copied.failed:
            return self.full(copied)
        visits: list[Visit] = []
        wanted = [plan for plan in copied.task if has_top(plan)]
        values = matrices.load(replace(wanted[0], reason=None), copied.read)
        for plan in wanted:
            before = time.thread_time()
            matrix = matrices.form(plan, values).values
            assert isinstance(matrix, np.ndarray), "has_top says so"
            start = seen.vectors.get(plan.id)
            found = leading(matrix[0], stream(self.seed, f"{plan.id}@{copied.step}"), start)
            if isinstance(found, Reason):
                seen.vectors.pop(plan.id, None)
                if found is Reason.not_converged:
                    continue
                return self.full(copied)  # it has the words for what is wrong
            seen.vectors[plan.id] = found.vectors
            visits.append(_leading_visit(plan, copied.step, found, change, time.thread_time() - before))
        return tuple(visits)

    def _rows(self, copied: Copied) -> list[MatrixRow]:
        wanted = {plan.id for plan in copied.task if plan.reason is None}
        try:
            rows = analysis.analyze(copied.task, copied.read, self.settings)
            return [row for row in rows if row.id in wanted]
        except Exception as error:  # as a scan: a fault of ours in one matrix must not cost the others
            detail = f"{type(error).__name__}: {error}"
            return [
                analysis.blank(plan, "failed", Reason.internal_error, detail)
                for plan in copied.task
                if plan.reason is None
            ]

    def _of(self, task: Task) -> _Seen:
        plans = tuple((plan.id, plan.shape, plan.dtype, plan.sources, plan.at) for plan in task)
        seen = self._seen.get(task[0].id)
        if seen is None or seen.plans != plans:
            if seen is not None and seen.copied is not None:
                self._held -= seen.copied.nbytes
            seen = self._seen[task[0].id] = _Seen(plans)
        return seen

    def _remember(self, copied: Copied, seen: _Seen) -> None:
        if seen.copied is not None:
            self._held -= seen.copied.nbytes
        fits = not copied.failed and self._held + copied.nbytes <= self.room
        seen.copied = copied if fits else None
        self._held += copied.nbytes if fits else 0

    def _change(self, copied: Copied, seen: _Seen) -> dict[str, float]:
        """{row id: ‖W − W₀‖_F/‖W₀‖₂}; empty where there is nothing to compare with.

        Of fused weights and kernels the norm is that of the whole tensor, which no part exceeds.
        """
        before = seen.copied
        if before is None or copied.failed or not seen.tops:
            return {}
        if all(np.array_equal(array, before.tensors[key]) for key, array in copied.tensors.items()):
            return dict.fromkeys(seen.tops, 0.0)
        whole = replace(copied.task[0], piece=None, slice=None, reason=None)
        pair = [matrices.form(whole, matrices.load(whole, at.read)).values for at in (copied, before)]
        distance = moved(*pair)
        if isinstance(distance, Reason):
            return {}
        return {id: distance / top for id, top in seen.tops.items()}


def warm(settings: Settings) -> None:
    """Look at noise once: tables and libraries that a first look loads (0.05 s) belong to no budget."""
    noise = np.random.default_rng(0).standard_normal((64, 48)).astype(np.float32)
    reader = open_mapping({"noise": noise})
    plans = matrices.plan(reader.tensors(), reader.config, reader.read, matrices.overrides_of(()))
    analysis.analyze(plans, reader.read, settings)
    leading(np.tile(noise, (4, 3)), np.random.default_rng(0))


def has_top(plan: MatrixPlan) -> bool:
    """Whether its largest eigenvalues can be had alone: one dense matrix that stands for itself."""
    formed = plan.decoding is None or plan.decoding.scheme != "low_rank"
    return plan.reason is None and plan.slice is None and plan.slices == 1 and not plan.secondary and formed


def _top(row: MatrixRow) -> float | None:
    if row.singular_values is None or not row.singular_values.size:
        return None
    return float(row.singular_values[0]) or None


def _unchanged(copied: Copied, change: Mapping[str, float], seconds: float) -> tuple[Visit, ...]:
    each = seconds / len(change)
    return tuple(
        Visit(copied.step, id, VisitKind.unchanged, change=share, seconds=each)
        for id, share in change.items()
    )


def _leading_visit(
    plan: MatrixPlan, step: int, found: Leading, change: Mapping[str, float], seconds: float
) -> Visit:
    top = float(found.values[0])
    metrics = {
        "param_norm": found.total,
        "log_norm": math.log10(plan.scale * found.total),
        "log_spectral_norm": math.log10(plan.scale * top),
        "stable_rank": found.total / top,
        "leading_residual": found.residual,
    }
    return Visit(
        step,
        plan.id,
        VisitKind.leading,
        metrics,
        change=change.get(plan.id),
        seconds=seconds,
        eigenvalues=plan.scale * found.values,
    )
