"""The training loss jumps far above what was usual, for more than a few batches."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.scalar_history import NEWEST, USUAL
from triplepoint.records import Alert, Severity

# In units of the distance from the usual median to the usual 95 % quantile.
RAISE, CLEAR = 4.0, 1.5
# And at least this share of the loss at the beginning: near zero a loss scatters over decades.
VISIBLE = 0.05


def _judge(history: History, up: Alert | None) -> bool | None:
    loss = history.run.train_loss
    level, middle, high = loss.level, loss.middle, loss.high
    if level is None or loss.newest[-1][0] != history.run.step:
        return None
    if up is not None:
        return level > float(up.evidence["cleared_below"] or 0.0)
    if middle is None or high is None or loss.start is None:
        return None
    rise = level - middle
    return rise > RAISE * (high - middle) and rise > VISIBLE * abs(loss.start)


def _tell(history: History, up: Alert | None) -> Words:
    loss = history.run.train_loss
    level, middle, high = loss.level, loss.middle, loss.high
    assert level is not None
    assert middle is not None
    assert high is not None
    if up is not None:
        statement = f"the training loss is back at {level:.4g} after {history.run.step - up.step:,} steps"
        return Words(Severity.info, statement, {"level": level, "steps": history.run.step - up.step})
    threshold = middle + max(CLEAR * (high - middle), VISIBLE / 2 * abs(loss.start or 0.0))
    return Words(
        Severity.warning,
        f"the training loss is {level:.4g} where {middle:.4g} was usual (95 % of the values below {high:.4g})",
        {"level": level, "usual": middle, "usual_high": high, "cleared_below": threshold},
    )


RULE = RunRule(
    name="loss_spike",
    definition=f"The median of the last {NEWEST} training losses stands above the median of the {USUAL} before by more "
    f"than {RAISE:g} times the distance from there to their 95 % quantile, and by more than {VISIBLE:.0%} of the loss "
    f"at the beginning. Cleared below {CLEAR:g} times that distance: the spike is over, and its length is told.",
    source="the rule of thumb of a robust control chart; spikes of large runs: arXiv 2204.02311, section 5.1 (PaLM)",
    evidence="train_loss",
    misleads="A change of the data, of the batch size or of the weight of a loss term moves the level for good: the "
    "alert then stays up. Spikes of one or two steps are not seen, nor are any in the first steps. Most spikes heal.",
    refuted_by="A task whose loss falls faster after spikes than without.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.points,),
    confirm=2,
    release=8,
)
