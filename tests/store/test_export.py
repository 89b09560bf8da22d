"""Claim: an export holds what the run holds, in files that other tools read; an old one is replaced whole or kept."""

from __future__ import annotations

import json
import os

import pytest

from tests.store.frames import frame, full, lawful, row
from triplepoint import open_run
from triplepoint.errors import MissingDependency, UsageError
from triplepoint.records import Alert, Event, Phase, ScalarPoint, Severity, Visit, VisitKind, decoding
from triplepoint.store import RunWriter, export, parquet


@pytest.fixture
def run(tmp_path):
    with RunWriter(tmp_path / "first" / "run.db", configuration={"lr": 0.1}) as writer:
        writer.write([lawful(step) for step in range(3)])
        alert = Alert("loss_spike", Severity.warning, 3, "up \ud800", "m0", evidence={"z": 4.5})
        visits = [
            Visit(3, "m0", VisitKind.leading, {"spectral": 2.0}, change=0.5),
            full(3, row("other", 5, alpha=None, phase=Phase.not_assessable)),
        ]
        writer.write(
            [frame(3, visits=visits, alerts=[alert], events=[Event("remark", "x", None, {"a": [1]})])]
        )
    with open_run(tmp_path / "first") as run:
        yield run


def test_every_record_is_a_line_with_its_type(run):
    lines = [json.loads(line) for line in export.lines(run)]
    kinds = [line["type"] for line in lines]
    assert [kind for k, kind in enumerate(kinds) if kind not in kinds[:k]] == [
        *("run", "matrix", "scalar", "visit", "spectrum", "alert", "event")
    ]
    assert (lines[0]["schema"], lines[0]["name"], lines[0]["configuration"]) == (
        "triplepoint.run/1",
        "first",
        {"lr": 0.1},
    )
    of = {kind: [line for line in lines if line["type"] == kind] for kind in kinds}
    assert [line["id"] for line in of["matrix"]] == ["m0", "m1", "m2", "other"]
    points = [ScalarPoint(**{k: v for k, v in line.items() if k != "type"}) for line in of["scalar"]]
    assert points == [point for name in run.scalar_names for point in run.scalar(name)]
    visits = list(run.visits())
    assert [(line["matrix"], line["step"], line["kind"], line["metrics"]) for line in of["visit"]] == [
        (one.matrix, one.step, one.kind.value, one.metrics) for one in visits
    ]
    assert decoding.row(of["visit"][0]["row"]).metrics == visits[0].metrics
    assert of["visit"][9]["row"] is None
    assert sum(of["spectrum"][0]["counts"]) + of["spectrum"][0]["unresolved"] == 70
    assert of["alert"][0]["statement"] == "up \ud800"
    assert of["event"][-1] == {
        "type": "event",
        "kind": "remark",
        "text": "x",
        "step": None,
        "data": {"a": [1]},
    }
    assert all(line.isascii() for line in export.lines(run))


def test_the_tables_are_those_of_a_data_frame(run, tmp_path):
    arrow = pytest.importorskip("pyarrow.parquet")
    parquet.write(run, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == sorted(f"{name}.parquet" for name in parquet.TABLES)
    tables = {name: arrow.read_table(tmp_path / "out" / f"{name}.parquet") for name in parquet.TABLES}
    visits = tables["visits"].to_pylist()
    expected = list(run.visits())
    assert len(visits) == len(expected) == 11
    for found, one in zip(visits, expected, strict=True):
        assert (found["matrix"], found["step"], found["kind"]) == (one.matrix, one.step, one.kind)
        assert {name: found[name] for name in one.metrics} == one.metrics
        assert found["phase"] == (one.row and one.row.phase)
    assert tables["visits"].schema.field("alpha").type == "double"
    assert json.loads(tables["visits"].schema.metadata[b"triplepoint.run"])["configuration"] == {"lr": 0.1}
    assert tables["scalars"].num_rows == 9
    spectrum = tables["spectra"].to_pylist()[0]
    assert sum(spectrum["counts"]) == 70
    assert spectrum["full"] == pytest.approx(row().singular_values.tolist(), rel=1e-7)
    assert tables["alerts"].to_pylist()[0]["statement"] == "up \\ud800"
    assert json.loads(tables["events"].to_pylist()[-1]["data"]) == {"a": [1]}
    assert tables["matrices"].select(["id", "rows", "columns", "counted"]).to_pylist()[3] == {
        "id": "other",
        "rows": 5,
        "columns": 10,
        "counted": True,
    }


def test_more_rows_than_one_group_holds_are_all_there(run, tmp_path, monkeypatch):
    arrow = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "_ROWS", 4)
    parquet.write(run, tmp_path / "out")
    assert arrow.read_table(tmp_path / "out" / "scalars.parquet").num_rows == 9
    assert arrow.ParquetFile(tmp_path / "out" / "scalars.parquet").num_row_groups == 3


def test_an_empty_run_has_empty_tables(tmp_path):
    arrow = pytest.importorskip("pyarrow.parquet")
    RunWriter(tmp_path / "run.db").close()
    with open_run(tmp_path / "run.db") as run:
        parquet.write(run, tmp_path / "out")
        assert [json.loads(line)["type"] for line in export.lines(run)] == ["run"]
    assert arrow.read_table(tmp_path / "out" / "visits.parquet").num_rows == 0


def test_an_earlier_export_is_replaced_and_any_other_folder_kept(run, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    parquet.write(run, tmp_path / "out")
    (tmp_path / "out" / "visits.parquet").write_bytes(b"old")
    parquet.write(run, tmp_path / "out")
    assert (tmp_path / "out" / "visits.parquet").stat().st_size > 100
    monkeypatch.setattr(parquet, "_records", lambda *_: 1 / 0)
    before = (tmp_path / "out" / "visits.parquet").read_bytes()
    with pytest.raises(ZeroDivisionError):
        parquet.write(run, tmp_path / "out")
    assert (tmp_path / "out" / "visits.parquet").read_bytes() == before
    monkeypatch.undo()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("out")
    for name, word in (
        ("out", "holds 'notes.txt'"),
        ("file", "no folder"),
        ("link", "no folder"),
        ("first", "run.db"),
    ):
        with pytest.raises(UsageError, match=word):
            parquet.write(run, tmp_path / name)
    with pytest.raises(UsageError, match="No such file"):
        parquet.write(run, tmp_path / "none" / "out")
    assert sorted(os.listdir(tmp_path)) == ["file", "first", "link", "out"]


def test_without_pyarrow_there_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependency, match=r"pip install 'triplepoint\[frames\]'"):
        parquet.write(run, tmp_path / "out")
