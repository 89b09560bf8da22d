"""One tensor, from bytes to rows: the only place that knows the order of things.

    read → decode → form → decompose → (promote) → facts → metrics → phase, class → findings → row

A tensor yields one row; a convolution the pooled row and one row a slice, all from the same decomposition; a fused
weight its own row and one row a part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np

from triplepoint import diagnosis, matrices
from triplepoint.errors import TriplepointError
from triplepoint.facts import Facts
from triplepoint.fits import MIN_EIGENVALUES, FitSettings
from triplepoint.linalg import Backend, Decomposition, Mode, decompose, precise_again
from triplepoint.metrics import Metric
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import (
    AlphaNull,
    BulkFit,
    BulkNull,
    Finding,
    InitialWeights,
    MatrixPlan,
    MatrixRow,
    Measurement,
    PowerLawFit,
    Randomized,
    Reason,
    Severity,
    Spectrum,
    TrapEntry,
    Traps,
    Values,
    WeightMatrix,
)
from triplepoint.records.spectra import EPS32

Array: TypeAlias = np.ndarray[Any, Any]
Loaded: TypeAlias = tuple[Values | None, Reason | None, str | None]
Decomposed: TypeAlias = tuple[WeightMatrix, Decomposition]

# In `fast`, a tail that starts this far below λmax, or within this factor of the cut-off of float32, may have been cut
# short or lie in rounding noise; like a spectrum without a fit, the matrix is done again in double precision.
PROMOTE_BELOW = 1e-4
PROMOTE_NEAR_CUT = 4.0
# λ = σ² and the sums over it stay normal float64 numbers between these.
MIN_SIGMA, MAX_SIGMA = 1e-140, 1e140


@dataclass(frozen=True, slots=True)
class Settings:
    """What one matrix needs to know of the request."""

    mode: Mode
    metrics: tuple[Metric, ...]
    asked: bool
    """Whether the metrics were named by the user; then `fast` gives way where one needs precision."""
    fit: FitSettings
    null: NullSettings
    spectra: bool
    backend: Backend
    initial: matrices.Initial | None = None
    """The weights that training began from, where a metric needs them."""


def analyze(plans: Sequence[MatrixPlan], read: matrices.ReadPart, settings: Settings) -> list[MatrixRow]:
    """Rows of the weights made of the same stored tensors: wholes, fused parts and kernel slices, in order.

    The tensors are read and decoded once; a whole and its slices share a decomposition. Never raises for a bad tensor.
    """
    loaded: list[Loaded] = []

    def load(plan: MatrixPlan) -> Loaded:
        if not loaded:
            loaded.append(_loaded(plan, read))
        return loaded[0]

    return [row for _, group in groupby(plans, key=_matrix) for row in _analyze(list(group), load, settings)]


def _matrix(plan: MatrixPlan) -> tuple[object, ...]:
    """What a whole and its slices have in common."""
    return (plan.at, plan.piece)


def _analyze(
    plans: Sequence[MatrixPlan], load: Callable[[MatrixPlan], Loaded], settings: Settings
) -> list[MatrixRow]:
    started = time.perf_counter()
    rows = [blank(plan, "skipped", plan.reason, plan.detail) for plan in plans if plan.reason is not None]
    wanted = [plan for plan in plans if plan.reason is None]
    if not wanted:
        return rows
    # A whole that was filtered out is still decomposed for a slice that was not.
    whole = replace(plans[0], reason=None)
    values, reason, detail = load(whole)
    found = _decomposed(whole, values, settings) if values is not None else reason or Reason.internal_error
    if isinstance(found, Reason):
        return rows + [blank(plan, "failed", found, detail) for plan in wanted]
    done = [
        _row(plan, *(found if plan.slice is None else _only(*found, plan.slice)), settings) for plan in wanted
    ]
    seconds = (time.perf_counter() - started) / len(done)
    return rows + [replace(row, seconds=seconds) for row in done]


def examine(plan: MatrixPlan, loaded: Values, settings: Settings) -> Facts | Reason:
    """The records that the row of a matrix is made of, for what acts on it; as `analyze` finds them."""
    found = _decomposed(plan, loaded, settings)
    return found if isinstance(found, Reason) else _facts(plan, *found, settings)


def _only(matrix: WeightMatrix, found: Decomposition, index: int) -> Decomposed:
    """One slice of a convolution on its own."""
    assert isinstance(matrix.values, np.ndarray), "only arrays have slices"
    return replace(matrix, values=matrix.values[index : index + 1]), found.only(index)


def _loaded(plan: MatrixPlan, read: matrices.ReadPart) -> Loaded:
    """The values of a weight, or why there are none and what completes the reason."""
    try:
        return matrices.load(plan, read), None, None
    except MemoryError:
        return None, Reason.out_of_memory, None
    except TriplepointError as error:
        return None, Reason.unreadable, error.found
    except OSError as error:
        return None, Reason.unreadable, str(error)


def _decomposed(plan: MatrixPlan, loaded: Values, settings: Settings) -> Decomposed | Reason:
    try:
        matrix = matrices.form(plan, loaded)
        found = _decompose(matrix.values, plan, settings)
    except MemoryError:
        return Reason.out_of_memory
    return found if isinstance(found, Reason) else (matrix, found)


def _decompose(values: Values, plan: MatrixPlan, settings: Settings) -> Decomposition | Reason:
    mode: Mode = settings.mode
    if mode == "fast" and settings.asked and any(metric.needs_precise for metric in settings.metrics):
        mode = "precise"
    found = decompose(values, mode, settings.backend)
    if isinstance(found, Reason) or found.epsilon != EPS32:
        return found
    if not MIN_SIGMA < np.max(found.singular_values) < MAX_SIGMA:
        return found
    fit = Facts(_spectrum(plan, found), FitSettings()).get(PowerLawFit)
    promote_below = max(PROMOTE_BELOW, PROMOTE_NEAR_CUT * found.shape[0] * EPS32)
    if isinstance(fit, Reason) or fit.xmin < promote_below * fit.xmax:
        return precise_again(found, values, settings.backend)
    return found


def _spectrum(plan: MatrixPlan, found: Decomposition) -> Spectrum:
    pooled = np.sort(found.singular_values, axis=None)[::-1]
    return Spectrum(
        singular_values=pooled,
        shape=found.shape,
        slices=found.singular_values.shape[0],
        scale=plan.scale,
        method=found.method,
        epsilon=found.epsilon,
        storage_epsilon=found.storage_epsilon,
        resolved_from=float(plan.scale * pooled[0] ** 2 * found.resolved_ratio),
    )


def _row(plan: MatrixPlan, matrix: WeightMatrix, found: Decomposition, settings: Settings) -> MatrixRow:
    facts = _facts(plan, matrix, found, settings)
    if isinstance(facts, Reason):
        return blank(plan, "skipped" if facts is Reason.all_zero else "failed", facts)
    spectrum = _present(facts.get(Spectrum))
    measured = [_measure(metric, facts) for metric in settings.metrics]
    fit, bulk, alpha_null = (_present(facts.get(kind)) for kind in (PowerLawFit, BulkNull, AlphaNull))
    traps = _placed(plan, _present(facts.get(Traps)))
    # It judges what is missing as well: a collapsed rank may leave no tail to fit.
    spectral_class = diagnosis.classify_spectrum(
        spectrum, facts.get(PowerLawFit), facts.get(BulkNull), facts.get(BulkFit)
    )
    phase, confidence = diagnosis.classify(fit, bulk)
    findings = diagnosis.diagnose(diagnosis.Evidence(plan, fit, bulk, alpha_null, phase, confidence, traps))
    faults = "; ".join(facts.faults)
    if faults:
        statement = f"{Reason.internal_error.sentence} ({faults})"
        findings = (Finding(Reason.internal_error.value, _LOUD[Reason.internal_error], statement), *findings)
    count = spectrum.singular_values.size
    return MatrixRow(
        **_identity(plan),
        num_eigenvalues=count,
        method=spectrum.method,
        resolved_from=spectrum.resolved_from,
        status="ok",
        reason=None,
        counted=plan.counted and count >= MIN_EIGENVALUES,
        detail=faults or plan.detail,
        phase=phase,
        phase_confidence=confidence,
        metrics={m.metric: m.value for m in measured},
        metric_status={m.metric: m.reason for m in measured if m.reason is not None},
        findings=_loud(plan, findings),
        spectral_class=_present(spectral_class),
        traps=traps.traps if traps is not None else (),
        singular_values=spectrum.singular_values if settings.spectra else None,
        shuffled_singular_values=_shuffled(facts, settings),
        null_p=bulk.p_value if bulk is not None else None,
    )


def _facts(
    plan: MatrixPlan, matrix: WeightMatrix, found: Decomposition, settings: Settings
) -> Facts | Reason:
    top = float(np.max(found.singular_values))
    if top == 0:
        return Reason.all_zero  # one pruned slice of a kernel that lives
    if not MIN_SIGMA < top < MAX_SIGMA:
        return Reason.extreme_scale
    facts = Facts(
        matrix,
        found,
        _spectrum(plan, found),
        replace(settings.fit, name=plan.id),
        replace(settings.null, name=plan.id),
    )
    if settings.initial is not None:
        # Read and decoded once for all that asks.
        facts.add(InitialWeights(cache(partial(settings.initial.matrix, plan))))
    return facts


def _loud(plan: MatrixPlan, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings as they are; of a row that stands beside the model (depthwise kernels) they inform and close no gate."""
    if plan.counted or plan.secondary:
        return findings
    return tuple(replace(finding, severity=Severity.info) for finding in findings)


