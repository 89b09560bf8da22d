"""A matrix that stands still while others move."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.records import Alert, Reason, Severity

# Visits in which it has not moved by one part in 10⁷, as float32 would round.
STILL_VISITS = 3


def _judge(history: History, _up: Alert | None) -> bool | None:
    matrix, run = history.matrix, history.run
    if matrix.id in run.frozen or matrix.still < STILL_VISITS:
        return False
    since = matrix.still_since
    if run.moved_at is None or since is None or run.moved_at <= since:
        return None
    return True


def _tell(history: History, up: Alert | None) -> Words:
    matrix = history.matrix
    evidence: dict[str, float | int | str | None] = {
        "still_since": matrix.still_since,
        "visits": matrix.still,
        "moved_at": matrix.moved_at,
    }
    if up is not None:
        why = "declared frozen" if matrix.id in history.run.frozen else "it moves again"
        return Words(Severity.info, why, evidence)
    span = f"since step {matrix.still_since or 0:,}, in {matrix.still} visits, while others move"
    if matrix.last is not None and matrix.last.reason is Reason.all_zero:
        return Words(Severity.warning, f"all entries are zero and none has moved {span}", evidence)
    if matrix.moved_at is None:
        return Words(
            Severity.info, f"has never moved {span}: frozen or dead, which the weights cannot tell", evidence
        )
    return Words(Severity.warning, f"has moved before and not {span}: no gradient reaches it", evidence)


RULE = RunRule(
    name="dead_layer",
    definition=f"A matrix has not moved by one part in 10⁷ in {STILL_VISITS} visits in a row, and another has in that "
    "time. A warning where it had moved before or is all zero; info where it never has: it may be frozen. Matrices "
    "that the run declares frozen (an event whose data has `frozen`) are left out.",
    source="an arithmetic fact: a weight with a gradient or decay moves in every step",
    evidence="change of visits, else param_norm; the reason all_zero",
    misleads="Weight decay moves a layer that no gradient reaches: its norm shrinks and its shape stays (stable_rank "
    "constant), and this rule is silent. Layers that are frozen for some epochs on purpose look dead. Weights in half "
    "precision whose updates are rounded away are dead in fact.",
    refuted_by="A layer that takes part in training and does not move by one part in 10⁷ over three visits.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=1,
    release=1,
)
