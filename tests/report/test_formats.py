"""Every format is read back by a parser that is not ours, and none carries a name that acts."""

from __future__ import annotations

import csv
import html
import io
import json
import math
import re
import sys

import pyarrow.parquet
import pytest
from hypothesis import given, settings

from tests import contract, synthetic
from tests.synthetic import HOSTILE, row, scan_of
from triplepoint.errors import MissingDependency, UsageError
from triplepoint.records import Scan
from triplepoint.report import formats, markdown

HOSTILE_SCAN = scan_of([row(name, detail=name) for name in HOSTILE])


def rendered(scan: Scan, format: str) -> str:
    text = formats.render(scan, format)
    assert isinstance(text, str)
    return text


@given(synthetic.any_scan)
@settings(max_examples=25, deadline=None)
def test_any_scan_can_be_written_in_every_format(scan: Scan) -> None:
    contract.check_scan(json.loads(rendered(scan, "json")), closed_kinds=False)
    lines = rendered(scan, "jsonl").split("\n")
    assert lines.pop() == ""
    contract.check_lines([json.loads(line) for line in lines], closed_kinds=False)
    assert len([*csv.DictReader(io.StringIO(rendered(scan, "csv")))]) == len(scan.matrices)
    parquet = formats.render(scan, "parquet")
    assert isinstance(parquet, bytes)
    assert pyarrow.parquet.read_table(io.BytesIO(parquet)).num_rows == len(scan.matrices)
    for text in (rendered(scan, "md"), rendered(scan, "table")):
        assert text.replace("\n", "").isprintable()


def test_numbers_in_csv_are_complete_and_missing_ones_are_empty() -> None:
    scan = scan_of([row("a", 1 / 3), row("b", None)])
    first, second = csv.DictReader(io.StringIO(rendered(scan, "csv")))
    assert float(first["alpha"]) == 1 / 3
    assert (first["rows"], first["counted"]) == ("384", "true")
    assert second["alpha"] == ""


def test_no_csv_cell_starts_a_formula_or_a_line_of_its_own() -> None:
    lines = [*csv.reader(io.StringIO(rendered(HOSTILE_SCAN, "csv")))]
    assert len(lines) == len(HOSTILE) + 1
    for cell in (cell for line in lines[1:] for cell in line if cell):
        assert cell[0] not in "=@\t\r＝＋－＠"
        assert cell[0] not in "+-" or math.isfinite(float(cell))
    ids = [line[0] for line in lines[1:]]
    assert "'=cmd|' /C calc'!A0" in ids
    assert "'-1+1" in ids


def test_negative_numbers_stay_numbers_in_csv() -> None:
    line = next(csv.DictReader(io.StringIO(rendered(scan_of([row("a", metrics={"log_norm": -2.5})]), "csv"))))
    assert line["log_norm"] == "-2.5"


def test_every_line_of_a_markdown_table_has_the_same_cells() -> None:
    """Cells counted as a renderer does, at every pipe that no backslash precedes."""
    lines = [line for line in rendered(HOSTILE_SCAN, "md").splitlines() if line.startswith("|")]
    assert len(lines) == len(HOSTILE) + 2
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_starts_a_tag_a_mention_or_a_link_in_markdown(name: str) -> None:
    written = markdown.code(name)
    if written.startswith("`"):
        assert not set(written[1:-1]) & set("`|<>&[]\\")
    else:
        inner = written.removeprefix("<code>").removesuffix("</code>")
        assert not set(inner) & set("<>|`*[]@\\")
        assert html.unescape(inner) == markdown.safe_text(name)
    assert not set(markdown.prose(name)) & set("<>|`*[]@\\")


def test_parquet_carries_its_provenance() -> None:
    parquet = formats.render(synthetic.example(), "parquet")
    metadata = pyarrow.parquet.read_schema(io.BytesIO(parquet)).metadata  # type: ignore[arg-type]
    assert json.loads(metadata[b"triplepoint.provenance"])["seed"] == 0


def test_parquet_without_pyarrow_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependency, match=r"pip install 'triplepoint\[frames\]'"):
        formats.parquet_module()


@pytest.mark.parametrize(
    ("path", "format"),
    [("a.json", "json"), ("a.JSONL", "jsonl"), ("a.csv", "csv"), ("a.parquet", "parquet"), ("a.md", "md")],
)
def test_the_ending_of_a_file_names_its_format(path: str, format: str) -> None:
    assert formats.for_file(path) == format
    assert [formats.for_file(name) for name in ("a", "a.txt", "a.LOG", "/dev/null")] == ["table"] * 4


@pytest.mark.parametrize("path", ["a.xlsx", "a.safetensors", "a.jsno", "out.v2"])
def test_an_ending_without_a_format_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"Name the format with --format"):
        formats.for_file(path)
