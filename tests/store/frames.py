"""Frames made by hand, and one whose every number is a function of its step."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from tests import synthetic
from tests.worlds import gaussian, heavy_tailed
from triplepoint.records import Event, Frame, MatrixRow, ScalarPoint, Scan, Visit, VisitKind
from triplepoint.request import ScanRequest
from triplepoint.scanning import run

NAMES = ("a", "b", "c")
SIDE = 70


def frame(step: int = 0, **parts: Any) -> Frame:
    """A frame of which only what is given is there."""
    return Frame(step, 1000.0 + step, **{name: tuple(part) for name, part in parts.items()})


def row(id: str = "layer", size: int = SIDE, **changes: Any) -> MatrixRow:
    """A likely row with `size` singular values."""
    sigma = np.linspace(3.0, 0.5, size)
    fields = {"resolved_from": 1e-9, "singular_values": sigma, "num_eigenvalues": size} | changes
    return synthetic.row(id, fields.pop("alpha", 3.0), **fields)


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
        and [e.data for e in found.events] == [e.data for e in law.events]
    )


@cache
def scan() -> Scan:
    """Real rows of many kinds: convolutions, a trap, a heavy tail, a failure, every group of metrics but replicas."""
    trapped = gaussian((80, 60), seed=5)
    trapped[3, 4] = 60.0
    source = {
        "conv.weight": gaussian((12, 10, 3, 3), seed=1),
        "fc.weight": heavy_tailed((90, 60), 3.0),
        "trap.weight": trapped,
        "nan.weight": np.full((20, 20), np.nan),
        "bias": np.zeros(20),
    }
    return run(ScanRequest(source=source, spectra=True, tails=True, randomize=1, workers=1))
