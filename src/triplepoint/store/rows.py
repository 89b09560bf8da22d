"""The row of a matrix in parts: what never changes once a matrix, metrics as numbers, and the rest where it differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from triplepoint.records import MatrixRow, decoding, encoding

_NOT_IDENTITY = frozenset({
    *("status", "reason", "detail", "phase", "phase_confidence", "metrics", "metric_status", "findings", "seconds"),
    *("spectral_class", "traps", "resolved_from", "singular_values", "shuffled_singular_values"),
})  # fmt: skip
_COLUMNS = frozenset({"metrics", "metric_status", "status", "phase", "singular_values"})
"""Fields that have a column or table of their own."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """One row, taken apart."""

    status: str
    phase: str | None
    rest: str
    """JSON: the fields in which the row differs from the identity."""
    metrics: Mapping[str, float | None]
    reasons: Mapping[str, str]
    """{metric: code}, of metrics without a value."""


def identity(row: MatrixRow) -> Document:
    """The fields of a row that are the same at every visit, in plain JSON types."""
    return {key: value for key, value in encoding.row(_bare(row)).items() if key not in _NOT_IDENTITY}


def parts(row: MatrixRow, identity: Document) -> Parts:
    """What is stored of a visit; fields that left the identity are written with it, so nothing is lost."""
    document = encoding.row(_bare(row))
    metrics, reasons = document["metrics"], document["metric_status"]
    rest = {
        key: value
        for key, value in document.items()
        if key not in _COLUMNS and not (key in identity and identity[key] == value)
    }
    if row.null_p != metrics.get("null_p"):
        rest["null_p"] = encoding.plain(row.null_p)
    lost = {name: reason for name, reason in reasons.items() if name not in metrics}
    if lost:
        rest["metric_status"] = lost
    return Parts(document["status"], document["phase"], dumps(rest), metrics, reasons)


def row(identity: Document, stored: Parts) -> MatrixRow:
    """The row that `parts` took apart, without its spectrum; ValueError names a field that does not fit."""
    rest = loads(stored.rest)
    document = {
        **identity,
        **rest,
        "status": stored.status,
        "phase": stored.phase,
        "metrics": stored.metrics,
        "metric_status": {**decoding.record(rest.get("metric_status", {})), **stored.reasons},
    }
    made = decoding.row(document)
    return replace(made, null_p=decoding.optional(rest, "null_p", float)) if "null_p" in rest else made


def checked(identity: Document) -> dict[str, Any]:
    """An identity as it is, if a row could have it; ValueError otherwise. An empty one is fine."""
    if identity:
        decoding.row({**identity, "status": "ok", "metrics": {}, "metric_status": {}, "findings": []})
    return dict(identity)


def dumps(value: Any) -> str:
    """Plain JSON types as short ASCII."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def loads(text: Any) -> dict[str, Any]:
    """A JSON object; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("an object was expected")
    try:
        return decoding.record(json.loads(text, parse_constant=_refuse))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _bare(row: MatrixRow) -> MatrixRow:
    return replace(row, singular_values=None, shuffled_singular_values=None)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def with_spectrum(row: MatrixRow, sigma: Any) -> MatrixRow:
    """The row with its singular values."""
    return replace(row, singular_values=sigma)
