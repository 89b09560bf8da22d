"""The test catches up with training: grokking."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.gap_words import gap_of, scale_of, shown
from triplepoint.records import Alert, Severity

# Share of the scale (1 for an accuracy, the first test loss for a loss) that the gap must have had.
WIDE = 0.2
# It has closed by half, and is held closed up to three quarters of what it was.
CLOSED, STILL_CLOSED = 0.5, 0.75
# Of what closed, this much must be due to a better test, not to worse training.
BY_TEST = 0.5
NOISE = 4.0


def _judge(history: History, up: Alert | None) -> bool | None:
    gaps = gap_of(history)
    scale = None if gaps is None else scale_of(history, gaps)
    if gaps is None or scale is None or gaps.last is None or gaps.widest is None:
        return None
    now = gaps.last
    if up is not None:
        if up.evidence["of"] != gaps.name:
            return False
        return now.gap <= STILL_CLOSED * float(up.evidence["gap_before"] or 0.0)
    widest = gaps.widest
    closed = widest.gap - now.gap
    if widest.gap < WIDE * scale or closed < max(CLOSED * widest.gap, NOISE * gaps.noise_of_gap):
        return False
    return gaps.drop(now, widest) >= BY_TEST * closed


def _tell(history: History, up: Alert | None) -> Words:
    gaps = gap_of(history)
    assert gaps is not None
    assert gaps.last is not None
    now, before = gaps.last, gaps.widest
    if up is not None:
        return Words(Severity.info, f"the gap is {now.gap:.4g} again: {shown(now)}", {"gap": now.gap})
    assert before is not None, "a gap was judged"
    statement = (
        f"the gap of the {gaps.name} was {before.gap:.4g} at step {before.step:,} and is {now.gap:.4g}: "
        f"test {before.test:.4g} → {now.test:.4g}, training {before.train:.4g} → {now.train:.4g}"
    )
    evidence: dict[str, float | int | str | None] = {
        "of": gaps.name,
        "gap": now.gap,
        "gap_before": before.gap,
        "before_step": before.step,
        "noise": gaps.noise_of_gap,
    }
    return Words(Severity.info, statement, evidence)


RULE = RunRule(
    name="gap_closing",
    definition=f"A gap between training and test that was {WIDE:g} of accuracy wide or more (for losses: of the first "
    f"test loss) has closed by half, beyond {NOISE:g} standard deviations of its scatter, at least half of it by a "
    f"better test. Held until the gap is {STILL_CLOSED:.0%} of its width again.",
    source="grokking: arXiv 2201.02177",
    evidence="train_accuracy and test_accuracy, else train_loss and test_loss",
    misleads="A gap that a rule of regularisation opened and closed, such as dropout that is switched off, closes too. "
    "In the first steps training means lag behind the test.",
    refuted_by="Nothing: it describes what the scalars did.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.tests,),
    confirm=2,
    release=3,
)
