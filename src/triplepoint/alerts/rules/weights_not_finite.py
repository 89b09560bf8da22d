"""NaN or infinity among the weights."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.records import Alert, Reason, Severity


def _judge(history: History, _up: Alert | None) -> bool | None:
    look = history.matrix.look
    return None if look is None else look.reason is Reason.non_finite


def _tell(history: History, up: Alert | None) -> Words:
    if up is not None:
        return Words(Severity.info, "all entries are finite again")
    first = history.matrix.settled or history.matrix.first is not history.matrix.last
    since = "; they were finite at the visit before" if first else ""
    return Words(Severity.error, f"some weights are NaN or infinite{since}")


RULE = RunRule(
    name="weights_not_finite",
    definition="A full visit finds NaN or infinity among the entries of a matrix.",
    source="no such matrix has a spectrum; every product with it is NaN",
    evidence="the reason non_finite of a row",
    misleads="A snapshot that was taken while the weights were written could show it; copies are taken between steps.",
    refuted_by="A run that goes on to learn with such weights: masked entries that no forward pass uses.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=1,
    release=1,
)
