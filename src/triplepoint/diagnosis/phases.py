"""One rule a phase: the words behind `explain over_trained`, and the finding a row receives."""

from __future__ import annotations

from triplepoint.diagnosis._rule import Evidence, Rule
from triplepoint.diagnosis.phase import (
    NULL_LEVEL,
    OVER_TRAINED_BELOW,
    PRESETS,
    UNDER_TRAINED_ABOVE,
    shares,
    spanned,
)
from triplepoint.fits import share_below
from triplepoint.records import Finding, Phase, Severity

_HTSR = "Martin & Mahoney 2021, JMLR 22(165); thresholds as in WeightWatcher 0.7.7"
_EVIDENCE = "alpha, alpha_low, alpha_high, ks_distance, num_tail, null_p, null_z_alpha"
_ALPHA_ALONE = (
    "α alone does not order models: a published leaderboard puts OPT-1.3B (α 3.30) above LLaMA-65B (α 3.43), and a "
    "fine-tune improved while its α rose from 4.2 to 5.2. Modules differ: attention, feed-forward and embedding "
    "layers have their own ranges; compare a layer with the same layer of another checkpoint."
)


def _alpha(evidence: Evidence) -> str:
    fit = evidence.fit
    assert fit is not None, "a phase with an exponent has a fit"
    return f"α = {fit.alpha:.2f} [{fit.alpha_low:.2f}, {fit.alpha_high:.2f}], {fit.num_tail} eigenvalues in the tail"


def _over(evidence: Evidence) -> Finding | None:
    if evidence.phase is not Phase.over_trained:
        return None
    statement = f"{_alpha(evidence)}: below {OVER_TRAINED_BELOW:g}, heavier than learning explains"
    return Finding("over_trained", Severity.warning, statement, evidence.confidence)


def _under(evidence: Evidence) -> Finding | None:
    if evidence.phase is not Phase.under_trained or evidence.bulk is None:
        return None
    if evidence.bulk.p_value > NULL_LEVEL:
        statement = f"cannot be told from a random matrix of its shape (null_p = {evidence.bulk.p_value:.2g})"
    else:
        statement = f"{_alpha(evidence)}: above {UNDER_TRAINED_ABOVE:g}, only weak correlations"
    return Finding("under_trained", Severity.warning, statement, evidence.confidence)


def _undecided(evidence: Evidence) -> Finding | None:
    if evidence.phase is not Phase.undecided or evidence.fit is None:
        return None
    share = shares(evidence.fit)
    sides = " or ".join(f"{p.value.replace('_', '-')} ({share[p]:.0%})" for p in spanned(evidence.fit))
    return Finding("undecided", Severity.info, f"{_alpha(evidence)}: {sides}", evidence.confidence)


def _well(evidence: Evidence) -> Finding | None:
    fit = evidence.fit
    if evidence.phase is not Phase.well_trained or fit is None:
        return None
    bands = ", ".join(
        f"{name} ({share_below(fit, high) - share_below(fit, low):.0%})"
        for name, (low, high) in PRESETS.items()
    )
    return Finding(
        "well_trained", Severity.info, f"{_alpha(evidence)}: in the band {bands}", evidence.confidence
    )


over_trained = Rule(
    "over_trained",
    "The spectrum differs from noise and the whole 95 % interval of α lies below 2: ice. The layer has memorised, or "
    "a few directions have outgrown the rest.",
    _HTSR,
    _EVIDENCE,
    _ALPHA_ALONE + " Position embeddings can lie below 2 in a good model (all-MiniLM-L6-v2: 1.55).",
    _over,
)
under_trained = Rule(
    "under_trained",
    f"The spectrum cannot be told from a random matrix of the same shape (null_p > {NULL_LEVEL:g}), or the whole 95 % "
    "interval of α lies above 6: gas. The layer has learned too little.",
    _HTSR + "; the null is simulated by benchmarks/make_null_table.py",
    _EVIDENCE,
    "A layer that was rightly left near its initialisation looks the same. One weak spike in a large matrix does not "
    "move the whole spectrum. " + _ALPHA_ALONE,
    _under,
)
undecided = Rule(
    "undecided",
    "The 95 % interval of α spans a boundary (2 or 6); the finding names the phases on both sides with their shares.",
    "the interval is calibrated by benchmarks/calibrate_interval.py",
    _EVIDENCE,
    "A short tail makes a wide interval: undecided says more about the number of eigenvalues than about the layer.",
    _undecided,
)
well_trained = Rule(
    "well_trained",
    "The spectrum differs from noise and the whole 95 % interval of α lies within 2–6: water, correlations of all "
    "sizes. Published presets: ideal 2–4, also 2–5 and 2–6; 2–6 decides here.",
    _HTSR,
    _EVIDENCE,
    "It does not say that the model is good: data, task and the other layers are not seen. " + _ALPHA_ALONE,
    _well,
)
not_assessable = Rule(
    "not_assessable",
    "Fewer than 8 resolved eigenvalues, a tail without spread, or a shape without a null (of adapters, one whose rank "
    "is that of the matrix): no phase is given.",
    "the smallest sample for which the tail objective is defined",
    "num_eigenvalues, metric_status",
    "It says nothing about the layer, good or bad.",
    lambda _evidence: None,
)

RULES = (over_trained, under_trained, undecided, well_trained, not_assessable)
