"""Rows → the model in a few numbers. A failure is never averaged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from triplepoint.metrics import METRICS
from triplepoint.nulls import discoveries
from triplepoint.records import (
    MatrixRow,
    Phase,
    Reason,
    ReplicaDiscoveries,
    Severity,
    SpectralClass,
    Summary,
    primary,
)


def summarize(rows: Sequence[MatrixRow], metrics: Sequence[str], draws: int) -> Summary:
    """Means with their n over counted rows where the metric has a value, sums of those that are published as sums;
    counts of phases, findings and reasons.

    `draws`: how many replicas a p-value of `--null` comes from.
    """
    counted = [row for row in rows if row.counted and row.status == "ok"]
    phases = Counter(row.phase for row in counted)
    # What is wrong with a kernel or a fused weight counts once.
    whole = primary(rows)
    severities = Counter(finding.severity for row in whole for finding in row.findings)
    reasons = Counter(row.reason for row in whole if row.reason is not None)
    classes = Counter(row.spectral_class.spectral_class for row in counted if row.spectral_class is not None)
    replicas = [p for row in counted if (p := row.metrics.get("replica_p")) is not None]
    p_values = [row.null_p for row in counted if row.null_p is not None]
    return Summary(
        metrics={name: _mean(counted, name) for name in metrics},
        phases={phase: phases.get(phase, 0) for phase in Phase},
        findings={severity.value: severities.get(severity, 0) for severity in Severity},
        skipped={reason: reasons[reason] for reason in Reason if reason in reasons},
        null_rejected=discoveries(p_values),
        null_tested=len(p_values),
        classes={name: classes[name] for name in SpectralClass if name in classes},
        replicas=_against_replicas(replicas, draws) if replicas else None,
        totals={
            name: total
            for name in metrics
            if METRICS[name].total and (total := _total(counted, name)) is not None
        },
    )


def _against_replicas(p_values: Sequence[float], draws: int) -> ReplicaDiscoveries:
    beyond = sum(p < 1.5 / (draws + 1) for p in p_values)
    return ReplicaDiscoveries(discoveries(p_values), len(p_values), beyond)


def _total(rows: Sequence[MatrixRow], metric: str) -> tuple[float, int] | None:
    """None without a value, and where the sum leaves the range."""
    values = [value for row in rows if (value := row.metrics.get(metric)) is not None]
    try:
        return (math.fsum(values), len(values)) if values else None
    except OverflowError:
        return None


def _mean(rows: Sequence[MatrixRow], metric: str) -> tuple[float | None, int]:
    values = [value for row in rows if (value := row.metrics.get(metric)) is not None]
    # Summed exactly, so that a mean does not depend on the order of the rows: layouts on disk differ in it.
    try:
        return (math.fsum(values) / len(values) if values else None), len(values)
    except OverflowError:  # the sum leaves the range, the mean does not
        return math.fsum(value / len(values) for value in values), len(values)
