"""Traps, α below 2 and a growing norm in one matrix: the published sign of anti-grokking, which is disputed."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.phrases import ANTI_GROKKING
from triplepoint.alerts.rules.traps_appear import CAUSES, trapped
from triplepoint.records import Alert, Cause, Severity

BORDER = 2.0
# The published collapse has a norm that grows from 90 to 420; 10 % is beyond what one visit after another scatters.
GROWN, STILL_GROWN = 1.10, 1.05


def _growth(history: History) -> float | None:
    """Norm now over the norm when there were no traps, or over the first."""
    matrix = history.matrix
    past = matrix.clean or matrix.first
    if past is None or matrix.last is None or not past.norm or matrix.last.norm is None:
        return None
    return matrix.last.norm / past.norm


def _judge(history: History, up: Alert | None) -> bool | None:
    matrix = history.matrix
    look = matrix.look
    if look is None or not matrix.counted:
        return None
    traps, growth = trapped(look), _growth(history)
    if traps is None or growth is None or look.alpha is None or look.alpha_high is None:
        return None
    if up is not None:
        return bool(look.traps) and look.alpha < BORDER and growth >= STILL_GROWN
    return traps and look.alpha_high < BORDER and growth >= GROWN


def _tell(history: History, up: Alert | None) -> Words:
    look, growth = history.matrix.last, _growth(history)
    assert look is not None
    assert growth is not None
    count = int(look.traps or 0)
    evidence: dict[str, float | int | str | None] = {
        "num_traps": count,
        "alpha": look.alpha,
        "alpha_low": look.alpha_low,
        "alpha_high": look.alpha_high,
        "norm_growth": growth,
        "cause": look.trap.cause.value if look.trap is not None else None,
    }
    numbers = f"{count or 'no'} trap{'s' * (count != 1)}, {look.interval}, norm {growth:.2f} times what it was before"
    if up is not None:
        return Words(Severity.info, f"the three no longer stand together: {numbers}", evidence)
    cause = f" ({CAUSES[look.trap.cause]})" if look.trap is not None else ""
    statement = f"{numbers}{cause}: the published sign of anti-grokking, which is disputed"
    # The mean of the entries makes a trap without any correlation: healthy runs of Adam have all three by it.
    mean = look.trap is not None and look.trap.cause is Cause.shifted_mean
    return Words(Severity.info if mean else Severity.warning, statement, evidence)


RULE = RunRule(
    name="joint_sign",
    definition="DISPUTED. In one counted matrix stand together: a trap that chance does not explain, the whole 95 % "
    f"interval of α below {BORDER:g}, and a norm at least {GROWN - 1:.0%} above that of the last trap-free visit (of "
    "the first visit where all had traps). Info where a mean that is not zero makes the trap, else a warning.",
    source=f"{ANTI_GROKKING}: 'joint α ≠ 2 and traps'; the norm is added here because it is the rival explanation",
    evidence="num_traps, alpha, alpha_low, alpha_high, param_norm of full visits",
    misleads="The sources contradict each other. With weight decay 0.01 FC2 stays at α ≈ 1.2 with traps and keeps its "
    "accuracy. In modular addition α rises from 2.0 to 3.9 in the collapse, so this rule is silent there. Tables of "
    "the same run count one trap or none at peak accuracy. The third paper drops α altogether. Reviewers read traps as "
    "a shadow of growing weights, concurrent and not predictive; every one of the three grows with the norm, and no "
    "published run separates them.",
    refuted_by="A run of 10⁷ steps whose norm is clamped: if test accuracy falls without the sign, or the sign comes "
    "and the accuracy stays, it is no sign. No independent reproduction of the first run was found.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=2,
    release=3,
    disputed=True,
)
