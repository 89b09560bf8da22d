"""Weights that grow faster than training explains."""

from __future__ import annotations

import math

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.records import Alert, Severity

# ‖W‖ of a walk grows like t^½, under steps of constant size in one direction like t: faster is a feedback.
EXPONENT = 1.5
# A norm of ten times the first is far enough for steps of constant size. The readout of a healthy linear probe grew
# 11.5-fold, like t^0.53.
TENFOLD, EXPONENT_OF_TENFOLD = 10.0, 1.0
# Held down to this much less.
BAND = 0.25
# Weights that begin near zero may grow at any rate while they are small: the norm must exceed that of a matrix whose
# singular values are all 1, and twice its first value.
TWICE = 2.0


def _numbers(history: History) -> tuple[float, float | None, int, float, float] | None:
    """(growth over the first, exponent over the last octave of steps, step and norm then, norm now)."""
    points = history.norms.points
    if len(points) < 2 or points[0][1] <= 0:
        return None
    step, norm = points[-1]
    if norm <= 0:
        return None
    then = next((one for one in reversed(points[:-1]) if 0 < 2 * one[0] <= step), None)
    growth = norm / points[0][1]
    if then is None or then[1] <= 0:
        return growth, None, points[0][0], points[0][1], norm
    exponent = math.log(norm / then[1]) / math.log(step / then[0])
    return growth, exponent, then[0], then[1], norm


def _ordinary(history: History) -> float:
    """√M, or √ΣM for the run: the norm if all singular values were 1."""
    if history.of is not None:
        return math.sqrt(history.of.side or 0)
    return math.sqrt(sum(one.side or 0 for one in history.run.matrices.values() if one.counted))


def _judge(history: History, up: Alert | None) -> bool | None:
    numbers = _numbers(history)
    if numbers is None:
        return None
    growth, exponent, _, _, norm = numbers
    if growth < TWICE or norm < _ordinary(history):
        return False
    if exponent is None:
        return growth >= TENFOLD
    needed = EXPONENT_OF_TENFOLD if growth >= TENFOLD else EXPONENT
    return exponent > needed - (BAND if up else 0.0)


def _tell(history: History, up: Alert | None) -> Words:
    numbers = _numbers(history)
    assert numbers is not None, "a norm has run"
    growth, exponent, since, before, norm = numbers
    what = "‖W‖_F" if history.of is not None else "the norm of all weights"
    evidence: dict[str, float | int | str | None] = {
        "norm": norm,
        "norm_before": before,
        "before_step": since,
        "growth": growth,
        "exponent": exponent,
    }
    grows = "" if exponent is None else f", like t^{exponent:.2f}"
    statement = f"{what} {before:.4g} at step {since:,}, {norm:.4g} now{grows}; {growth:.3g} times the first"
    if up is not None:
        return Words(Severity.info, f"no faster than training explains: {statement}", evidence)
    return Words(Severity.warning, statement, evidence)


RULE = RunRule(
    name="norm_runaway",
    definition=f"‖W‖_F of a matrix, or of all counted ones together, is at least {TWICE:g} times its first value and "
    f"above √M (all singular values 1), and has grown over the last octave of steps faster than t^{EXPONENT:g}; from "
    f"{TENFOLD:g} times its first value on, faster than t^{EXPONENT_OF_TENFOLD:g}. Held down to "
    f"exponents lower by {BAND:g}.",
    source="‖W‖ grows like t^½ in a random walk and like t under steps of constant size in one direction; growth of "
    "the norm with the collapse: arXiv 2506.04434; loss as a function of the norm: arXiv 2210.01117 (Omnigrok)",
    evidence="param_norm of full and leading visits",
    misleads="Layers before a normalisation have no effect through their norm. The published collapse at ten million "
    "steps has a norm that grows 4.7-fold and slowly: it is not found by this rule. Steps are counted from 0 on; a run "
    "that goes on from a checkpoint without its step grows faster on this scale.",
    refuted_by="Healthy runs whose norm outgrows t for long: weights without decay under a rising learning rate.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.visits, Clock.norms),
    confirm=2,
    release=3,
)
