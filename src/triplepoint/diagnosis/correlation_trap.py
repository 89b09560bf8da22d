"""Correlation traps: outliers that are left when the entries of a matrix are shuffled."""

from __future__ import annotations

from triplepoint.diagnosis._rule import Evidence, Rule
from triplepoint.records import Cause, Finding, Severity, Trap

_WORDS = {
    Cause.few_huge_entries: "a few huge entries",
    Cause.shifted_mean: "entries whose mean is not zero",
    Cause.heavy_tailed_entries: "heavy-tailed entries",
    Cause.chance: "no cause to be seen: about as often as the level says, chance makes one",
}


def _where(trap: Trap) -> str:
    if trap.cause is not Cause.few_huge_entries or not trap.entries:
        return ""
    entry = trap.entries[0]
    place = f"row {entry.row}, column {entry.column}"
    if entry.index is not None:
        place = f"[{', '.join(map(str, entry.index))}] of the tensor"
    return f", the largest {abs(entry.value):.1f} σ at {place}"


def _trap(evidence: Evidence) -> Finding | None:
    traps = evidence.traps
    if traps is None or traps.num == 0:
        return None
    count = "one trap" if traps.num == 1 else f"{traps.num} traps"
    statement = f"{count} above the noise edge after a shuffle"
    if traps.traps:
        first = traps.traps[0]
        statement += f", the strongest {first.strength:.2f} times it: {_WORDS[first.cause]}{_where(first)}"
    if traps.centred != traps.num:
        statement += f"; {traps.centred} once the mean is taken out"
    return Finding("correlation_trap", Severity.info, statement)


RULES = (
    Rule(
        "correlation_trap",
        "The shuffled matrix has eigenvalues above the Tracy–Widom quantile of noise of the same shape and variance: "
        "some entries, or their mean, are too large for noise.",
        "arXiv 2506.04434, 2602.02859, 2605.12394; the threshold is calibrated by benchmarks/calibrate_traps.py",
        "num_traps, num_traps_centred, max_trap_strength, max_entry_ratio, mean_entry_ratio, entry_kurtosis",
        "A shuffle keeps nothing but the multiset of entries, so a trap says nothing about correlations between them: "
        "it repeats what the largest entry, the mean and the kurtosis already say. Good models have them (seven of the "
        "39 matrices of all-MiniLM-L6-v2). That they announce collapse is disputed; see num_traps.",
        _trap,
    ),
)
