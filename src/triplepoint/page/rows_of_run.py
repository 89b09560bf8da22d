"""The matrices of a run as rows: what the last full visit found, in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.metrics import METRICS
from triplepoint.records import MatrixRow, Provenance, Scan
from triplepoint.report.verdict import verdict
from triplepoint.store import Run
from triplepoint.summary import summarize

NOTHING = "No matrix has been looked at in full yet."


def order(run: Run, ids: Sequence[str]) -> list[str]:
    """The ids as the model has them, where the run says so; else, and after them, as they came."""
    monitor = run.provenance.get("monitor")
    told = monitor.get("order") if isinstance(monitor, Mapping) else None
    names = [id for id in told if isinstance(id, str)] if isinstance(told, list) else []
    places = {id: place for place, id in enumerate(names)}
    return sorted(ids, key=lambda id: places.get(id, len(places)))


def unseen(id: str, identity: Mapping[str, Any]) -> MatrixRow:
    """The row of a matrix without a full visit, such as one that a rewind took away."""
    shape = identity.get("shape")
    return MatrixRow(
        id=id,
        name=str(identity.get("name", id)),
        part=identity.get("part"),
        sources=(),
        tensor_shape=tuple(identity.get("tensor_shape", ())),
        dtype=str(identity.get("dtype", "")),
        kind=identity.get("kind"),
        shape=None if shape is None else (shape[0], shape[1]),
        scale=float(identity.get("scale", 1.0)),
        num_eigenvalues=None,
        method=None,
        resolved_from=None,
        status="ok",
        reason=None,
        counted=False,
        detail="not looked at in full yet",
    )


def verdict_of(rows: Sequence[MatrixRow], run: Run) -> str:
    """The sentence of a scan that had found these rows; why there is none where nothing was found."""
    if not any(row.status == "failed" or (row.status == "ok" and row.num_eigenvalues) for row in rows):
        return NOTHING
    seen = [row for row in rows if row.status != "ok" or row.num_eigenvalues]
    names = list(dict.fromkeys(name for row in seen for name in row.metrics if name in METRICS))
    settings = run.provenance.get("settings")
    made = Provenance("", run.name, "", "", 0, settings if isinstance(settings, dict) else {}, {}, 0.0)
    return verdict(Scan(made, tuple(seen), summarize(seen, names, 0)))


def run_verdict(run: Run) -> str:
    """The verdict of the last full rows of a run, as its document has it."""
    with run.moment():
        return verdict_of([*run.rows().values()], run)
