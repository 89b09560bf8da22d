"""The scan output, version 1, as a checker written by hand that shares no code with the codec."""

from __future__ import annotations

import math
from typing import Any

from triplepoint.records import Reason

_NUMBER = (int, float)
_KINDS = [
    "dense",
    "embedding",
    "conv1d",
    "conv2d",
    "conv3d",
    "recurrent",
    "attention",
    "expert",
    "adapter",
    "delta",
]
_PHASES = ["under_trained", "well_trained", "over_trained", "undecided", "not_assessable"]
_SEVERITIES = ["info", "warning", "error"]
_ROW_KEYS = [
    "id",
    "name",
    "part",
    "sources",
    "tensor_shape",
    "dtype",
    "kind",
    "shape",
    "scale",
    "num_eigenvalues",
    "method",
    "resolved_from",
    "status",
    "reason",
    "counted",
    "phase",
    "phase_confidence",
    "metrics",
    "metric_status",
    "findings",
]
_CLASSES = [
    "random_like",
    "bleeding_out",
    "bulk_spikes",
    "bulk_decay",
    "heavy_tailed",
    "rank_collapse",
    "undecided",
]
_CAUSES = ["few_huge_entries", "shifted_mean", "heavy_tailed_entries", "chance"]
_TRAP_KEYS = [
    "cause",
    "effective_columns",
    "effective_rows",
    "eigenvalue",
    "entries",
    "mean_overlap",
    "strength",
]
_PROVENANCE_KEYS = ["version", "source", "format", "digest", "seed", "settings", "environment", "seconds"]


def check_scan(document: Any, *, closed_kinds: bool = True) -> None:
    """Assert that a parsed JSON document keeps the contract."""
    assert list(document) == ["schema", "provenance", "matrices", "summary"]
    assert document["schema"] == "triplepoint.scan/1"
    check_finite(document)
    _check_provenance(document["provenance"])
    for row in document["matrices"]:
        _check_row(row, closed_kinds)
    _check_summary(document["summary"])


def check_lines(documents: list[Any], *, closed_kinds: bool = True) -> None:
    """Assert the same of parsed JSON lines."""
    assert [document["type"] for document in documents] == [
        "provenance",
        *["matrix"] * (len(documents) - 2),
        "summary",
    ]
    first, *rows, last = ({k: v for k, v in document.items() if k != "type"} for document in documents)
    schema = first.pop("schema")
    whole = {"schema": schema, "provenance": first, "matrices": rows, "summary": last}
    check_scan(whole, closed_kinds=closed_kinds)


def check_finite(value: Any) -> None:
    """No NaN and no infinity anywhere."""
    if isinstance(value, float):
        assert math.isfinite(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_finite(inner)


def _check_provenance(provenance: Any) -> None:
    assert list(provenance)[: len(_PROVENANCE_KEYS)] == _PROVENANCE_KEYS
    assert all(isinstance(provenance[key], str) for key in ("version", "source", "format", "digest"))
    assert type(provenance["seed"]) is int
    assert {"mode", "interval"} <= set(provenance["settings"])
    assert isinstance(provenance["environment"], dict)
    assert isinstance(provenance["seconds"], _NUMBER)


def _check_row(row: Any, closed_kinds: bool) -> None:
    assert list(row)[: len(_ROW_KEYS)] == _ROW_KEYS
    assert isinstance(row["id"], str)
    assert isinstance(row["name"], str)
    assert row["part"] is None or isinstance(row["part"], str)
    assert all(isinstance(source, str) for source in row["sources"])
    assert all(type(side) is int for side in row["tensor_shape"])
    assert isinstance(row["dtype"], str)
    assert row["kind"] is None or not closed_kinds or row["kind"] in _KINDS
    assert row["shape"] is None or [type(side) for side in row["shape"]] == [int, int]
    assert isinstance(row["scale"], _NUMBER)
    assert row["num_eigenvalues"] is None or type(row["num_eigenvalues"]) is int
    assert row["status"] in ("ok", "skipped", "failed")
    assert (row["reason"] is None) == (row["status"] == "ok")
    assert row["reason"] is None or row["reason"] in set(Reason)
    assert type(row["counted"]) is bool
    assert row["phase"] is None or row["phase"] in _PHASES
    assert row["phase_confidence"] is None or 0 <= row["phase_confidence"] <= 1
    for name, value in row["metrics"].items():
        assert value is None or isinstance(value, _NUMBER)
        assert (value is None) == (name in row["metric_status"])
    assert set(row["metric_status"].values()) <= set(Reason)
    for finding in row["findings"]:
        assert list(finding) == ["rule", "severity", "statement", "confidence"]
        assert finding["severity"] in _SEVERITIES
    _check_class(row["spectral_class"])
    for trap in row["traps"]:
        assert sorted(trap) == _TRAP_KEYS
        assert trap["cause"] in _CAUSES
        for entry in trap["entries"]:
            assert list(entry) == ["row", "column", "value", "share", "slice", "index"]
            assert {type(entry[key]) for key in ("row", "column", "slice")} == {int}
            assert entry["index"] is None or all(type(place) is int for place in entry["index"])


def _check_class(found: Any) -> None:
    if found is None:
        return
    assert list(found) == ["class", "confidence", "evidence"]
    assert found["class"] in _CLASSES
    assert found["confidence"] is None or 0 <= found["confidence"] <= 1
    assert isinstance(found["evidence"], str)


def _check_summary(summary: Any) -> None:
    assert list(summary)[:4] == ["metrics", "phases", "findings", "skipped"]
    for mean in summary["metrics"].values():
        assert list(mean) == ["mean", "n"]
        assert (mean["mean"] is None) == (mean["n"] == 0)
    assert set(summary["phases"]) <= set(_PHASES)
    assert set(summary["findings"]) <= set(_SEVERITIES)
    assert set(summary["skipped"]) <= set(Reason)
    assert list(summary["null"]) == ["rejected", "tested", "fdr"]
    assert summary["null"]["rejected"] <= summary["null"]["tested"]
