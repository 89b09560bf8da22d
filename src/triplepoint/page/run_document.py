"""A run as the document that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint import __version__
from triplepoint.page import about
from triplepoint.page.catalogue import catalogue
from triplepoint.page.columns import column
from triplepoint.page.document import SCHEMA, finished
from triplepoint.page.findings import findings, traps
from triplepoint.page.happenings import alerts, event
from triplepoint.page.laws import band, laws
from triplepoint.page.layers import layers, reasons, unmeasured
from triplepoint.page.rows_of_run import order, unseen, verdict_of
from triplepoint.page.visits import places, visits
from triplepoint.records import VisitKind
from triplepoint.report.verdict import CAVEAT
from triplepoint.store import Run, tables

Document = dict[str, Any]

DEFAULT_SERIES = ("alpha", "alpha_low", "alpha_high", "xmin", "num_tail", "bulk_sigma", "bulk_edge")
"""What the page draws of a layer at the cursor; the live page asks for others when they are wanted."""


def run_document(run: Run, *, budget: int | None = None) -> Document:
    """Everything that the page shows of a run, as of one moment, in plain JSON types.

    `budget`: bytes that series and spectra may take in a file; None, for the live page: default series and no spectra.
    Errors: UnreadableRun for a damaged file.
    """
    with run.moment():
        return _document(run, budget)


def _document(run: Run, budget: int | None) -> Document:
    frame, whole = run.last_frame, run.about
    identities = run.matrices
    ids = order(run, [*identities])
    rows = [run.row(id) or unseen(id, identities[id]) for id in ids]
    table = tables.visits(run, frame)
    parts = places(table, ids)
    chosen = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    names = run.metric_names
    series = tables.metrics(run, [name for name in DEFAULT_SERIES if name in names], table)
    index = {id: place for place, id in enumerate(ids)}
    return finished({
        "schema": SCHEMA,
        "kind": "run",
        "name": run.name,
        "version": __version__,
        "verdict": verdict_of(rows, run),
        "caveat": CAVEAT,
        "about": about.of_run(whole, run.counts(), str(run.path)),
        "status": run.status,
        "started": _time(whole.get("started")),
        "ended": _time(whole.get("ended")),
        "layers": layers(rows),
        "reasons": reasons(rows),
        "unmeasured": unmeasured(rows),
        "metrics": catalogue(names),
        "frame": frame,
        "scalars": _scalars(run, frame, run.scalar_names),
        "visits": visits(table, parts),
        "series": {name: column(values[chosen], "f4") for name, values in series.items()},
        "spectra": {},
        "shuffled": {},
        "laws": laws(rows),
        "rigidity": band(),
        "findings": findings(rows, _last_steps(table)),
        "traps": traps(rows),
        "alerts": alerts(tables.alerts(run, frame), index),
        "events": [event(frame, record) for frame, record in tables.events(run, frame)],
        "missing": [],
    })  # fmt: skip


def _scalars(run: Run, frame: int, names: Sequence[str]) -> Document:
    return {name: scalar(tables.scalar(run, name, frame)) for name in names}


def scalar(table: tables.ScalarTable) -> Document:
    """One scalar; the ends of its blocks only where it has blocks."""
    blocks = np.isfinite(table.low).any() or np.isfinite(table.high).any()
    return {
        "steps": column(table.steps, "f8"),
        "values": column(table.values, "f8"),
        "low": column(table.low, "f8") if blocks else None,
        "high": column(table.high, "f8") if blocks else None,
    }


def _last_steps(table: tables.VisitTable) -> dict[str, int]:
    """{id: step of its last full visit}."""
    found: dict[str, int] = {}
    for place, id in enumerate(table.matrices):
        among = range(table.offsets[place], table.offsets[place + 1])
        last = next((k for k in reversed(among) if table.kinds[k] == VisitKind.full), None)
        if last is not None:
            found[id] = int(table.steps[last])
    return found


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
