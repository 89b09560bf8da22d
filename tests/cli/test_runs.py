"""`triplepoint runs`: every run in a line, whatever lies in the folder; names and values of strangers stay harmless."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke, error_in
from tests.store.frames import frame, full, row
from tests.synthetic import HOSTILE
from triplepoint.records import Alert, AlertState, ScalarPoint, Severity
from triplepoint.store import RunWriter


def write(path: Path, *, finish: str | None = "finished", loss: float = 0.25) -> RunWriter:
    """A run of three steps with two matrices and some alerts."""
    writer = RunWriter(path)
    alerts = [
        Alert("a", Severity.error, 1, "x", "m0"),
        Alert("b", Severity.warning, 1, "x"),
        Alert("b", Severity.warning, 1, "x", state=AlertState.cleared),
    ]
    visits = [full(1, row("m0")), full(1, row("m1"))]
    writer.write([frame(0), frame(1, visits=visits, alerts=alerts)])
    writer.write([frame(7, scalars=[ScalarPoint("train_loss", 7, loss)])])
    if finish is not None:
        writer.finish(finish)
    return writer


def test_a_folder_of_runs_is_a_table(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    write(tmp_path / "runs" / "old" / "run.db", finish="failed")
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    write(tmp_path / "runs" / "new" / "run.db")
    live = write(tmp_path / "runs" / "live.db", finish=None)
    monkeypatch.chdir(tmp_path)
    result = invoke("runs")
    assert (result.exit_code, result.stderr) == (0, "")
    head, *lines = result.stdout.splitlines()
    assert head.split() == [
        *(
            "run",
            "status",
            "step",
            "train_loss",
            "matrices",
            "visits",
            "error/warning/info",
            "size",
            "started",
        )
    ]
    assert [line.split()[:7] for line in lines] == [
        ["live", "running", "7", "0.25", "2", "2", "1/1/0"],
        ["new", "finished", "7", "0.25", "2", "2", "1/1/0"],
        ["old", "failed", "7", "0.25", "2", "2", "1/1/0"],
    ]
    assert "2033-05-18" in lines[0]
    live.close()


def test_json_lines_and_csv_say_the_same(invoke: Invoke, tmp_path: Path) -> None:
    write(tmp_path / "a" / "run.db")
    document = json.loads(invoke("runs", tmp_path, "--format", "json").stdout)
    assert document["schema"] == "triplepoint.runs/1"
    (entry,) = document["runs"]
    assert entry["name"] == "a"
    assert entry["path"] == str(tmp_path / "a" / "run.db")
    assert (entry["status"], entry["steps"], entry["last_step"], entry["reason"]) == ("finished", 3, 7, None)
    assert entry["alerts"] == {"info": 0, "warning": 1, "error": 1}
    assert entry["holding"] == {"info": 0, "warning": 0, "error": 1}
    assert entry["size"] == (tmp_path / "a" / "run.db").stat().st_size
    assert entry["last_time"] == 1007.0
    (line,) = invoke("runs", tmp_path, "--format", "jsonl").stdout.splitlines()
    assert json.loads(line) == {"schema": "triplepoint.runs/1", **entry}
    (row_,) = csv.DictReader(io.StringIO(invoke("runs", tmp_path, "--format", "csv").stdout))
    assert (row_["name"], row_["last_step"], row_["alerts_error"], row_["reason"]) == ("a", "7", "1", "")


def test_what_cannot_be_read_is_a_line_with_its_reason(invoke: Invoke, tmp_path: Path) -> None:
    write(tmp_path / "outside.db")
    folder = tmp_path / "runs"
    write(folder / "good" / "run.db")
    for name in ("empty", "pipe", "folder", "text", "links"):
        (folder / name).mkdir()
    (folder / "empty" / "run.db").touch()
    os.mkfifo(folder / "pipe" / "run.db")
    (folder / "folder" / "run.db").mkdir()
    (folder / "text" / "run.db").write_text("hello")
    (folder / "links" / "run.db").symlink_to(tmp_path / "outside.db")
    (folder / "dangling.db").symlink_to("nowhere")
    (folder / "other.txt").write_text("left alone")
    connection = sqlite3.connect(folder / "mlflow.db")
    connection.executescript("CREATE TABLE t (x)")
    connection.close()
    result = invoke("runs", folder)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("good  finished")
    told = dict(line.strip().split(": ", 1) for line in result.stdout.splitlines()[4:])
    assert told == {
        "dangling": "No such file or directory",
        "empty": "it is empty",
        "folder": "it is no ordinary file",
        "links": "a link that leaves the folder",
        "mlflow": "it is the SQLite file of another program",
        "pipe": "it is no ordinary file",
        "text": "it is no SQLite file",
    }
    assert "7 files could not be read:" in result.stdout
    entries = json.loads(invoke("runs", folder, "--format", "json").stdout)["runs"]
    assert sum(entry["reason"] is not None for entry in entries) == 7


def test_names_of_strangers_drive_neither_terminal_nor_spreadsheet(invoke: Invoke, tmp_path: Path) -> None:
    for name in HOSTILE:
        if (
            name
            and "/" not in name
            and "\x00" not in name
            and len(os.fsencode(name.encode("utf-8", "replace"))) < 200
        ):
            try:
                write(tmp_path / name / "run.db", finish="\x1b[31m=1+1")
            except UnicodeEncodeError:
                continue  # no file can have that name
    table, text = (invoke("runs", tmp_path, *more).stdout for more in ((), ("--format", "csv")))
    for shown in (table, text):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert len(table.splitlines()) > 10
    assert {len(line) for line in csv.reader(io.StringIO(text))} == {18}
    assert not any(
        cell.startswith(("=", "+", "-", "@")) for line in csv.reader(io.StringIO(text)) for cell in line
    )


def test_nothing_and_nowhere(invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("runs", tmp_path).stdout == f"No runs in {tmp_path}.\n"
    assert json.loads(invoke("runs", tmp_path, "--format", "json").stdout)["runs"] == []
    assert invoke("runs", tmp_path, "--format", "jsonl").stdout == ""
    result = invoke("runs", tmp_path / "none", "--format", "json")
    assert result.exit_code == 2
    assert error_in(result)["found"] == "No such file or directory"


def test_the_folder_of_one_run_lists_it(invoke: Invoke, tmp_path: Path) -> None:
    write(tmp_path / "mine" / "run.db")
    assert invoke("runs", tmp_path / "mine").stdout.splitlines()[1].startswith("mine  finished")
