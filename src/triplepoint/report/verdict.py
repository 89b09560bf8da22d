"""A scan in one to three plain sentences, no more certain than its numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from triplepoint.records import MatrixRow, Phase, Reason, Scan, SpectralClass
from triplepoint.records.scans import FALSE_DISCOVERY_RATE
from triplepoint.report import order
from triplepoint.report.text import plural, safe_text

CAVEAT = "Cheap, early signs from the weights alone: they say where to look, not whether the model is good."
_GATE = "Under --fail-on this is exit code 1."
_ORDER = (
    Phase.well_trained,
    Phase.over_trained,
    Phase.under_trained,
    Phase.undecided,
    Phase.not_assessable,
)

_CAUSES = (
    Reason.degenerate_tail,
    Reason.too_few_eigenvalues,
    Reason.outside_null_table,
    Reason.pooled_slices,
    Reason.low_rank,
)
"""Of the codes a metric may have, those that leave a matrix without a phase."""


def verdict(scan: Scan) -> str:
    """What the scan found, what it could not say, and what stopped it."""
    return " ".join(_sentences(scan))


def phase_words(phase: Phase | None) -> str:
    """`well-trained`, `not assessable` …; a row without a phase has failed."""
    if phase is None:
        return "failed"
    return "not assessable" if phase is Phase.not_assessable else phase.value.replace("_", "-")


def class_words(name: SpectralClass) -> str:
    """`heavy-tailed`, `bulk + spikes` …."""
    return "bulk + spikes" if name is SpectralClass.bulk_spikes else name.value.replace("_", "-")


def _sentences(scan: Scan) -> Iterator[str]:
    summary = scan.summary
    counted = sum(summary.phases.values())
    failed = sum(len(group.rows) for group in order.failures(scan))
    small = sum(
        row.status == "ok" and not row.counted and row.phase is Phase.not_assessable
        for row in order.matrices(scan)
    )
    aside = sum(
        row.status == "ok" and not row.counted and row.phase is not Phase.not_assessable
        for row in order.matrices(scan)
    )
    skipped = order.left_out(scan)
    if scan.provenance.interrupted:
        ahead = sum(len(group.rows) for group in skipped if group.reason is Reason.interrupted)
        if counted + failed + small + aside == 0:
            yield f"Interrupted before any of {plural(ahead, 'matrix', 'matrices')} was finished."
            return
        yield f"Interrupted with {plural(ahead, 'matrix', 'matrices')} still to do: what follows is partial."
    if counted + failed + small + aside == 0:
        yield from _nothing(scan)
        yield _GATE
        return
    if counted:
        yield _counts(scan, counted, failed)
    elif failed:
        yield f"No result: {plural(failed, 'weight matrix', 'weight matrices')} failed."
        if not small:
            yield _GATE
    if small:
        yield f"{plural(small, 'matrix is', 'matrices are')} too small to assess."
    if aside:
        yield f"{plural(aside, 'kernel')} of single channels shown, not counted."
    if total := sum(len(group.rows) for group in skipped if group.reason is not Reason.interrupted):
        yield f"{plural(total, 'tensor')} left out."


def _counts(scan: Scan, counted: int, failed: int) -> str:
    summary = scan.summary
    parts = [f"{summary.phases[phase]} {phase_words(phase)}" for phase in _ORDER if summary.phases.get(phase)]
    parts += [f"{failed} failed"] if failed else []
    text = f"{plural(counted + failed, 'weight matrix', 'weight matrices')}: {', '.join(parts)}"
    if summary.phases.get(Phase.not_assessable) == counted:
        return f"{text}. None can be assessed: {_why(scan)}"
    if not summary.null_tested:
        return f"{text}."
    rate = f"false discovery rate {FALSE_DISCOVERY_RATE:.0%}".replace("%", " %")
    return f"{text}; {summary.null_rejected} of {summary.null_tested} differ from noise ({rate}){_replicas(scan)}."


def _replicas(scan: Scan) -> str:
    """How many differ from the replicas of `--null`, where they were drawn."""
    found = scan.summary.replicas
    if found is None:
        return _no_replicas(scan)
    drawn = _drawn(scan)
    if found.rejected or not found.beyond:
        return f", {found.rejected} of {found.tested} from {drawn} at the same rate"
    # The smallest p that B replicas can give is 1/(B + 1).
    needed = math.ceil(found.tested / (FALSE_DISCOVERY_RATE * found.beyond)) - 1
    return f"; {found.beyond} of {found.tested} lie beyond all {drawn}, too few for that rate, which needs {needed}"


def _no_replicas(scan: Scan) -> str:
    """Why `--null` gave no p-value, where it was asked for."""
    causes = Counter(cause for row in scan.matrices if (cause := row.metric_status.get("replica_p")))
    if not causes:
        return ""
    sentence = Reason(causes.most_common(1)[0][0]).sentence.rstrip(".")
    return f"; no replicas: {sentence[0].lower()}{sentence[1:]}"


def _drawn(scan: Scan) -> str:
    """How many replicas of which kind; adapters have a kind of their own."""
    kind, _, count = str(scan.provenance.settings.get("null") or "").partition(":")
    rows = [row for row in scan.matrices if row.metrics.get("replica_p") is not None]
    adapters = sum((row.part or "").split(".")[0] == "adapter" for row in rows)
    if adapters:
        kind = "product" if adapters == len(rows) else f"{kind} (adapters: product)"
    return " ".join(word for word in (safe_text(count), safe_text(kind), "replicas") if word)


def _why(scan: Scan) -> str:
    """The commonest cause of a missing phase, as the end of a sentence."""
    causes = Counter(
        _cause(row) for row in scan.matrices if row.counted and row.phase is Phase.not_assessable
    )
    cause = causes.most_common(1)[0][0] if causes else None
    sentence = cause.sentence if cause else "No power law can be fitted, or no null exists for the shape."
    return sentence[0].lower() + sentence[1:]


def _cause(row: MatrixRow) -> Reason | None:
    """Why this row has no phase, from whichever metrics were asked for."""
    told = [row.metric_status.get("alpha"), row.metric_status.get("null_p"), *row.metric_status.values()]
    cause = next((reason for reason in told if reason in _CAUSES), None)
    if cause is None and row.null_p is not None:
        # There is a null for the shape, so it is the fit that is missing.
        return Reason.degenerate_tail
    return cause


def _nothing(scan: Scan) -> Iterator[str]:
    groups = order.left_out(scan)
    if not groups:
        yield "Nothing to analyse: the checkpoint holds no tensors."
        return
    total = sum(len(group.rows) for group in groups)
    counts = ", ".join(f"{len(group.rows)} {group.reason.value}" for group in groups)
    yield f"Nothing to analyse: {plural(total, 'tensor')}, all left out ({counts})."
    if any(group.reason is Reason.filtered for group in groups):
        yield "Loosen --layers; --format csv lists every name."
    else:
        # The largest group is often biases; what the user can act on is a matrix that was refused.
        telling = next((group for group in groups if group.reason is not Reason.vector), groups[0])
        yield telling.reason.sentence
