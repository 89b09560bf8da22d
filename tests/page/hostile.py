"""Names that want to be markup, code, keys of every object, or nothing that prints; and runs and scans full of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.page.synthesis import Layer, row
from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Finding,
    Frame,
    MatrixRow,
    ScalarPoint,
    Scan,
    Severity,
    Visit,
    VisitKind,
)
from triplepoint.request import ScanRequest
from triplepoint.scanning import run
from triplepoint.store import RunWriter

NAMES = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "' onmouseover='alert(4)",
    "javascript:alert(5)",
    "{{constructor.constructor('alert(6)')()}}",
    "]]><!--<b>not a comment",
    "<!--",
    "</style><style>*{display:none}",
    "nul\x00byte.weight",
    "escape\x1b[31mred",
    "right\u202eto left",
    "zero\u200bwidth",
    "line\u2028separator",
    "lone\ud800surrogate",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "label.weight",
    "label",
    "&lt;already escaped&amp;",
    "a=b&layer=c#d%41+e",
    " ",
    "",
    "x" * 10_000,
    "日本語.レイヤー.weight",
)
"""Ids of layers. "label.weight" and "label" have one label."""

RUN = '"><svg onload=alert(7)> & run#1%41'
"""The name of the hostile run: what a folder may be called."""
WORDS = "α of <img src=x onerror=alert(8)> is \u202e5 </script><script>alert(9)</script> \"' \x00 \ud800"
SCALARS = ("train_loss", "<script>alert(10)</script>", "__proto__", "constructor", "lone\udfff", "y" * 500)


def hostile_run(folder: str | Path, *, steps: int = 12) -> Path:
    """A run in `folder/RUN/run.db` in which every text that a stranger may choose is hostile; returns the file."""
    path = Path(folder, RUN, "run.db")
    provenance = {
        "version": WORDS,
        "source": NAMES[0],
        "digest": NAMES[1],
        "seed": 0,
        "settings": {NAMES[0]: NAMES[1], "__proto__": {"polluted": True}},
        "monitor": {"order": [*NAMES], "schedule": NAMES[2]},
        "environment": {NAMES[2]: NAMES[1]},
    }
    configuration = {NAMES[0]: NAMES[1], "__proto__": NAMES[2], "constructor": {"prototype": 1}}
    with RunWriter(path, configuration=configuration, provenance=provenance) as made:
        made.write([*frames(steps)])
        made.finish()
    return path


def frames(steps: int) -> Iterator[Frame]:
    """Each looks at every layer."""
    for step in range(1, steps + 1):
        share = step / steps
        visits = tuple(_visit(step, share, number) for number in range(len(NAMES)))
        scalars = tuple(ScalarPoint(name, step, 1.0 / (step + k)) for k, name in enumerate(SCALARS))
        yield Frame(step, 1_790_000_000.0 + step, scalars, visits, tuple(_alerts(step)), _events(step))


def _visit(step: int, share: float, number: int) -> Visit:
    found = _named(row(Layer("", (48, 32), "dense", 0.5, number), share), NAMES[number])
    return Visit(step, found.id, VisitKind.full, found.metrics, found)


def _named(found: MatrixRow, name: str) -> MatrixRow:
    findings = (*found.findings, Finding(NAMES[0], Severity.warning, WORDS, 0.9))
    return replace(
        found,
        id=name,
        name=name,
        sources=(name,),
        dtype=NAMES[0],
        kind=NAMES[1],
        findings=findings,
        detail=WORDS,
    )


def _alerts(step: int) -> Iterator[Alert]:
    if step == 3:
        yield Alert(NAMES[0], Severity.error, step, WORDS)
    if step in (4, 6):
        state = AlertState.raised if step == 4 else AlertState.cleared
        for name in NAMES:
            yield Alert("<b>rule</b>", Severity.warning, step, f"{name}: {WORDS}", name, state)


def _events(step: int) -> tuple[Event, ...]:
    return (Event(NAMES[0], WORDS, step, {"__proto__": NAMES[1]}),) if step == 5 else ()


def hostile_scan() -> Scan:
    """A real scan of matrices with these names (those that a mapping can hold), with findings in hostile words."""
    generator = np.random.default_rng(0)
    source = {name: generator.standard_normal((32, 24)) for name in NAMES}
    found = run(ScanRequest(source=source, spectra=True, workers=1))
    worse = tuple(
        replace(one, findings=(*one.findings, Finding(NAMES[0], Severity.error, WORDS, 0.5)), detail=WORDS)
        for one in found.matrices
    )
    provenance = replace(found.provenance, source=f"{NAMES[1]}{RUN}", format=NAMES[0], digest=WORDS)
    return Scan(provenance, worse, found.summary)
