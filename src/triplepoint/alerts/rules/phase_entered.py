"""A matrix has reached a phase that it had not been in."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.matrix_history import SETTLED
from triplepoint.alerts.phrases import PHASES_SOURCE, between, change, words_of
from triplepoint.records import Alert, Phase, Severity


def _judge(history: History, up: Alert | None) -> bool | None:
    matrix = history.matrix
    phase, look = matrix.phase, matrix.look
    if not matrix.counted or phase is None or look is None or look.decided is None:
        return None
    if up is not None:
        return phase.value == up.evidence["phase"]
    elsewhere = matrix.settled.keys() - {phase}
    if not elsewhere or Phase.well_trained in elsewhere:
        return False
    return matrix.settled_at.get(phase, look.step) >= matrix.phase_since


def _tell(history: History, up: Alert | None) -> Words:
    matrix = history.matrix
    now = matrix.last
    assert now is not None
    assert now.phase is not None
    if up is not None:
        was = str(up.evidence["phase"]).replace("_", "-")
        return Words(
            Severity.info, f"{was} no more: {words_of(now.phase)}, {now.interval}", {"phase": now.phase.value}
        )
    before = max(
        (look for phase, look in matrix.settled.items() if phase is not now.phase), key=lambda look: look.step
    )
    assert before.phase is not None, "a matrix settles in phases alone"
    severity = Severity.info if now.phase is Phase.well_trained else Severity.warning
    statement = f"{words_of(before.phase)} → {words_of(now.phase)}: {change(before, now)}"
    evidence = {"phase_before": before.phase.value, "phase": now.phase.value, **between(before, now)}
    return Words(severity, statement, evidence)


RULE = RunRule(
    name="phase_entered",
    definition=f"A counted matrix that has stayed in one phase for {SETTLED} full visits in a row is now in another "
    "for the first time: info where it becomes well-trained, a warning where it goes from under-trained to "
    "over-trained or back without having been well-trained. Cleared where it "
    "leaves the phase. What leaves well-trained is phase_left.",
    source=PHASES_SOURCE,
    evidence="phase, alpha, alpha_low, alpha_high, null_p of full visits",
    misleads="Becoming well-trained is no success by itself: α alone does not order models. The null of a fresh layer "
    "supposes independent entries; an initialisation that is orthogonal or pretrained starts in another phase.",
    refuted_by="Training that lowers the loss while no layer ever leaves the phase of its initialisation, in networks "
    "wide enough for a phase.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=3,
    release=3,
)
