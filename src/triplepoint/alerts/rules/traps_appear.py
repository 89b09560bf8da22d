"""A matrix that had no correlation trap has one, and keeps it."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.matrix_history import SETTLED, Look
from triplepoint.alerts.phrases import ANTI_GROKKING
from triplepoint.records import Alert, Cause, Severity

CAUSES = {
    Cause.few_huge_entries: "a few huge entries",
    Cause.shifted_mean: "entries whose mean is not zero",
    Cause.heavy_tailed_entries: "heavy-tailed entries",
    Cause.chance: "chance",
}


def trapped(look: Look) -> bool | None:
    """Whether it has a trap that chance does not explain; None where traps were not counted."""
    if look.traps is None:
        return None
    return look.traps > 0 and (look.trap is None or look.trap.cause is not Cause.chance)


def _judge(history: History, up: Alert | None) -> bool | None:
    matrix = history.matrix
    look = matrix.look
    if look is None or not matrix.counted:
        return None
    if up is not None:
        return None if look.traps is None else look.traps > 0
    return trapped(look) if matrix.clean is not None else False


def _tell(history: History, up: Alert | None) -> Words:
    matrix = history.matrix
    now = matrix.last
    assert now is not None, "a trap was seen"
    if up is not None:
        return Words(Severity.info, "no trap any more", {"num_traps": 0})
    assert matrix.clean is not None, "there was none before"
    count = int(now.traps or 0)
    statement = f"{count or 'no'} trap{'s' * (count != 1)} where there was none at step {matrix.clean.step:,}"
    severity = Severity.info
    evidence: dict[str, float | int | str | None] = {"num_traps": count, "clean_step": matrix.clean.step}
    if now.trap is not None:
        statement += f"; the strongest is {now.trap.strength:.2f} times the edge: {CAUSES[now.trap.cause]}"
        evidence |= {"strength": now.trap.strength, "cause": now.trap.cause.value}
        if now.trap.cause is Cause.few_huge_entries:
            severity = Severity.warning
            if now.trap.entries:
                statement += f", the largest {abs(now.trap.entries[0].value):.1f} σ"
    return Words(severity, statement, evidence)


RULE = RunRule(
    name="traps_appear",
    definition=f"A counted matrix without a trap in {SETTLED} full visits in a row has at least one now, and the "
    "entries show its cause. A warning where a few entries have grown huge, info where the mean has shifted or the "
    "entries have heavy tails. Cleared where there is none any more.",
    source=f"{ANTI_GROKKING}, 2605.12394",
    evidence="num_traps and the cause and strength of the strongest trap of full visits",
    misleads="A trap says something about the multiset of entries and nothing about correlations: a mean that is not "
    "zero makes one, and good models have them (seven of the 39 matrices of all-MiniLM-L6-v2). The publications "
    "disagree on whether there is one at peak accuracy, and no one has removed traps and got the accuracy back. The "
    "shuffle of a matrix has one seed along the run, so a trap of chance may stay: those whose cause is chance are "
    "not counted.",
    refuted_by="Runs whose traps come while test accuracy rises or holds, as often as where it falls; or a removal of "
    "the traps that changes nothing.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=2,
    release=3,
)
