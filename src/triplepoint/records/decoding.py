"""Plain JSON types → records, every field checked; ValueError names the first one that does not fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from triplepoint.records.classes import Classified, SpectralClass
from triplepoint.records.encoding import SPECTRA, TRAP_NUMBERS
from triplepoint.records.measurements import Finding, Severity
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow, Phase
from triplepoint.records.scans import SCHEMA, Provenance, ReplicaDiscoveries, Summary
from triplepoint.records.traps import Cause, Trap, TrapEntry

T = TypeVar("T")
_INT64 = 2**63
"""Whole numbers become 64-bit columns of data frames."""
Document = Mapping[str, Any]


class ForeignSchema(ValueError):
    """Not a scan, or one of another version."""


def check_schema(document: Document) -> None:
    """Refuse what is not a scan of this version."""
    found = document.get("schema")
    if found != SCHEMA:
        raise ForeignSchema("no scan schema" if found is None else f"the schema {str(found)[:60]!r}")


def row(entry: Document) -> MatrixRow:
    """One entry of `matrices`."""
    status = field(entry, "status", str)
    if status not in ("ok", "skipped", "failed"):
        raise ValueError(f"status is {status!r}")
    shape = None if entry.get("shape") is None else tuple(items(entry, "shape", int))
    if shape is not None and len(shape) != 2:
        raise ValueError("shape has not two sides")
    spectra = {name: _numbers(entry, name) for name in SPECTRA if name in entry}
    cells = mapping(entry, "metrics")
    metrics = {name: optional(cells, name, float) for name in cells}
    return MatrixRow(
        id=field(entry, "id", str),
        name=field(entry, "name", str),
        part=optional(entry, "part", str),
        sources=tuple(items(entry, "sources", str)),
        tensor_shape=tuple(items(entry, "tensor_shape", int)),
        dtype=field(entry, "dtype", str),
        kind=optional(entry, "kind", str),
        shape=shape,
        scale=field(entry, "scale", float),
        num_eigenvalues=optional(entry, "num_eigenvalues", int),
        method=optional(entry, "method", str),
        resolved_from=optional(entry, "resolved_from", float),
        status=status,  # type: ignore[arg-type]  # checked above
        reason=None if (reason := optional(entry, "reason", str)) is None else Reason(reason),
        counted=field(entry, "counted", bool),
        detail=optional(entry, "detail", str),
        phase=None if (phase := optional(entry, "phase", str)) is None else Phase(phase),
        phase_confidence=optional(entry, "phase_confidence", float),
        metrics=metrics,
        metric_status={name: Reason(code) for name, code in mapping(entry, "metric_status").items()},
        findings=tuple(_finding(finding) for finding in items(entry, "findings", dict)),
        **spectra,
        seconds=optional(entry, "seconds", float),
        spectral_class=None
        if entry.get("spectral_class") is None
        else _classified(mapping(entry, "spectral_class")),
        traps=tuple(_trap(trap) for trap in items(entry, "traps", dict)) if "traps" in entry else (),
        null_p=metrics.get("null_p"),
    )


def provenance(entry: Document) -> Provenance:
    """The `provenance` object."""
    return Provenance(
        version=field(entry, "version", str),
        source=field(entry, "source", str),
        format=field(entry, "format", str),
        digest=field(entry, "digest", str),
        seed=_seed(entry),
        settings=mapping(entry, "settings"),
        environment=mapping(entry, "environment"),
        seconds=field(entry, "seconds", float),
        interrupted=bool(optional(entry, "interrupted", bool)),
    )


def summary(entry: Document) -> Summary:
    """The `summary` object."""
    means = mapping(entry, "metrics")
    null = mapping(entry, "null")
    # Scans of earlier versions have none of these.
    classes = _counts(entry, "classes") if "classes" in entry else {}
    replicas = mapping(entry, "replicas") if entry.get("replicas") is not None else None
    totals = mapping(entry, "totals") if "totals" in entry else {}
    return Summary(
        metrics={
            name: (optional(mapping(means, name), "mean", float), field(mapping(means, name), "n", int))
            for name in means
        },
        phases={Phase(name): count for name, count in _counts(entry, "phases").items()},
        findings={Severity(name).value: count for name, count in _counts(entry, "findings").items()},
        skipped={Reason(name): count for name, count in _counts(entry, "skipped").items()},
        null_rejected=field(null, "rejected", int),
        null_tested=field(null, "tested", int),
        classes={SpectralClass(name): count for name, count in classes.items()},
        replicas=None if replicas is None else _replicas(replicas),
        totals={
            name: (field(mapping(totals, name), "sum", float), field(mapping(totals, name), "n", int))
            for name in totals
        },
    )


def _replicas(entry: Document) -> ReplicaDiscoveries:
    return ReplicaDiscoveries(*(field(entry, name, int) for name in ("rejected", "tested", "beyond")))


def record(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {type(value).__name__}")
    return value


def field(document: Document, key: str, kind: type[T]) -> T:
    """The value of `key`, of this kind; an integer is a good float, a boolean is no number."""
    if key not in document:
        raise ValueError(f"{key} is missing")
    return _typed(document[key], kind, key)


def optional(document: Document, key: str, kind: type[T]) -> T | None:
    """As `field`; None where it is null or absent."""
    return None if document.get(key) is None else field(document, key, kind)


def mapping(document: Document, key: str) -> dict[str, Any]:
    """The object under `key`."""
    return field(document, key, dict)


def items(document: Document, key: str, kind: type[T]) -> list[T]:
    """The list under `key`, every entry of this kind."""
    return [_typed(value, kind, key) for value in field(document, key, list)]


def _typed(value: Any, kind: type[T], key: str) -> T:
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1000:
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{key} is not {kind.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        # JSON spells infinity as 1e999.
        raise ValueError(f"{key} is not finite")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise ValueError(f"{key} is larger than any count")
    return value


def _seed(document: Document) -> int:
    """Any whole number: it labels random streams and enters no table."""
    value = document.get("seed")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("seed is not int")
    return value


def _counts(document: Document, key: str) -> dict[str, int]:
    counts = mapping(document, key)
    return {name: field(counts, name, int) for name in counts}


def _numbers(document: Document, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(items(document, key, float), dtype=np.float64)


def _finding(entry: Document) -> Finding:
    return Finding(
        rule=field(entry, "rule", str),
        severity=Severity(field(entry, "severity", str)),
        statement=field(entry, "statement", str),
        confidence=optional(entry, "confidence", float),
    )


def _classified(entry: Document) -> Classified:
    return Classified(
        spectral_class=SpectralClass(field(entry, "class", str)),
        confidence=optional(entry, "confidence", float),
        evidence=field(entry, "evidence", str),
    )


def _trap(entry: Document) -> Trap:
    return Trap(
        **{name: field(entry, name, float) for name in TRAP_NUMBERS},
        cause=Cause(field(entry, "cause", str)),
        entries=tuple(_trap_entry(e) for e in items(entry, "entries", dict)),
    )


def _trap_entry(entry: Document) -> TrapEntry:
    return TrapEntry(
        row=field(entry, "row", int),
        column=field(entry, "column", int),
        value=field(entry, "value", float),
        share=field(entry, "share", float),
        slice=optional(entry, "slice", int) or 0,
        index=None if entry.get("index") is None else tuple(items(entry, "index", int)),
    )
