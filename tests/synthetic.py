"""Scans made by hand, without a scan: a likely one, and any that the records allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from triplepoint.records import (
    Cause,
    Classified,
    Finding,
    MatrixRow,
    Phase,
    Provenance,
    Reason,
    Scan,
    Severity,
    SpectralClass,
    Summary,
    Trap,
    TrapEntry,
)

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "[bold]markup[/bold]",
    "[/]",
    "[link=http://evil]x[/link]",
    ":smile:",
    "a\r\nb\tc",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "a|b`c`<script>alert(1)</script>",
    "../../etc/passwd",
    "\ud800",
    "漢字" * 40,
    "\u202egnp.exe",
    "x" * 300,
    ".".join(["block"] * 60),
    "",
    ".weight",
    "e\u0301" * 50,
    "\x9b31mC1",
    "back\\slash\\",
)
"""Names that a checkpoint may legally hold."""


def row(id: str = "layer", alpha: float | None = 3.0, **changes: Any) -> MatrixRow:
    """A dense, well-trained row; `changes` replace fields, `metrics` entries are added."""
    metrics = {
        "alpha": alpha,
        "alpha_sem": None if alpha is None else 0.2,
        "alpha_low": None if alpha is None else alpha - 0.4,
        "alpha_high": None if alpha is None else alpha + 0.4,
        "xmax": 12.3456789,
        "ks_distance": None if alpha is None else 0.043,
        "num_tail": None if alpha is None else 123.0,
        "stable_rank": 17.5,
        "null_p": 0.0004,
        "alpha_weighted": None if alpha is None else 1.09 * alpha,
        "log_norm": 2.5,
    } | changes.pop("metrics", {})
    fields: dict[str, Any] = {
        "id": id,
        "name": f"{id}.weight",
        "part": None,
        "sources": (f"{id}.weight",),
        "tensor_shape": (384, 1536),
        "dtype": "F32",
        "kind": "dense",
        "shape": (384, 1536),
        "scale": 1.0,
        "num_eigenvalues": 384,
        "method": "gram64+tridiagonal",
        "resolved_from": 1e-12,
        "status": "ok",
        "reason": None,
        "counted": True,
        "phase": Phase.well_trained,
        "phase_confidence": 0.97,
        "metrics": metrics,
        "metric_status": {name: Reason.degenerate_tail for name, value in metrics.items() if value is None},
        "seconds": 0.01,
        "spectral_class": Classified(SpectralClass.bulk_decay, 0.9, "soft rank 0.2"),
        "null_p": metrics["null_p"],
    }
    return MatrixRow(**fields | changes)


def skipped(id: str, reason: Reason, **changes: Any) -> MatrixRow:
    """A tensor that was left out."""
    empty: dict[str, Any] = {
        "tensor_shape": (384,),
        "kind": None,
        "shape": None,
        "num_eigenvalues": None,
        "method": None,
        "resolved_from": None,
        "status": "skipped",
        "reason": reason,
        "counted": False,
        "phase": None,
        "phase_confidence": None,
        "metric_status": {},
        "seconds": None,
        "spectral_class": None,
        "null_p": None,
    }
    made = row(id, **empty | changes)
    return MatrixRow(**{name: getattr(made, name) for name in made.__slots__} | {"metrics": {}})


def failed(id: str, reason: Reason = Reason.non_finite, **changes: Any) -> MatrixRow:
    """A matrix that could not be analysed."""
    return skipped(id, reason, status="failed", kind="dense", shape=(384, 1536), **changes)


def scan_of(rows: Sequence[MatrixRow], **provenance: Any) -> Scan:
    """A scan around these rows; the summary is counted from them."""
    counted = [row for row in rows if row.counted and row.status == "ok"]
    whole = [row for row in rows if row.part is None]
    names = dict.fromkeys(name for row in counted for name in row.metrics)
    values = {
        name: [v for row in counted if (v := row.metrics[name]) is not None]
        for name in names
        if all(name in row.metrics for row in counted)
    }
    tested = [row.null_p for row in counted if row.null_p is not None]
    summary = Summary(
        metrics={
            name: (sum(v / len(some) for v in some) if some else None, len(some))
            for name, some in values.items()
        },
        phases=dict(Counter(row.phase for row in counted if row.phase is not None)),
        findings=dict(Counter(finding.severity.value for row in whole for finding in row.findings)),
        skipped=dict(Counter(row.reason for row in whole if row.reason is not None)),
        null_rejected=sum(p < 0.01 for p in tested),
        null_tested=len(tested),
        classes=dict(
            Counter(row.spectral_class.spectral_class for row in counted if row.spectral_class is not None)
        ),
    )
    fields: dict[str, Any] = {
        "version": "0.1.0",
        "source": "model.safetensors",
        "format": "safetensors",
        "digest": "blake2b:00",
        "seed": 0,
        "settings": {
            "mode": "precise",
            "interval": "closed",
            "interval_model": "closed:iid-pareto",
            "layers": None,
            "workers": 2,
        },
        "environment": {"python": "3.11", "numpy": "2.4"},
        "seconds": 3.21,
    }
    return Scan(Provenance(**fields | provenance), tuple(rows), summary)


def warning(rule: str = "over_trained", statement: str = "α < 2 with certainty") -> Finding:
    """A finding of the middle severity."""
    return Finding(rule, Severity.warning, statement, 0.99)


def example() -> Scan:
    """What a small transformer looks like: every phase, a failure, slices, left-out tensors."""
    rows = [
        row("embeddings.word_embeddings", 2.4, kind="embedding", shape=(30522, 384)),
        skipped("embeddings.LayerNorm", Reason.vector),
    ]
    for block in range(6):
        stem = f"encoder.layer.{block}"
        rows += [
            row(f"{stem}.attention.self.query", 3.1 + block / 10),
            row(f"{stem}.attention.self.key", 3.2 - block / 7),
            row(f"{stem}.attention.output.dense", 2.8),
            row(f"{stem}.intermediate.dense", 4.1),
            skipped(f"{stem}.output.LayerNorm", Reason.vector),
        ]
    rows += [
        row("encoder.layer.6.attention.self.value", 1.6, phase=Phase.over_trained, phase_confidence=0.99)
    ]
    over = rows[-1]
    rows[-1] = MatrixRow(
        **{name: getattr(over, name) for name in over.__slots__} | {"findings": (warning(),)}
    )
    rows += [
        row("encoder.layer.6.output.dense", 9.3, phase=Phase.under_trained, metrics={"null_p": 0.31}),
        row("encoder.layer.7.output.dense", 2.05, phase=Phase.undecided, phase_confidence=0.55),
        row("encoder.layer.7.router", None, phase=Phase.not_assessable, phase_confidence=None),
        row("conv", 3.3, kind="conv2d", shape=(64, 64), tensor_shape=(64, 64, 3, 3), scale=0.5),
        row("conv", 3.3, kind="conv2d", shape=(64, 64), part="slice.0", counted=False),
        failed("encoder.layer.8.output.dense", detail="first at [3, 17]"),
        skipped("position_ids", Reason.integer),
        skipped("pooler", Reason.filtered, tensor_shape=(384, 384)),
    ]
    return scan_of(rows)


names = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
)
"""Any text, lone surrogates and control characters too."""
_number = st.floats(allow_nan=False, allow_infinity=False)
_share = st.floats(0, 1)
_metric_names = ("alpha", "alpha_low", "alpha_high", "xmax", "ks_distance", "num_tail", "null_p", "log_norm")
_metric_names += ("log_spectral_norm",)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None or one of the values."""
    return st.none() | values


