"""Records ⇄ the scan output, version 1, as one JSON document or as JSON lines.

What is written is plain ASCII JSON without NaN or Infinity, so every parser reads it and a terminal is safe
from hostile names. What is read is checked field by field in `decoding`: a damaged file is one line of
explanation, never a half-filled record.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from triplepoint.errors import UnreadableCheckpoint, UsageError
from triplepoint.records import decoding
from triplepoint.records.files import replacing
from triplepoint.records.measurements import Finding
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow
from triplepoint.records.scans import FALSE_DISCOVERY_RATE, SCHEMA, Provenance, Scan, Summary


def scan_to_dict(scan: Scan) -> dict[str, Any]:
    """The whole scan in plain JSON types, keys in the order of the schema."""
    return {
        "schema": SCHEMA,
        "provenance": _provenance_to_dict(scan.provenance),
        "matrices": [row_to_dict(row) for row in scan.matrices],
        "summary": _summary_to_dict(scan.summary),
    }


def scan_from_dict(document: Mapping[str, Any]) -> Scan:
    """The scan that `scan_to_dict` described; ValueError names the first field that does not fit."""
    decoding.check_schema(document)
    return Scan(
        decoding.provenance(decoding.mapping(document, "provenance")),
        tuple(decoding.row(entry) for entry in decoding.items(document, "matrices", dict)),
        decoding.summary(decoding.mapping(document, "summary")),
    )


def row_to_dict(row: MatrixRow) -> dict[str, Any]:
    """One entry of `matrices`."""
    metrics = {name: _number(value) for name, value in row.metrics.items()}
    status = {name: reason.value for name, reason in row.metric_status.items()}
    # A NaN that slipped out of a formula must cost its own cell, not the finished scan.
    status |= {
        name: Reason.undefined.value
        for name, value in row.metrics.items()
        if value is not None and metrics[name] is None
    }
    document: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "part": row.part,
        "sources": list(row.sources),
        "tensor_shape": [int(side) for side in row.tensor_shape],
        "dtype": row.dtype,
        "kind": row.kind,
        "shape": None if row.shape is None else [int(side) for side in row.shape],
        "scale": _number(row.scale),
        "num_eigenvalues": None if row.num_eigenvalues is None else int(row.num_eigenvalues),
        "method": row.method,
        "resolved_from": _number(row.resolved_from),
        "status": row.status,
        "reason": None if row.reason is None else row.reason.value,
        "counted": bool(row.counted),
        "phase": None if row.phase is None else row.phase.value,
        "phase_confidence": _number(row.phase_confidence),
        "metrics": metrics,
        "metric_status": status,
        "findings": [_finding_to_dict(finding) for finding in row.findings],
        "detail": row.detail,
        "seconds": _number(row.seconds),
    }
    if row.singular_values is not None and np.isfinite(row.singular_values).all():
        document["singular_values"] = row.singular_values.tolist()
    return document


def to_json(scan: Scan) -> str:
    """One document, one line a matrix, so that it can be searched and compared line by line."""
    document = scan_to_dict(scan)
    rows = ",\n  ".join(_dumps(row) for row in document["matrices"])
    return (
        f'{{"schema": {_dumps(document["schema"])},\n'
        f' "provenance": {_dumps(document["provenance"])},\n'
        f' "matrices": [\n  {rows}],\n'
        f' "summary": {_dumps(document["summary"])}}}\n'
    )


def to_jsonl_lines(scan: Scan) -> Iterator[str]:
    """Lines without their line ends: provenance with the schema, one a matrix, the summary."""
    yield _dumps({"schema": SCHEMA, "type": "provenance", **_provenance_to_dict(scan.provenance)})
    for row in scan.matrices:
        yield _dumps({"type": "matrix", **row_to_dict(row)})
    yield _dumps({"type": "summary", **_summary_to_dict(scan.summary)})


def save(scan: Scan, path: str | os.PathLike[str]) -> None:
    """Write `.json` or `.jsonl`, by the ending of the name."""
    ending = Path(path).suffix.lower()
    if ending not in (".json", ".jsonl"):
        raise UsageError(f"save {os.fspath(path)}", f"the ending {ending!r}", "Use .json or .jsonl")
    lines = to_jsonl_lines(scan) if ending == ".jsonl" else iter([to_json(scan).removesuffix("\n")])
    with replacing(path) as stream:
        stream.writelines(f"{line}\n".encode("ascii") for line in lines)


def load(path: str | os.PathLike[str]) -> Scan:
    """Read what `save` wrote, whatever the file is called."""
    asked = f"load {os.fspath(path)}"
    try:
        text = Path(path).read_text(encoding="utf-8")
        return scan_from_dict(_parse(text))
    except OSError as error:
        raise UsageError(asked, error.strerror or type(error).__name__, "Check the path") from error
    except decoding.ForeignSchema as error:
        raise UnreadableCheckpoint(asked, str(error), f"This version reads {SCHEMA}; scan again") from error
    except (ValueError, RecursionError) as error:
        # RecursionError: brackets nested by the thousand.
        found = "damaged" if isinstance(error, RecursionError) else f"damaged ({error})"
        raise UnreadableCheckpoint(asked, found, "Scan the checkpoint again") from error


def _parse(text: str) -> dict[str, Any]:
    """The one document, from JSON or from JSON lines."""
    first, _, rest = text.partition("\n")
    with_type = '"type": "provenance"' in first or '"type":"provenance"' in first
    return _join_lines([first, *rest.split("\n")]) if with_type else decoding.record(_loads(text))


def _join_lines(lines: Iterable[str]) -> dict[str, Any]:
    documents = [decoding.record(_loads(line)) for line in lines if line.strip()]
    kinds = [document.pop("type", None) for document in documents]
    if kinds != ["provenance", *["matrix"] * (len(kinds) - 2), "summary"]:
        raise ValueError("the lines are not provenance, matrices, summary: writing was cut short")
    provenance, *matrices, summary = documents
    schema = provenance.pop("schema", None)
    return {"schema": schema, "provenance": provenance, "matrices": matrices, "summary": summary}


def _provenance_to_dict(provenance: Provenance) -> dict[str, Any]:
    return {
        "version": provenance.version,
        "source": provenance.source,
        "format": provenance.format,
        "digest": provenance.digest,
        "seed": int(provenance.seed),
        "settings": _plain(provenance.settings),
        "environment": _plain(provenance.environment),
        "seconds": _number(provenance.seconds),
        "interrupted": provenance.interrupted,
    }


def _summary_to_dict(summary: Summary) -> dict[str, Any]:
    return {
        "metrics": {
            name: {"mean": _number(mean), "n": int(n)} for name, (mean, n) in summary.metrics.items()
        },
        "phases": {phase.value: int(count) for phase, count in summary.phases.items()},
        "findings": {str(severity): int(count) for severity, count in summary.findings.items()},
        "skipped": {reason.value: int(count) for reason, count in summary.skipped.items()},
        "null": {
            "rejected": int(summary.null_rejected),
            "tested": int(summary.null_tested),
            "fdr": FALSE_DISCOVERY_RATE,
        },
    }


def _finding_to_dict(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "statement": finding.statement,
        "confidence": _number(finding.confidence),
    }


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _plain(value: Any) -> Any:
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
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    return str(value)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
