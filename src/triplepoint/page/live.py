"""What the live page asks for beside the document: one metric, one layer's spectra, one row, one frame that is new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.page.bounds import LIVE
from triplepoint.page.codes import KINDS, PHASES
from triplepoint.page.columns import column
from triplepoint.page.document import finished
from triplepoint.page.happenings import alert
from triplepoint.page.rows_of_run import order
from triplepoint.page.spectra import spectra
from triplepoint.page.visits import kept, offsets, places
from triplepoint.page.wording import words
from triplepoint.records import Event, Frame, Visit, encoding
from triplepoint.store import Run, tables

Document = dict[str, Any]


def metric_values(run: Run, name: str, frame: int) -> Document:
    """One metric at the visits of frames up to `frame`, in the order of the document's: {frame, offsets, values}.

    Errors: UsageError for a metric that no visit has.
    """
    with run.moment():
        table = tables.visits(run, frame)
        parts, _ = kept(table, places(table, order(run, [*run.matrices])), LIVE.visits)
        values = tables.metrics(run, [name], table)[name]
        chosen = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        return {
            "frame": int(frame),
            "offsets": column(offsets(parts), "i4"),
            "values": column(values[chosen], "f4"),
        }


def layer_spectra(run: Run, id: str) -> Document:
    """The spectra of every full visit of one layer, and the frame up to which they are. UsageError for another id."""
    with run.moment():
        return {"frame": run.last_frame, **spectra(run.spectra(id))}


def row(run: Run, id: str, step: int | None) -> Document | None:
    """The row of the last full visit at or before `step`, as in the scan output; None where there is none."""
    found = run.row(id, step)
    return (
        None
        if found is None
        else encoding.row(replace(found, singular_values=None, shuffled_singular_values=None))
    )


def frame_delta(id: int, frame: Frame) -> Document:
    """What a frame adds to the document."""
    return finished({
        "id": id,
        "step": frame.step,
        "time": frame.time,
        "scalars": [[one.name, one.step, one.value, one.low, one.high] for one in frame.scalars],
        "visits": [_visit(visit) for visit in frame.visits],
        "alerts": [alert(id, one, one.matrix) for one in frame.alerts],
        "events": [_event(one) for one in frame.events],
    })  # fmt: skip


def _visit(visit: Visit) -> Document:
    row = visit.row
    return {
        "layer": visit.matrix,
        "step": visit.step,
        "kind": KINDS[visit.kind],
        "phase": 0 if row is None else PHASES[row.phase],
        "confidence": None if row is None else row.phase_confidence,
        "metrics": dict(visit.metrics),
    }


def _event(record: Event) -> Document:
    text = {"step": record.step, "kind": words(record.kind), "text": words(record.text)}
    return text | {"data": dict(record.data)}
