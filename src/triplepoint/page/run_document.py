"""A run as the document that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint import __version__
from triplepoint.page import about
from triplepoint.page.bounds import FILE, LIVE, Bounds, beyond, latest
from triplepoint.page.catalogue import catalogue
from triplepoint.page.costs import cost
from triplepoint.page.document import SCHEMA, finished
from triplepoint.page.findings import findings, traps
from triplepoint.page.fitting import Content, fitted
from triplepoint.page.happenings import alerts, event
from triplepoint.page.laws import band, laws, unlawful
from triplepoint.page.layers import layers, reasons, unmeasured
from triplepoint.page.rows_of_run import order, unseen, verdict_of
from triplepoint.page.scalars import scalars
from triplepoint.page.series import FIRST, series
from triplepoint.page.visits import kept, places, visits
from triplepoint.records import VisitKind
from triplepoint.report.verdict import CAVEAT
from triplepoint.store import Run, tables

Array = np.ndarray[Any, Any]
Document = dict[str, Any]


LONG = 20_000
"""Visits from which on a page shows how a run stands before it has read its course."""


def run_document(run: Run, *, budget: int | None = None) -> Document:
    """Everything that the page shows of a run, as of one moment, in plain JSON types.

    `budget`: bytes that the document may take in a file, as gzip in base64; series and spectra are thinned until they
    fit, and `missing` says how. None, for the live page: every visit, default series and no spectra.
    Errors: UnreadableRun for a damaged file.
    """
    with run.moment():
        return _document(run, tables.visits(run, run.last_frame), budget)


def first_document(run: Run) -> Document:
    """What the live page can show at once: of a long run each layer's last full visit alone, marked as `partial`.

    Cost: 0.2 s for 300 layers of 1,000 visits, of which the whole document takes 4 s.
    """
    with run.moment():
        if run.counts()["visits"] < LONG:
            return _document(run, tables.visits(run, run.last_frame), None)
        return _document(run, tables.latest(run), None) | {"partial": True}


def _document(run: Run, table: tables.VisitTable, budget: int | None) -> Document:
    bounds = LIVE if budget is None else FILE
    frame, whole = run.last_frame, run.about
    identities = run.matrices
    ids = order(run, [*identities])
    known = run.rows()
    rows = [known.get(id) or unseen(id, identities[id]) for id in ids]
    parts = places(table, ids)
    index = {id: place for place, id in enumerate(ids)}
    found_alerts = latest("alerts", alerts(tables.alerts(run, frame), index), bounds.alerts)
    found_events = latest(
        "events", [event(frame, record) for frame, record in tables.events(run, frame)], bounds.events
    )
    found_scalars = scalars(run, frame, bounds)
    document = {
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
        "metrics": catalogue(run.metric_names),
        "frame": frame,
        "scalars": found_scalars.columns,
        "shuffled": {},
        "laws": laws(rows),
        "rigidity": band(),
        "findings": findings(rows, _last_steps(table)),
        "traps": traps(rows),
        "alerts": found_alerts.kept,
        "events": found_events.kept,
    }
    if budget is None:
        content = _live(run, table, parts, bounds)
    else:
        content = fitted(run, table, parts, budget - cost(finished(document)))
    missing = [
        *content.missing,
        *found_scalars.missing,
        *found_alerts.missing,
        *found_events.missing,
        *beyond(table),
        *unlawful(rows),
    ]
    large = {
        "visits": content.visits,
        "series": content.series,
        "spectra": content.spectra,
        "missing": missing,
    }
    return finished(document | large)


def _live(run: Run, table: tables.VisitTable, parts: Sequence[Array], bounds: Bounds) -> Content:
    """Every visit within reason, with the metrics that a picture needs."""
    shown, missing = kept(table, parts, bounds.visits)
    chosen = np.concatenate(shown) if shown else np.empty(0, dtype=np.int64)
    names = [name for name in FIRST if name in run.metric_names]
    few = None if table.ids.size >= LONG else np.arange(table.ids.size)
    values = tables.metrics(run, names, table, few)
    columns = series({name: values[name][chosen] for name in names}, coarse=False)
    return Content(visits(table, shown), columns, {}, missing)


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
