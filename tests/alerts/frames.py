"""Frames by hand: scalars of one step, and visits whose row holds only what a rule reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from triplepoint.alerts import Watch
from triplepoint.records import (
    Alert,
    AlertState,
    Cause,
    Classified,
    Frame,
    MatrixRow,
    Phase,
    Reason,
    ScalarPoint,
    SpectralClass,
    Trap,
    TrapEntry,
    Visit,
    VisitKind,
)


def scalars(step: int, **values: float | None) -> Frame:
    """One value each; None is a NaN."""
    points = [ScalarPoint(name, step, value, non_finite=int(value is None)) for name, value in values.items()]
    return Frame(step, 0.0, tuple(points))


def row(id: str, **fields: Any) -> MatrixRow:
    """A dense row of shape 64 × 32."""
    given = {
        "id": id,
        "name": id,
        "part": None,
        "sources": (id,),
        "tensor_shape": (64, 32),
        "dtype": "float32",
        "kind": "dense",
        "shape": (64, 32),
        "scale": 1.0,
        "num_eigenvalues": 32,
        "method": "gram",
        "resolved_from": 1e-12,
        "status": "ok",
        "reason": None,
        "counted": True,
    }
    return MatrixRow(**{**given, **fields})


def trap(cause: Cause = Cause.few_huge_entries, strength: float = 3.0) -> Trap:
    """With one entry of 12 σ."""
    return Trap(9.0, strength, cause, (TrapEntry(1, 2, 12.0, 0.9),), 1.0, 1.0, 0.0)


PHASE_ALPHA = {
    Phase.under_trained: (8.0, 7.0, 9.0),
    Phase.well_trained: (3.0, 2.5, 3.5),
    Phase.over_trained: (1.5, 1.3, 1.8),
    Phase.undecided: (2.0, 1.5, 2.5),
    None: (3.0, 2.5, 3.5),
}


def look(
    step: int,
    id: str = "w",
    phase: Phase | None = Phase.well_trained,
    *,
    norm: float = 4.0,
    traps: float | None = 0,
    cause: Cause = Cause.few_huge_entries,
    alpha: tuple[float, float, float] | None = None,
    rank: float | None = 20.0,
    matrix_rank: float | None = 32.0,
    collapsed: bool = False,
    reason: Reason | None = None,
    counted: bool = True,
    change: float | None = None,
    null_p: float | None = None,
) -> Visit:
    """A full visit; α and its interval are those of the phase where they are not given."""
    if reason is not None:
        failed = row(id, status="failed", reason=reason, counted=False)
        return Visit(step, id, VisitKind.full, {}, failed, change)
    if phase is Phase.not_assessable:
        exponent: tuple[float | None, ...] = (None, None, None)
    else:
        exponent = alpha or PHASE_ALPHA[phase]
    metrics: Mapping[str, float | None] = {
        "alpha": exponent[0],
        "alpha_low": exponent[1],
        "alpha_high": exponent[2],
        "null_p": null_p,
        "num_traps": traps,
        "param_norm": norm**2,
        "effective_rank": rank,
        "matrix_rank": matrix_rank,
        "stable_rank": 5.0,
    }
    spectral = Classified(SpectralClass.rank_collapse, 0.99, "…") if collapsed else None
    found = row(
        id,
        phase=phase,
        metrics=metrics,
        spectral_class=spectral,
        traps=(trap(cause),) if traps else (),
        counted=counted,
    )
    return Visit(step, id, VisitKind.full, metrics, found, change)


def visit(step: int, id: str = "w", kind: VisitKind = VisitKind.unchanged, **fields: Any) -> Visit:
    """A look without a row."""
    return Visit(step, id, kind, **fields)


def fed(watch: Watch, things: Iterable[Frame | Visit]) -> list[Alert]:
    """All alerts of these frames, and of visits as frames of their own."""
    return [alert for thing in things for alert in watch.update(_frame(thing))]


def _frame(thing: Frame | Visit) -> Frame:
    return thing if isinstance(thing, Frame) else Frame(thing.step, 0.0, (), (thing,))


def said(alerts: Iterable[Alert], rule: str | None = None) -> list[tuple[str, str, int]]:
    """(rule, raised or cleared, step) of each."""
    return [(a.rule, a.state.value, a.step) for a in alerts if rule in (None, a.rule)]


def raised(alerts: Iterable[Alert], rule: str) -> list[Alert]:
    """Those of a rule that began to hold."""
    return [a for a in alerts if a.rule == rule and a.state is AlertState.raised]


def series(name: str, values: Iterable[float | None], first: int = 1, every: int = 1) -> Iterator[Frame]:
    """One scalar, a value a step."""
    for at, value in enumerate(values):
        yield scalars(first + at * every, **{name: value})
