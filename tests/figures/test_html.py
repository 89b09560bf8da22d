"""Claim: what a notebook shows is small, static and harmless, whatever the names, and says what it leaves out.

The witness is the parser of the standard library: tags, attributes and text as a browser would take them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import triplepoint
from tests.figures import worlds
from tests.store import frames
from triplepoint.figures import markup
from triplepoint.figures.palette import PHASES, strength
from triplepoint.records import Alert, Finding, Phase, ScalarPoint, Severity
from triplepoint.store import RunWriter, open_run

ALLOWED = {"div", "span", "svg", "rect", "path", "title", "polyline", "table", "tr", "th", "td"}
HOSTILE = [
    "<script>alert(1)</script>.weight",
    '"><img src=x onerror=alert(1)>',
    "' style='position:fixed",
    "</title></svg><b>",
    "a\u202eb\x1b[31m\n\ud800",
    "&lt;b&gt;",
    "x" * 100_000,
    "",
]


class Parsed(HTMLParser):
    """Tags with their attributes, text, and whether all that opens closes in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def checked(text):
    """Parsed, after everything that must hold of any."""
    found = Parsed(text)
    assert {tag for tag, _ in found.tags} <= ALLOWED
    for _, attributes in found.tags:
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "href", "class", "id")
        }
        assert "url(" not in attributes.get("style", "")
    assert "http" not in text
    assert len(text.encode()) < 100_000
    text.encode("utf-8", "strict")
    return found


def with_rows(scan, rows):
    return replace(scan, matrices=tuple(rows))


def test_a_scan_shows_verdict_strip_worst_rows_and_findings(scan):
    from triplepoint.report.verdict import verdict

    found = checked(scan._repr_html_())
    assert verdict(scan) in found.text
    cells = [a for tag, a in found.tags if tag == "rect" and a.get("height") == "1"]
    rows = [row for row in scan.matrices if row.status != "skipped" and "slice" not in row.id]
    assert [cell["fill"] for cell in cells] == [PHASES[row.phase] for row in rows]
    assert [float(c["fill-opacity"]) for c in cells] == pytest.approx(
        [strength(r.phase_confidence) for r in rows], abs=5e-3
    )
    assert "nan" in found.text
    assert f"{scan[worlds.HEAVY].metrics['alpha']:.2f}" in found.text
    assert "cannot be told from a random matrix" in found.text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(scan, name):
    row = replace(scan[worlds.NOISE], id=name, name=name, findings=(Finding("rule", Severity.error, name),))
    shown = with_rows(scan, [row])
    shown = replace(shown, provenance=replace(scan.provenance, source=name))
    found = checked(shown._repr_html_())
    if 0 < len(name) < 60 and name.isprintable():
        assert name.removesuffix(".weight") in found.text


def test_two_thousand_layers_are_shown_in_less_than_100_kb_and_what_is_left_out_is_counted(scan):
    rng = np.random.default_rng(0)
    rows = [
        replace(
            scan[worlds.HEAVY],
            id=f"model.layers.{at}.a.rather.long.name.of.a.layer.{'x' * 80}",
            phase=list(Phase)[at % 5],
            phase_confidence=float(rng.uniform()),
            findings=(Finding("over_trained", Severity.warning, "y" * 500, 0.5),),
        )
        for at in range(2000)
    ]
    text = with_rows(scan, rows)._repr_html_()
    found = checked(text)
    cells = [
        cell for tag, a in found.tags if tag == "path" for cell in re.findall(r"M(\d+) 0h1v1h-1z", a["d"])
    ]
    assert sorted(map(int, cells)) == list(range(2000))
    assert "1988 rows left out" in found.text
    assert "1992 more findings" in found.text


def test_a_scan_in_which_nothing_was_analysed_is_shown(scan):
    found = checked(triplepoint.scan({"bias": np.zeros(20)})._repr_html_())
    assert "Nothing to analyse" in found.text
    assert checked(with_rows(scan, [])._repr_html_())


def test_the_text_of_scans_and_runs_stays(scan, run):
    assert repr(scan).startswith("<Scan of 'dict': 16 rows")
    assert repr(run).startswith("<Run ")


def test_a_run_shows_status_scalars_phases_and_alerts(run):
    found = checked(run._repr_html_())
    assert "stopped, step 90, 2 matrices looked at." in found.text
    assert "train_loss" in found.text
    assert f"{3.0 * 0.5**9:.4g}" in found.text
    cells = [a["fill"] for tag, a in found.tags if tag == "rect" and a.get("height") == "1"]
    assert cells == [PHASES[Phase.well_trained], PHASES[Phase.over_trained]]
    assert "α fell" in found.text
    assert "low_alpha: block.0.b.weight" in found.text


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if len(name) < 1000 and name.isprintable() and name]
)
def test_names_in_a_run_are_text(tmp_path, name):
    with RunWriter(tmp_path / "run.db") as writer:
        row = frames.row(name)
        alerts = [Alert("rule", Severity.error, 1, name, name)]
        writer.write(
            [
                frames.frame(
                    1, scalars=[ScalarPoint(name, 1, 1.0)], visits=[frames.full(1, row)], alerts=alerts
                )
            ]
        )
    with open_run(tmp_path / "run.db") as run:
        assert name in checked(run._repr_html_()).text


def test_a_run_of_many_layers_scalars_and_alerts_stays_small(tmp_path):
    ids = [f"layers.{at}.{'w' * 60}" for at in range(300)]
    with RunWriter(tmp_path / "run.db") as writer:
        visits = [frames.full(0, frames.row(id, 12)) for id in ids]
        scalars = [ScalarPoint(f"scalar {at}", 0, 1.0) for at in range(40)]
        alerts = [Alert("rule", Severity.info, 0, "z" * 900, id) for id in ids]
        writer.write([frames.frame(0, scalars=scalars, visits=visits, alerts=alerts)])
    with open_run(tmp_path / "run.db") as run:
        found = checked(run._repr_html_())
    for words in ("294 rows left out", "34 more in run.scalar_names", "292 more alerts"):
        assert words in found.text


def test_a_run_that_cannot_be_read_falls_back_to_its_text(tmp_path):
    RunWriter(tmp_path / "run.db").close()
    run = open_run(tmp_path / "run.db")
    assert checked(run._repr_html_())
    run.close()
    assert run._repr_html_() is None


def test_a_damaged_run_falls_back_to_its_text(tmp_path):
    path = tmp_path / "run.db"
    with RunWriter(path) as writer:
        writer.write([frames.lawful(step) for step in range(50)])
    with open_run(path) as run:
        assert run._repr_html_()
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    with open_run(path) as run:
        path.write_bytes(data)
        assert run._repr_html_() is None


def test_a_spark_begins_and_ends_with_its_values():
    (line,) = [a for tag, a in Parsed(markup.spark([4.0, None, 1.0, 2.0])).tags if tag == "polyline"]
    assert line["points"] == "0.0,2.0 80.0,22.0 120.0,15.3"
    assert markup.spark([1.0]) == markup.spark([None, None]) == ""
    many = Parsed(markup.spark(list(range(10_000)))).tags[1][1]["points"].split()
    assert len(many) <= 122
    assert (many[0], many[-1]) == ("0.0,22.0", "120.0,2.0")


def test_text_and_lines_take_the_colour_around_them(scan, run):
    for shown in (scan._repr_html_(), run._repr_html_()):
        colours = set(re.findall(r"#[0-9a-f]{6}", shown))
        assert colours <= set(PHASES.values())
        assert "background:#" not in shown
