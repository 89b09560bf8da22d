"""Claim: a report is one file that replaces nothing but HTML, stays within its size, and holds what it was given."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import triplepoint
from tests.page import worlds
from tests.page.schema import check
from triplepoint import scanning
from triplepoint.errors import UsageError
from triplepoint.page.scan_document import scan_document
from triplepoint.page.writing import write_report
from triplepoint.records import Scan
from triplepoint.request import ScanRequest
from triplepoint.store import open_run


@pytest.fixture(scope="module")
def scan() -> Scan:
    return worlds.small_scan()


def embedded(path: Path) -> list[dict[str, Any]]:
    found = re.search(
        r'<script type="application/gzip" id="data">([A-Za-z0-9+/=]*)</script>', path.read_text()
    )
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))["documents"]


def test_a_report_holds_the_document_of_its_scan(scan: Scan, tmp_path) -> None:
    path = tmp_path / "a.html"
    documents = write_report(path, scan)
    assert documents == [scan_document(scan)]
    assert embedded(path) == [check(documents[0])]
    assert f"<title>{documents[0]['name']}</title>" in path.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.html"]


def test_two_are_shown_one_against_the_other(scan: Scan, tmp_path) -> None:
    run = worlds.synthetic_run(tmp_path / "first" / "run.db", layers=4, steps=10)
    with open_run(run) as opened:
        triplepoint.write_report(tmp_path / "a.html", opened, scan)
    assert [document["kind"] for document in embedded(tmp_path / "a.html")] == ["run", "scan"]
    assert "<title>first against " in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (("base/w.npz", "tuned/w.npz"), ["base/w.npz", "tuned/w.npz"]),
        (("w.npz", "tuned/w.npz"), ["w.npz", "tuned/w.npz"]),
        (("w.npz", "w.npz"), ["w.npz", "w.npz (2)"]),
        (("base/model.safetensors", "tuned/model.safetensors"), ["base", "tuned"]),
    ],
)
def test_two_of_one_name_are_told_apart(scan: Scan, tmp_path, sources, names) -> None:
    """By its name the page finds what it shows, so it would compare the first with itself and find no difference."""
    both = [replace(scan, provenance=replace(scan.provenance, source=source)) for source in sources]
    write_report(tmp_path / "a.html", *both)
    assert [document["name"] for document in embedded(tmp_path / "a.html")] == names


def test_two_runs_of_one_name_are_told_apart(tmp_path) -> None:
    paths = [worlds.synthetic_run(tmp_path / k / "first" / "run.db", layers=4, steps=10) for k in "ab"]
    with open_run(paths[0]) as one, open_run(paths[1]) as other:
        write_report(tmp_path / "a.html", one, other)
    assert [document["name"] for document in embedded(tmp_path / "a.html")] == ["a/first", "b/first"]


def test_a_title_is_text_and_never_markup(scan: Scan, tmp_path) -> None:
    write_report(tmp_path / "a.html", scan, title="</title><script>alert(1)</script>\x00\ud800")
    text = (tmp_path / "a.html").read_text()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("most", [3_000_000, 600_000])
def test_a_long_run_stays_within_its_size(tmp_path, most: int) -> None:
    way = {"per_step": 40, "full_every": 1}
    run = worlds.synthetic_run(tmp_path / "a.db", layers=40, steps=60, width=24, **way)
    with open_run(run) as opened:
        write_report(tmp_path / "a.html", opened, most=most)
    assert (tmp_path / "a.html").stat().st_size < most
    assert bool(embedded(tmp_path / "a.html")[0]["missing"]) == (most < 1_000_000)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b"SQLite format 3\x00", b"notes", b'{"schema": 1}', b"<?xml "]
)
def test_what_is_no_html_is_never_replaced(scan: Scan, tmp_path, content: bytes) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="no HTML file"):
        write_report(path, scan)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\n<!DOCTYPE HTML><p>", b"\xef\xbb\xbf<html>"])
def test_html_and_an_empty_file_are(scan: Scan, tmp_path, content: bytes) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(content)
    write_report(path, scan)
    assert path.read_bytes().startswith(b"<!doctype html>")


def test_a_wrong_request_is_one_line(scan: Scan, tmp_path) -> None:
    path = tmp_path / "a.html"
    for subjects, found in (
        ((), "report 0 scans"),
        ((scan,) * 3, "one or two"),
        (("a",), "neither a scan nor a run"),
    ):
        with pytest.raises(UsageError, match=found):
            write_report(path, *subjects)
    with pytest.raises(UsageError, match="most 0"):
        write_report(path, scan, most=0)
    with pytest.raises(UsageError, match="it is a folder"):
        write_report(tmp_path, scan)
    with pytest.raises(UsageError, match="folder does not exist"):
        write_report(tmp_path / "no" / "a.html", scan)
    assert list(tmp_path.iterdir()) == []


def test_a_scan_of_thousands_of_matrices_stays_within_its_size(tmp_path) -> None:
    source = {f"experts.{k}.weight": np.random.default_rng(k).standard_normal((12, 10)) for k in range(300)}
    found = scanning.run(ScanRequest(source=source, workers=1, spectra=True, randomize=1))
    write_report(tmp_path / "a.html", found, most=500_000)
    assert (tmp_path / "a.html").stat().st_size < 520_000
    document = embedded(tmp_path / "a.html")[0]
    assert len(document["layers"]) == 300
    assert document["missing"] != []
