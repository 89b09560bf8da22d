"""Frames made by hand, and one whose every number is a function of its step. Nothing here is slow to import."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.records import Event, Frame, MatrixRow, Phase, ScalarPoint, Visit, VisitKind

NAMES = ("a", "b", "c")
SIDE = 70


def frame(step: int = 0, **parts: Any) -> Frame:
    """A frame of which only what is given is there."""
    return Frame(step, 1000.0 + step, **{name: tuple(part) for name, part in parts.items()})


def row(id: str = "layer", size: int = SIDE, *, alpha: float | None = 3.0, **changes: Any) -> MatrixRow:
    """A likely row with `size` singular values; `metrics` entries are added, other fields replaced."""
    metrics = {
        "alpha": alpha,
        "alpha_sem": None if alpha is None else 0.2,
        "alpha_low": None if alpha is None else alpha - 0.4,
        "alpha_high": None if alpha is None else alpha + 0.4,
        "num_tail": 40.0,
        "stable_rank": 17.5,
        "null_p": 0.0004,
    } | changes.pop("metrics", {})
    fields: dict[str, Any] = {
        "id": id,
        "name": f"{id}.weight",
        "part": None,
        "sources": (f"{id}.weight",),
        "tensor_shape": (size, 2 * size),
        "dtype": "F32",
        "kind": "dense",
        "shape": (size, 2 * size),
        "scale": 1.0,
        "num_eigenvalues": size,
        "method": "gram64",
        "resolved_from": 1e-9,
        "status": "ok",
        "reason": None,
        "counted": True,
        "phase": Phase.well_trained,
        "phase_confidence": 0.98,
        "metrics": metrics,
        "singular_values": np.linspace(3.0, 0.5, size),
        "seconds": 0.01,
        "null_p": metrics["null_p"],
    }
    return MatrixRow(**fields | changes)


def full(step: int, of: MatrixRow, **changes: Any) -> Visit:
    """A visit that found this row."""
    return replace(Visit(step, of.id, VisitKind.full, of.metrics, of), **changes)


def lawful(step: int) -> Frame:
    """Scalars, visits and an event that follow from the step alone."""
    scalars = tuple(ScalarPoint(name, step, value(step, k)) for k, name in enumerate(NAMES))
    visits = tuple(
        full(step, row(f"m{k}", metrics={"alpha": value(step, 10 + k)}, alpha=2.0 + k)) for k in range(3)
    )
    return frame(step, scalars=scalars, visits=visits, events=[Event("law", str(step), step, {"step": step})])


def value(step: int, k: int) -> float:
    """A number that no other step has."""
    return step + (k + 1) / 64


def is_lawful(found: Frame) -> bool:
    """Whether a frame is all of `lawful(step)`."""
    law = lawful(found.step)
    return (
        [(p.name, p.step, p.value) for p in found.scalars] == [(p.name, p.step, p.value) for p in law.scalars]
        and [(v.matrix, v.step, dict(v.metrics)) for v in found.visits]
        == [(v.matrix, v.step, dict(v.metrics)) for v in law.visits]
        and [e.data for e in found.events if e.kind == "law"] == [e.data for e in law.events]
    )
