"""A scan as the document that the page shows: a run of one step."""

from __future__ import annotations

from typing import Any

from triplepoint import __version__
from triplepoint.page import about
from triplepoint.page.catalogue import catalogue
from triplepoint.page.codes import PHASES
from triplepoint.page.columns import column
from triplepoint.page.document import SCHEMA, finished
from triplepoint.page.findings import findings, traps
from triplepoint.page.laws import MOST_SHAPES, band, laws
from triplepoint.page.layers import layers, reasons, unmeasured
from triplepoint.page.spectra import sketch, spectra
from triplepoint.records import MatrixRow, Scan
from triplepoint.report.verdict import CAVEAT, verdict

Document = dict[str, Any]


def scan_document(scan: Scan) -> Document:
    """Everything that the page shows of a scan, in plain JSON types.

    Spectra are there where the scan kept them (`--spectra`), shuffled ones with `--randomize` beside it; `missing` says
    what is not. Cost: 1 ms a matrix.
    """
    rows = scan.matrices
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    own = _spectra({index: (row, row.singular_values) for index, row in enumerate(rows)})
    shuffled = _spectra({index: (row, row.shuffled_singular_values) for index, row in enumerate(rows)})
    return finished({
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
        "series": {name: column([row.metrics.get(name) for row in rows], "f4") for name in names},
        "spectra": own,
        "shuffled": shuffled,
        "laws": laws(rows),
        "rigidity": band(),
        "findings": findings(rows),
        "traps": traps(rows),
        "alerts": [],
        "events": [],
        "missing": list(_missing(rows, own, shuffled)),
    })  # fmt: skip


def _visits(rows: tuple[MatrixRow, ...]) -> Document:
    """One full visit a row, at step 0."""
    zeros = [0] * len(rows)
    return {
        "offsets": column(range(len(rows) + 1), "i4"),
        "steps": column(zeros, "f8"),
        "kinds": column(zeros, "u1"),
        "phases": column([PHASES[row.phase] for row in rows], "u1"),
        "confidence": column([row.phase_confidence for row in rows], "f4"),
    }


def _spectra(found: dict[int, tuple[MatrixRow, Any]]) -> Document:
    sketches = {
        index: sketch(row, sigma)
        for index, (row, sigma) in found.items()
        if sigma is not None and row.status == "ok"
    }
    return {str(index): spectra([one]) for index, one in sketches.items() if one is not None}


def _missing(rows: tuple[MatrixRow, ...], own: Document, shuffled: Document) -> Any:
    analysed = [row for row in rows if row.status == "ok"]
    if analysed and not own:
        yield "The scan kept no spectra; scan again with --spectra, or make the report from the checkpoint."
    elif analysed and not shuffled:
        yield "No shuffled spectra were kept; scan again with --spectra --randomize."
    shapes = {row.shape for row in analysed}
    if len(shapes) > MOST_SHAPES:
        yield f"The law of noise is drawn for {MOST_SHAPES} of {len(shapes)} shapes."
