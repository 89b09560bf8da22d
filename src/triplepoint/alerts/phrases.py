"""Words that several rules share."""

from __future__ import annotations

from triplepoint.alerts.matrix_history import Look
from triplepoint.records import Phase

ANTI_GROKKING = "arXiv 2506.04434, 2602.02859 (anti-grokking)"
PHASES_SOURCE = (
    "Martin & Mahoney 2021, JMLR 22(165), for the borders 2 and 6; that a layer crosses them along a run: "
    f"{ANTI_GROKKING}"
)


def words_of(phase: Phase) -> str:
    """As it is written in a sentence."""
    return phase.value.replace("_", "-")


def change(before: Look, after: Look) -> str:
    """α with its interval at both steps."""
    return f"{before.interval} at step {before.step:,}, {after.interval} at step {after.step:,}"


def between(before: Look, after: Look) -> dict[str, float | int | str | None]:
    """The same as evidence."""
    return {
        "from_step": before.step,
        "alpha_before": before.alpha,
        "alpha_low_before": before.alpha_low,
        "alpha_high_before": before.alpha_high,
        "alpha": after.alpha,
        "alpha_low": after.alpha_low,
        "alpha_high": after.alpha_high,
    }
