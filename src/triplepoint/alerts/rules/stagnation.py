"""The training loss has stopped to fall while it is far from nothing."""

from __future__ import annotations

import math

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.series import noise
from triplepoint.records import Alert, Severity

# Finished stretches that are needed, and values in them.
STRETCHES, VALUES = 16, 200
# A loss that has fallen by less than this share of its first level has not learned; held up to twice that.
LEARNED = 0.02
# A loss below this share of its first level has converged, whatever it does.
CONVERGED = 0.1
# The later half of the run has brought less than this share of the level, or less than its noise explains.
IMPROVED, STILL_IMPROVED = 0.01, 0.02
# Nothing has moved in the spectra: by Weyl's bound no singular value by more than this share of the largest.
STILL = 1e-3


def _numbers(history: History) -> tuple[float, float, float, float] | None:
    """(first level, level of the third quarter, level of the last, standard error of their difference)."""
    loss = history.run.train_loss
    values = loss.bins.values
    if len(values) < STRETCHES or sum(count for _, count in loss.bins.means) < VALUES or loss.start is None:
        return None
    quarter = len(values) // 4
    before, after = values[-2 * quarter : -quarter], values[-quarter:]
    scatter = noise(values[-2 * quarter :]) or 0.0
    error = scatter * math.sqrt(2.0 / quarter)
    return loss.start, math.fsum(before) / quarter, math.fsum(after) / quarter, error


def _judge(history: History, up: Alert | None) -> bool | None:
    numbers = _numbers(history)
    if numbers is None:
        return None
    start, before, after, error = numbers
    if start <= 0 or after <= CONVERGED * start:
        return False
    flat = before - after < max((STILL_IMPROVED if up else IMPROVED) * after, 2 * error)
    if not flat:
        return False
    if start - after < (2 if up else 1) * LEARNED * start:
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
    numbers = _numbers(history)
    assert numbers is not None, "the loss was judged"
    start, before, after, error = numbers
    evidence: dict[str, float | int | str | None] = {
        "start": start,
        "before": before,
        "level": after,
        "error": error,
    }
    if up is not None:
        return Words(Severity.info, f"the training loss moves again: {before:.4g} → {after:.4g}", evidence)
    statement = f"the training loss is {after:.4g}, {before:.4g} a quarter of the run before (± {error:.2g})"
    if start - after < LEARNED * start:
        return Words(
            Severity.warning,
            f"{statement}, and was {start:.4g} at the beginning: nothing is learned",
            evidence,
        )
    return Words(Severity.info, f"{statement}, and no spectrum moves any more: converged or stuck", evidence)


RULE = RunRule(
    name="stagnation",
    definition=f"The mean training loss of the last quarter of the run is no lower than that of the quarter before by "
    f"{IMPROVED:.0%} or two standard errors, and above {CONVERGED:.0%} of the loss at the beginning; and either it has "
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
