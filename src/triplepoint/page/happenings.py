"""Alerts and events of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.page.wording import words
from triplepoint.records import Alert, Event

Document = dict[str, Any]


def alert(frame: int, record: Alert, layer: int | str | None) -> Document:
    """One rule that began or ceased to hold; `layer` as the reader knows it, None where it is of the whole run."""
    return {
        "frame": frame,
        "step": record.step,
        "rule": words(record.rule),
        "severity": record.severity.value,
        "state": record.state.value,
        "statement": words(record.statement),
        "layer": layer,
    }


def alerts(found: Sequence[tuple[int, Alert]], index: Mapping[str, int]) -> list[Document]:
    """In order; `index`: {id: number of the layer}."""
    return [
        alert(frame, record, None if record.matrix is None else index.get(record.matrix))
        for frame, record in found
    ]


def event(frame: int, record: Event) -> Document:
    """One thing that happened."""
    return {"frame": frame, "step": record.step, "kind": words(record.kind), "text": words(record.text)}