def _shuffled(facts: Facts, settings: Settings) -> Array | None:
    """σ of the first shuffle, where spectra are kept and a metric has asked for it anyway."""
    if not (settings.spectra and settings.null.randomize):
        return None
    found = facts.get(Randomized)
    return None if isinstance(found, Reason) else found.singular_values


def _present(record: Any) -> Any:
    return None if isinstance(record, Reason) else record


def _placed(plan: MatrixPlan, traps: Traps | None) -> Traps | None:
    """Traps whose entries say where they stand in the tensor."""
    if traps is None:
        return None

    def placed(entry: TrapEntry) -> TrapEntry:
        slice = entry.slice if plan.slice is None else plan.slice
        index = matrices.stored_index(plan, slice, entry.row, entry.column)
        return replace(entry, slice=slice, index=index)

    found = [replace(trap, entries=tuple(placed(entry) for entry in trap.entries)) for trap in traps.traps]
    return replace(traps, traps=tuple(found))


def _measure(metric: Metric, facts: Facts) -> Measurement:
    """A number, or None with the reason; a value that is not finite is `undefined`, never a number."""
    if metric.needs_precise and facts.get(Spectrum).epsilon == EPS32:  # type: ignore[union-attr]
        return Measurement(metric.name, None, Reason.needs_precise)
    value = facts.call(metric.function)
    if isinstance(value, Reason):
        return Measurement(metric.name, None, value)
    if value is None or not np.isfinite(value):
        return Measurement(metric.name, None, Reason.undefined)
    return Measurement(metric.name, float(value))


def _identity(plan: MatrixPlan) -> Mapping[str, Any]:
    fields = ("id", "name", "part", "sources", "tensor_shape", "dtype", "kind", "shape", "scale")
    return {field: getattr(plan, field) for field in fields}


_LOUD = {
    Reason.non_finite: Severity.error,
    Reason.unreadable: Severity.error,
    Reason.internal_error: Severity.error,
    Reason.out_of_memory: Severity.warning,
    Reason.not_converged: Severity.warning,
    Reason.extreme_scale: Severity.warning,
    Reason.all_zero: Severity.warning,
}


def blank(plan: MatrixPlan, status: Any, reason: Reason | None, detail: str | None = None) -> MatrixRow:
    """The row of a tensor that was left out or failed; broken weights are findings too, once for the same weights."""
    findings: tuple[Finding, ...] = ()
    if reason in _LOUD and not plan.secondary:
        findings = (Finding(reason.value, _LOUD[reason], reason.sentence),)
    return MatrixRow(
        **_identity(plan),
        num_eigenvalues=None,
        method=None,
        resolved_from=None,
        status=status,
        reason=reason,
        counted=False,
        detail=detail if detail is not None else plan.detail,
        findings=findings,
    )
