"""`triplepoint export`: the run to stdout, to a file or to a folder, and nothing that is there is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke, error_in
from tests.store.frames import lawful
from triplepoint.cli import export
from triplepoint.store import RunWriter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `runs/first`, from within it."""
    monkeypatch.chdir(tmp_path)
    with RunWriter(tmp_path / "runs" / "first" / "run.db") as writer:
        writer.write([lawful(step) for step in range(3)])
    return tmp_path


@pytest.mark.parametrize("name", ["first", "runs/first", "runs/first/run.db", "./runs/first/"])
def test_a_run_is_found_by_name_folder_and_file(invoke: Invoke, folder: Path, name: str) -> None:
    result = invoke("export", name)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (lines[0]["type"], lines[0]["name"]) == ("run", "first")
    assert sum(line["type"] == "visit" for line in lines) == 9


def test_a_file_gets_what_stdout_gets(invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_AT_ONCE", 5)
    result = invoke("export", "first", "-o", "out.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Run first written to out.jsonl.\n"
    assert (folder / "out.jsonl").read_text() == invoke("export", "first").stdout
    assert invoke("export", "first", "--format", "jsonl", "-o", "out").exit_code == 0
    assert (folder / "out").read_text() == invoke("export", "first").stdout


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_a_folder_gets_parquet(invoke: Invoke, folder: Path, name: str) -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    assert invoke("export", "first", "-o", name).exit_code == 0
    assert arrow.read_table(folder / name / "visits.parquet").num_rows == 9
    assert invoke("export", "first", "-o", name).exit_code == 0  # again


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("export firts", "there is no runs/firts/run.db"),
        ("export first --format parquet", "no folder was named"),
        ("export first -o out.csv", "no format has the ending .csv"),
        ("export first -o none/out.jsonl", "its folder does not exist"),
        ("export first -o runs --format jsonl", "it is a folder"),
        ("export first -o runs", "the folder holds 'first'"),
        ("export first -o runs/first", "the folder holds 'run.db'"),
        ("export first -o runs/first/run.db --format jsonl", "would be overwritten"),
        ("export first -o second.db --format jsonl", "it is a run or another database"),
        ("export first -o model.safetensors --format jsonl", "would be overwritten"),
        ("export notes.txt", "it is no SQLite file"),
    ],
)
def test_what_cannot_be_is_one_line(invoke: Invoke, folder: Path, words: str, found: str) -> None:
    RunWriter(folder / "second.db").close()
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = invoke(*words.split())
    assert result.exit_code == 2
    assert found in result.stderr
    assert result.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_program_gets_its_error_as_json(invoke: Invoke, folder: Path) -> None:
    assert "there is no" in error_in(invoke("export", "none", "--format", "jsonl"))["found"]


def test_parquet_without_pyarrow_is_said_before_anything_is_read(
    invoke: Invoke, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    result = invoke("export", "none", "-o", "out")
    assert "pip install 'triplepoint[frames]'" in result.stderr
    assert not os.path.lexists("out")
