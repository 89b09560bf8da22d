"""A scan as the document that the page shows: a run of one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint import __version__
from triplepoint.page import about
from triplepoint.page.catalogue import catalogue
from triplepoint.page.codes import PHASES
from triplepoint.page.columns import column
from triplepoint.page.costs import cost
from triplepoint.page.document import SCHEMA, finished
from triplepoint.page.findings import findings, traps
from triplepoint.page.laws import band, laws, unlawful
from triplepoint.page.layers import layers, reasons, unmeasured
from triplepoint.page.scan_spectra import scan_spectra
from triplepoint.page.series import by_importance, fitting, series
from triplepoint.records import MatrixRow, Scan
from triplepoint.report.verdict import CAVEAT, verdict

Document = dict[str, Any]


def scan_document(scan: Scan, *, budget: int | None = None) -> Document:
    """Everything that the page shows of a scan, in plain JSON types.

    Spectra are there where the scan kept them (`--spectra`), shuffled ones with `--randomize` beside it. `missing` says
    what is not there. Cost: 1 ms a matrix.

    `budget`: bytes that the document may take in a file, as gzip in base64; of a scan of thousands of matrices those
    that worry least then lose their spectra first.
    """
    rows = scan.matrices
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    document = {
        "schema": SCHEMA,
        "kind": "scan",
        "name": about.name(scan.provenance.source),
        "version": __version__,
        "verdict": verdict(scan),
        "caveat": CAVEAT,
        "about": about.of_scan(scan.provenance),
        "status": None,
        "started": None,
        "ended": None,
        "layers": layers(rows),
        "reasons": reasons(rows),
        "unmeasured": unmeasured(rows),
        "metrics": catalogue(names),
        "frame": 0,
        "scalars": {},
        "visits": _visits(rows),
        "laws": laws(rows),
        "rigidity": band(),
        "findings": findings(rows),
        "traps": traps(rows),
        "alerts": [],
        "events": [],
    }
    room = None if budget is None else budget - cost(finished(document))
    columns, left_out = _series(rows, names, room)
    found = scan_spectra(scan, None if room is None else room - cost(columns))
    large = {"series": columns, "spectra": found.own, "shuffled": found.shuffled}
    return finished(document | large | {"missing": [*left_out, *found.missing, *unlawful(rows)]})


def _series(
    rows: Sequence[MatrixRow], names: Sequence[str], room: float | None
) -> tuple[Document, Sequence[str]]:
    """Every metric, or in a file those that fit into half of the room."""
    values = {name: np.array([row.metrics.get(name) for row in rows], dtype=np.float64) for name in names}
    columns = series(values, coarse=False)
    if room is None or cost(columns) <= room / 2:
        return columns, []
    columns, left = fitting({name: values[name] for name in by_importance(names)}, room / 2, coarse=True)
    told = ["Metrics are rounded to four digits."]
    if left:
        told.append(f"{len(left)} of {len(names)} metrics are left out for their size ({', '.join(left)}).")
    return columns, told


def _visits(rows: Sequence[MatrixRow]) -> Document:
    """One full visit a row, at step 0."""
    zeros = [0] * len(rows)
    return {
        "offsets": column(range(len(rows) + 1), "i4"),
        "steps": column(zeros, "f8"),
        "kinds": column(zeros, "u1"),
        "phases": column([PHASES[row.phase] for row in rows], "u1"),
        "confidence": column([row.phase_confidence for row in rows], "f4"),
    }
