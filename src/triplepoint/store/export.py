"""A run as JSON lines: one record a line, each with its `type`; plain ASCII, numbers in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triplepoint.records import Alert, Event, ScalarPoint, Visit, encoding
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import rows
from triplepoint.store.run import Run
from triplepoint.store.writer import SCHEMA


def lines(run: Run) -> Iterator[str]:
    """The run, its matrices, scalars, visits, spectra, alerts and events, in that order, without line ends."""
    about = dict(run.about)
    head = {"schema": SCHEMA, "type": "run", "name": run.name, **about, "status": run.status}
    yield rows.dumps(head | {"schema": SCHEMA, "type": "run"})
    for id, identity in run.matrices.items():
        yield rows.dumps({"type": "matrix", **identity, "id": id})
    for name in run.scalar_names:
        yield from (rows.dumps(scalar(point)) for point in run.scalar(name))
    yield from (rows.dumps(visit(one)) for one in run.visits())
    for id in run.matrices:
        yield from (rows.dumps(spectrum(one)) for one in run.spectra(id))
    yield from (rows.dumps(alert(one)) for one in run.alerts)
    yield from (rows.dumps(event(one)) for one in run.events)


def scalar(point: ScalarPoint) -> dict[str, Any]:
    """One block of one scalar."""
    return {
        "type": "scalar",
        "name": point.name,
        "step": point.step,
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "count": point.count,
        "non_finite": point.non_finite,
    }


def visit(record: Visit) -> dict[str, Any]:
    """One look at one matrix; `row` is an entry of `matrices` in the scan output, or null."""
    return {
        "type": "visit",
        "matrix": record.matrix,
        "step": record.step,
        "kind": record.kind.value,
        "metrics": dict(record.metrics),
        "change": record.change,
        "seconds": record.seconds,
        "eigenvalues": None if record.eigenvalues is None else record.eigenvalues.tolist(),
        "row": None if record.row is None else encoding.row(record.row),
    }


def spectrum(sketch: SpectrumSketch) -> dict[str, Any]:
    """One spectrum: log10 λ of the ends, counts between them, the largest σ, and every σ where they were kept."""
    return {
        "type": "spectrum",
        "matrix": sketch.matrix,
        "step": sketch.step,
        "num_eigenvalues": sketch.num_eigenvalues,
        "scale": sketch.scale,
        "low": sketch.low,
        "high": sketch.high,
        "counts": sketch.counts.tolist(),
        "unresolved": sketch.unresolved,
        "tail": sketch.tail.tolist(),
        "full": None if sketch.full is None else sketch.full.tolist(),
    }


def alert(record: Alert) -> dict[str, Any]:
    """One rule that began or ceased to hold."""
    return {
        "type": "alert",
        "rule": record.rule,
        "severity": record.severity.value,
        "state": record.state.value,
        "step": record.step,
        "matrix": record.matrix,
        "statement": record.statement,
        "evidence": dict(record.evidence),
    }


def event(record: Event) -> dict[str, Any]:
    """One thing that happened."""
    return {
        "type": "event",
        "kind": record.kind,
        "text": record.text,
        "step": record.step,
        "data": dict(record.data),
    }