findings = st.builds(
    Finding, rule=names, severity=st.sampled_from(Severity), statement=names, confidence=some(_share)
)


_classes = st.builds(
    Classified, spectral_class=st.sampled_from(SpectralClass), confidence=some(_share), evidence=names
)
_entries = st.builds(
    TrapEntry,
    row=st.integers(0, 2**40),
    column=st.integers(0, 2**40),
    value=_number,
    share=_number,
    slice=st.integers(0, 2**40),
    index=some(st.lists(st.integers(0, 2**40), max_size=4).map(tuple)),
)
_traps = st.builds(
    Trap,
    eigenvalue=_number,
    strength=_number,
    cause=st.sampled_from(Cause),
    entries=st.lists(_entries, max_size=2).map(tuple),
    effective_rows=_number,
    effective_columns=_number,
    mean_overlap=_share,
)


@st.composite
def any_row(draw: st.DrawFn) -> MatrixRow:
    """Every combination the record's types allow."""
    status = draw(st.sampled_from(["ok", "ok", "ok", "skipped", "failed"]))
    metrics = draw(st.dictionaries(st.sampled_from(_metric_names), some(_number)))
    return MatrixRow(
        id=draw(names),
        name=draw(names),
        part=draw(some(names)),
        sources=tuple(draw(st.lists(names, max_size=2))),
        tensor_shape=tuple(draw(st.lists(st.integers(0, 2**40), max_size=4))),
        dtype=draw(st.sampled_from(["F32", "BF16", "weird\x1b"])),
        kind=draw(some(names | st.sampled_from(["dense", "embedding", "conv2d"]))),
        shape=draw(some(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)))),
        scale=draw(_number),
        num_eigenvalues=draw(some(st.integers(0, 2**40))),
        method=draw(some(names)),
        resolved_from=draw(some(_number)),
        status=status,
        reason=None if status == "ok" else draw(st.sampled_from(Reason)),
        counted=draw(st.booleans()),
        detail=draw(some(names)),
        phase=draw(some(st.sampled_from(Phase))) if status == "ok" else None,
        phase_confidence=draw(some(_share)),
        metrics=metrics,
        metric_status={name: Reason.undefined for name, value in metrics.items() if value is None},
        findings=tuple(draw(st.lists(findings, max_size=2))),
        singular_values=draw(some(st.lists(_number, max_size=4).map(np.array))),
        shuffled_singular_values=draw(some(st.lists(_number, max_size=4).map(np.array))),
        seconds=draw(some(_number)),
        spectral_class=draw(some(_classes)),
        traps=tuple(draw(st.lists(_traps, max_size=2))),
        null_p=metrics.get("null_p"),
    )


any_scan = st.lists(any_row(), max_size=6).map(scan_of)
"""A scan of any rows."""
