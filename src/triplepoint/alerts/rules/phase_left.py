"""A matrix that was well-trained is so no more."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.matrix_history import LIKE_NOISE, SETTLED
from triplepoint.alerts.phrases import PHASES_SOURCE, between, change, words_of
from triplepoint.records import Alert, Phase, Severity


def _judge(history: History, _up: Alert | None) -> bool | None:
    matrix = history.matrix
    if not matrix.counted or matrix.look is None or matrix.look.decided is None:
        return None
    if Phase.well_trained not in matrix.settled:
        return False
    return matrix.phase is not Phase.well_trained


def _tell(history: History, up: Alert | None) -> Words:
    matrix = history.matrix
    now, well = matrix.last, matrix.settled[Phase.well_trained]
    assert now is not None
    assert now.phase is not None
    if up is not None:
        return Words(Severity.info, f"well-trained again: {now.interval}", {"phase": now.phase.value})
    statement = f"well-trained → {words_of(now.phase)}: {change(well, now)}"
    evidence = {"phase_before": "well_trained", "phase": now.phase.value, **between(well, now)}
    return Words(Severity.warning, statement, evidence)


RULE = RunRule(
    name="phase_left",
    definition=f"A counted matrix that has been well-trained in {SETTLED} full visits in a row is over-trained or "
    "under-trained now, with the whole 95 % interval of α across the border (or not told from noise any more). Cleared "
    "where it is well-trained again. `undecided` and `not_assessable` are no phases and change nothing, nor does a "
    f"null whose p-value lies between 0.01 and {LIKE_NOISE:g}.",
    source=PHASES_SOURCE,
    evidence="phase, alpha, alpha_low, alpha_high, null_p of full visits",
    misleads="α below 2 is no proof of memorising: with weight decay 0.01 the second layer of the published run stays "
    "at α ≈ 1.2 for 9 million steps without any loss of test accuracy, and in modular addition α rises in the collapse "
    "instead of falling. Layers near a border cross it back and forth.",
    refuted_by="Runs in which layers leave 2–6 as often where test accuracy holds as where it falls; the healthy runs "
    "of benchmarks/healthy_runs.py are such a count.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=3,
    release=3,
)
