"""A matrix has lost directions that it had."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.records import Alert, Severity

# Share of its own largest effective rank.
LEFT, STILL_LEFT = 0.25, 0.35
# Share of its own matrix rank at the first visit.
RANK = 0.5


def _numbers(history: History) -> tuple[float, float] | None:
    """Effective rank now and at its largest."""
    matrix = history.matrix
    now, past = matrix.last, matrix.widest
    if now is None or past is None or now.effective_rank is None or not past.effective_rank:
        return None
    return now.effective_rank, past.effective_rank


def _lost(history: History) -> bool:
    """Whether the numerical rank has fallen below half of that at first."""
    first, now = history.matrix.first, history.matrix.last
    if first is None or now is None or not first.matrix_rank or now.matrix_rank is None:
        return False
    return now.matrix_rank < RANK * first.matrix_rank


def _judge(history: History, up: Alert | None) -> bool | None:
    matrix = history.matrix
    if matrix.look is None or matrix.first is None:
        return None
    numbers = _numbers(history)
    collapsed = matrix.look.collapsed and not matrix.first.collapsed
    if numbers is None:
        return collapsed or None
    now, past = numbers
    return collapsed or _lost(history) or now < (STILL_LEFT if up else LEFT) * past


def _tell(history: History, up: Alert | None) -> Words:
    matrix, numbers = history.matrix, _numbers(history)
    look, first = matrix.last, matrix.first
    assert look is not None
    assert first is not None
    now, past = numbers or (None, None)
    evidence: dict[str, float | int | str | None] = {
        "effective_rank": now,
        "effective_rank_before": past,
        "before_step": matrix.widest.step if matrix.widest is not None else None,
        "matrix_rank": look.matrix_rank,
        "stable_rank": look.stable_rank,
        "spectral_class": "rank_collapse" if look.collapsed else None,
    }
    parts = []
    if now is not None and past is not None and matrix.widest is not None:
        parts.append(f"effective rank {past:.3g} at step {matrix.widest.step:,}, {now:.3g} now")
    if (
        look.matrix_rank is not None
        and first.matrix_rank is not None
        and look.matrix_rank != first.matrix_rank
    ):
        parts.append(f"numerical rank {first.matrix_rank:.0f} → {look.matrix_rank:.0f}")
    if look.collapsed:
        parts.append("more than 5 % of the eigenvalues are as good as zero")
    if up is not None:
        return Words(Severity.info, f"directions are back: {'; '.join(parts)}", evidence)
    return Words(Severity.warning, "; ".join(parts), evidence)


RULE = RunRule(
    name="rank_collapse",
    definition=f"The effective rank of a matrix is below {LEFT:.0%} of its own largest, or its numerical rank below "
    "half of that at first, or its spectral class has become rank_collapse. Held up to "
    f"{STILL_LEFT:.0%}.",
    source="effective rank: Roy & Vetterli 2007; rank collapse as a phase: Martin & Mahoney 2021, JMLR 22(165)",
    evidence="effective_rank, matrix_rank, spectral class of full visits",
    misleads="Learning itself lowers the effective rank: a task of few dimensions needs few. In grokking of modular "
    "addition it falls because a simple solution is found. Pruned columns and dead inputs do it too.",
    refuted_by="Good models whose layers end below the threshold as a rule.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits,),
    confirm=2,
    release=3,
)
