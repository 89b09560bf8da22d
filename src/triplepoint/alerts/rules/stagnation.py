"""The training loss has stopped to fall while it is far from nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.series import noise
from triplepoint.records import Alert, Severity

# Finished stretches that are needed, and values in them.
STRETCHES, VALUES = 16, 300
# Two standard errors of the difference must be less than this share of the level, or no plateau can be told.
TOLD = 0.05
# A loss that has fallen by less than this share of its first level has not learned; held up to twice that.
LEARNED = 0.02
# A loss below this share of its first level has converged, whatever it does.
CONVERGED = 0.1
# The last quarter of the run has brought less than this share of the level, or less than its noise explains.
IMPROVED, STILL_IMPROVED = 0.001, 0.003
# In standard errors.
ERRORS, STILL_ERRORS = 2.0, 3.0


@dataclass(frozen=True, slots=True)
class _Course:
    """The training loss so far."""

    start: float
    best: float
    """Lowest mean of a stretch."""
    before: float
    """Mean of the third quarter of the run."""
    after: float
    """Mean of the last quarter."""
    error: float
    """Standard error of their difference."""


def _course(history: History) -> _Course | None:
    loss = history.run.train_loss
    values = loss.bins.values
    if len(values) < STRETCHES or sum(count for _, count in loss.bins.means) < VALUES or loss.start is None:
        return None
    quarter = len(values) // 4
    before, after = values[-2 * quarter : -quarter], values[-quarter:]
    scatter = noise(values[-2 * quarter :]) or 0.0
    error = scatter * math.sqrt(2.0 / quarter)
    return _Course(loss.start, min(values), math.fsum(before) / quarter, math.fsum(after) / quarter, error)


def _judge(history: History, up: Alert | None) -> bool | None:
    seen = _course(history)
    if seen is None:
        return None
    if seen.start <= 0 or seen.after <= CONVERGED * seen.start:
        return False
    gained = seen.before - seen.after
    least, errors = (STILL_IMPROVED, STILL_ERRORS) if up else (IMPROVED, ERRORS)
    if gained >= max(least * seen.after, errors * seen.error):
        return False
    if ERRORS * seen.error > TOLD * seen.after:
        return None
    if seen.start - seen.after < (2 if up else 1) * LEARNED * seen.start:
        return True
    return _moving(history) is False


def _moving(history: History) -> bool | None:
    """Whether any spectrum moved in the last quarter of the run; None where none was looked at."""
    matrices = [one for one in history.run.matrices.values() if one.visits >= 4]
    if not matrices:
        return None
    since = history.run.step * 3 / 4
    return any(one.moved_at is not None and one.moved_at >= since for one in matrices)


def _tell(history: History, up: Alert | None) -> Words:
    seen = _course(history)
    assert seen is not None
    evidence: dict[str, float | int | str | None] = {
        "start": seen.start,
        "best": seen.best,
        "before": seen.before,
        "level": seen.after,
        "error": seen.error,
    }
    if up is not None:
        statement = f"the training loss moves again, or has converged: {seen.before:.4g} → {seen.after:.4g}"
        return Words(Severity.info, statement, evidence)
    levels = f"the training loss is {seen.after:.4g}, {seen.before:.4g} a quarter of the run before"
    statement = f"{levels} (± {seen.error:.2g})"
    if seen.start - seen.after >= LEARNED * seen.start:
        return Words(
            Severity.info, f"{statement}, and no spectrum moves any more: converged or stuck", evidence
        )
    lost = seen.start - seen.best >= CONVERGED * seen.start
    what = f"what was learned is lost ({seen.best:.4g} at best)" if lost else "nothing is learned"
    return Words(
        Severity.warning, f"{statement}, and was {seen.start:.4g} at the beginning: {what}", evidence
    )


RULE = RunRule(
    name="stagnation",
    definition=f"The mean training loss of the last quarter of the run is no lower than that of the quarter before by "
    f"{IMPROVED:.1%} or two standard errors (which must be under {TOLD:.0%}), and above {CONVERGED:.0%} of the "
    "loss at the beginning; and either it has "
    f"never fallen by {LEARNED:.0%} (a warning: nothing is learned), or no spectrum has moved in that quarter (info: "
    "converged or stuck, which the loss cannot tell apart).",
    source="a plateau as it is defined; the noise is that of successive means",
    evidence="train_loss; change or param_norm of visits",
    misleads="A loss whose floor is not zero, such as the entropy of text, ends in a plateau that is success. Grokking "
    "of the training loss itself, or a long warm-up, begins with a plateau. The first quarter sets the level, so a "
    "short burst at the beginning makes any later plateau look learned.",
    refuted_by="Runs that leave such a plateau by themselves as a rule.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.bins,),
    confirm=2,
    release=2,
)
