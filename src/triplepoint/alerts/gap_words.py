"""What the two rules of the gap share."""

from __future__ import annotations

from triplepoint.alerts._rule import History
from triplepoint.alerts.gap_history import Gap, GapHistory


def gap_of(history: History) -> GapHistory | None:
    """That of the accuracy where there is one, else that of the loss."""
    accuracy, loss = history.run.gaps["accuracy"], history.run.gaps["loss"]
    if accuracy.last is not None:
        return accuracy
    return loss if loss.last is not None else None


def scale_of(history: History, gaps: GapHistory) -> float | None:
    """What a gap is compared with: 1 for accuracies, the first test loss for losses."""
    if gaps.name == "accuracy":
        return 1.0
    start = history.run.series["test_loss"].start
    return None if start is None else abs(start)


def shown(gap: Gap) -> str:
    """Training and test as they stood."""
    return f"training {gap.train:.4g}, test {gap.test:.4g}"
