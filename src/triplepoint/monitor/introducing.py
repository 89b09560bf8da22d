"""What a run is told of its model at the first step: the rows of what is not measured, and what is frozen."""

from __future__ import annotations

from triplepoint import analysis
from triplepoint.monitor.keeping import Keeper
from triplepoint.monitor.subject import Subject
from triplepoint.records import Event, Visit, VisitKind


def tell(keeper: Keeper, subject: Subject, step: int) -> None:
    """All of it, at its first step."""
    visits, event = left_out(subject, step), frozen(subject, step)
    if visits:
        keeper.visits(step, visits)
    if event is not None:
        keeper.event(event)


def left_out(subject: Subject, step: int) -> tuple[Visit, ...]:
    """Vectors, filtered matrices and their like, as a scan gives them; once is enough."""
    rows = [analysis.blank(plan, "skipped", plan.reason, plan.detail) for plan in subject.left_out]
    return tuple(Visit(step, row.id, VisitKind.full, row=row) for row in rows)


def frozen(subject: Subject, step: int) -> Event | None:
    """The matrices that no optimiser may change; None where there are none."""
    found = subject.frozen
    text = f"{len(found)} matrices are frozen: {', '.join(found[:5])}"
    return Event("frozen", text, step, {"frozen": list(found)}) if found else None
