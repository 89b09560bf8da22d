"""Training goes on to improve while the test becomes worse."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.gap_words import gap_of, scale_of, shown
from triplepoint.records import Alert, Severity

# Shares of the scale: 1 for an accuracy, the first test loss for a loss. A network that fits a small data set ends with
# a gap of some hundredths of accuracy and has lost nothing by it, so the test must have fallen as well.
WIDENED, FALLEN = 0.05, 0.03
# Unless the gap is as wide as this: memorised, whether or not the test ever was better.
MEMORISED = 0.5
# In standard deviations of one gap and one test.
NOISE = 4.0
# It is cleared once half of what opened is closed again.
KEPT = 0.5


def _judge(history: History, up: Alert | None) -> bool | None:
    gaps = gap_of(history)
    scale = None if gaps is None else scale_of(history, gaps)
    if gaps is None or scale is None or gaps.last is None or gaps.narrowest is None or gaps.best is None:
        return None
    now = gaps.last
    if up is not None:
        if up.evidence["of"] != gaps.name:
            return False
        before, then = float(up.evidence["gap_before"] or 0.0), float(up.evidence["gap"] or 0.0)
        return now.gap > before + KEPT * (then - before)
    wider = now.gap - gaps.narrowest.gap
    if wider < max(WIDENED * scale, NOISE * gaps.noise_of_gap):
        return False
    if wider >= MEMORISED * scale:
        return True
    return gaps.drop(gaps.best, now) >= max(FALLEN * scale, NOISE * gaps.noise_of_test)


def _tell(history: History, up: Alert | None) -> Words:
    gaps = gap_of(history)
    assert gaps is not None
    assert gaps.last is not None
    now, before, best = gaps.last, gaps.narrowest, gaps.best
    if up is not None:
        return Words(Severity.info, f"the gap has narrowed to {now.gap:.4g}: {shown(now)}", {"gap": now.gap})
    assert before is not None
    assert best is not None
    severity = Severity.warning if gaps.name == "accuracy" else Severity.info
    alone = "" if gaps.name == "accuracy" else "; the accuracy may hold while the loss of the test rises"
    statement = (
        f"the gap of the {gaps.name} was {before.gap:.4g} at step {before.step:,} and is {now.gap:.4g}: "
        f"{shown(now)} (test at best {best.test:.4g}, step {best.step:,}){alone}"
    )
    evidence: dict[str, float | int | str | None] = {
        "of": gaps.name,
        "gap": now.gap,
        "gap_before": before.gap,
        "before_step": before.step,
        "best_test": best.test,
        "best_step": best.step,
        "noise": gaps.noise_of_gap,
    }
    return Words(severity, statement, evidence)


RULE = RunRule(
    name="gap_opening",
    definition=f"The gap between training and test (median of three tests) has widened by {WIDENED:g} of accuracy "
    f"since it was narrowest, and the test has fallen by {FALLEN:g} from its best, both beyond {NOISE:g} standard "
    f"deviations of their scatter; or the gap has widened by {MEMORISED:g}: memorised. Where only losses are given, in "
    "units of the first test loss, and never more than info. Cleared once half of it is closed.",
    source="overfitting as it is defined; along a run to memorisation and anti-grokking: arXiv 2201.02177, 2506.04434",
    evidence="train_accuracy and test_accuracy, else train_loss and test_loss",
    misleads="Training values are means since the test before, so they lag behind and carry dropout and augmentation. "
    "A test loss rises with overconfidence while the accuracy holds. Before grokking the gap is wide, and nothing "
    "is lost.",
    refuted_by="Runs whose test falls beyond its scatter and comes back by itself, as in double descent over epochs.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.tests,),
    confirm=2,
    release=2,
)
