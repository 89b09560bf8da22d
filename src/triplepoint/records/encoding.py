"""Records → plain JSON types, keys in the order of the schema; the counterpart of `decoding`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from triplepoint.records.classes import Classified
from triplepoint.records.measurements import Finding
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow
from triplepoint.records.scans import FALSE_DISCOVERY_RATE, Provenance, ReplicaDiscoveries, Summary
from triplepoint.records.traps import Trap

SPECTRA = ("singular_values", "shuffled_singular_values")
TRAP_NUMBERS = ("eigenvalue", "strength", "effective_rows", "effective_columns", "mean_overlap")


def row(record: MatrixRow) -> dict[str, Any]:
    """One entry of `matrices`."""
    metrics = {name: _number(value) for name, value in record.metrics.items()}
    status = {name: reason.value for name, reason in record.metric_status.items()}
    # A NaN that slipped out of a formula must cost its own cell, not the finished scan.
    status |= {
        name: Reason.undefined.value
        for name, value in record.metrics.items()
        if value is not None and metrics[name] is None
    }
    document: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "part": record.part,
        "sources": list(record.sources),
        "tensor_shape": [int(side) for side in record.tensor_shape],
        "dtype": record.dtype,
        "kind": record.kind,
        "shape": None if record.shape is None else [int(side) for side in record.shape],
        "scale": _number(record.scale),
        "num_eigenvalues": None if record.num_eigenvalues is None else int(record.num_eigenvalues),
        "method": record.method,
        "resolved_from": _number(record.resolved_from),
        "status": record.status,
        "reason": None if record.reason is None else record.reason.value,
        "counted": bool(record.counted),
        "phase": None if record.phase is None else record.phase.value,
        "phase_confidence": _number(record.phase_confidence),
        "metrics": metrics,
        "metric_status": status,
        "findings": [_finding(finding) for finding in record.findings],
        "detail": record.detail,
        "seconds": _number(record.seconds),
        "spectral_class": None if record.spectral_class is None else _classified(record.spectral_class),
        "traps": [trap(one) for one in record.traps],
    }
    for name in SPECTRA:
        sigma = getattr(record, name)
        if sigma is not None and np.isfinite(sigma).all():
            document[name] = sigma.tolist()
    return document


def provenance(record: Provenance) -> dict[str, Any]:
    """The `provenance` object."""
    return {
        "version": record.version,
        "source": record.source,
        "format": record.format,
        "digest": record.digest,
        "seed": int(record.seed),
        "settings": plain(record.settings),
        "environment": plain(record.environment),
        "seconds": _number(record.seconds),
        "interrupted": record.interrupted,
    }


def summary(record: Summary) -> dict[str, Any]:
    """The `summary` object."""
    return {
        "metrics": {name: {"mean": _number(mean), "n": int(n)} for name, (mean, n) in record.metrics.items()},
        "phases": {phase.value: int(count) for phase, count in record.phases.items()},
        "findings": {str(severity): int(count) for severity, count in record.findings.items()},
        "skipped": {reason.value: int(count) for reason, count in record.skipped.items()},
        "null": {
            "rejected": int(record.null_rejected),
            "tested": int(record.null_tested),
            "fdr": FALSE_DISCOVERY_RATE,
        },
        "classes": {name.value: int(count) for name, count in record.classes.items()},
        "replicas": None if record.replicas is None else _replicas(record.replicas),
        "totals": {name: {"sum": _number(total), "n": int(n)} for name, (total, n) in record.totals.items()},
    }


def _replicas(found: ReplicaDiscoveries) -> dict[str, Any]:
    return {
        "rejected": int(found.rejected),
        "tested": int(found.tested),
        "beyond": int(found.beyond),
        "fdr": FALSE_DISCOVERY_RATE,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "statement": finding.statement,
        "confidence": _number(finding.confidence),
    }


def _classified(record: Classified) -> dict[str, Any]:
    return {
        "class": record.spectral_class.value,
        "confidence": _number(record.confidence),
        "evidence": record.evidence,
    }


def trap(record: Trap) -> dict[str, Any]:
    """One entry of `traps`."""
    document = {name: _number(getattr(record, name)) for name in TRAP_NUMBERS}
    entries = [
        {
            "row": e.row,
            "column": e.column,
            "value": _number(e.value),
            "share": _number(e.share),
            "slice": e.slice,
            "index": None if e.index is None else list(e.index),
        }
        for e in record.entries
    ]
    return document | {"cause": record.cause.value, "entries": entries}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Settings hold whatever a caller passed; JSON holds six types."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    return str(value)
