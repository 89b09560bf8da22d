"""Claim: `triplepoint report` tells checkpoints, saved scans and runs apart, scans with spectra and a shuffle, says
where the report is, and never costs anybody a checkpoint or a run.

Witness: the documents inside the files, and what stands on stderr.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import synthetic
from tests.page.test_writing import embedded
from tests.store.frames import lawful
from triplepoint.cli import report
from triplepoint.cli.app import app
from triplepoint.cli.report import command
from triplepoint.records import Scan
from triplepoint.report.verdict import verdict
from triplepoint.store import RunWriter


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.random.default_rng(0).standard_normal((40, 30)), bias=np.zeros(3))
    return path


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "runs" / "first" / "run.db"
    with RunWriter(path) as writer:
        writer.write([lawful(step) for step in range(4)])
    return path


def test_a_checkpoint_is_scanned_with_spectra_and_one_shuffle(invoke, checkpoint, tmp_path):
    done = invoke("report", checkpoint)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    path = tmp_path / "weights.report.html"
    (document,) = embedded(path)
    assert list(document["spectra"]) == list(document["shuffled"]) == ["0"]
    assert document["missing"] == []
    assert document["verdict"] in done.stderr
    assert f"Report: weights.report.html, {path.stat().st_size / 1e6:.1f} MB" in done.stderr
    again = invoke("report", checkpoint, "--no-shuffle", "-o", "b.html")
    assert again.exit_code == 0
    (document,) = embedded(tmp_path / "b.html")
    assert list(document["spectra"]) == ["0"]
    assert document["shuffled"] == {}


def test_what_is_asked_of_the_scan_reaches_it(invoke, stub, checkpoint):
    words = (
        "--layers",
        "a*",
        "--mode",
        "fast",
        "--workers",
        "1",
        "--seed",
        "7",
        "--allow-pickle",
        "--layout",
        "a=out,in",
    )
    words += ("--max-tensors", "50", "--interval", "bootstrap:20", "--title", "T")
    done = invoke("report", checkpoint, *words)
    assert done.exit_code == 0, done.output
    asked = stub.request
    assert (asked.source, asked.mode, asked.layers, asked.workers, asked.seed) == (
        str(checkpoint),
        "fast",
        ("a*",),
        1,
        7,
    )
    assert (asked.allow_pickle, asked.layouts, asked.max_tensors) == (True, ("a=out,in",), 50)
    assert (asked.interval, asked.spectra, asked.randomize) == ("bootstrap:20", True, 1)


def test_a_saved_scan_is_shown_as_it_was(invoke, tmp_path):
    for ending in ("json", "jsonl"):
        synthetic.example().save(f"saved.{ending}")
        done = invoke("report", f"saved.{ending}", "-o", f"{ending}.html")
        assert done.exit_code == 0, done.output
        (document,) = embedded(tmp_path / f"{ending}.html")
        assert document["verdict"] == verdict(synthetic.example())
        assert "--spectra" in document["missing"][0]
    assert invoke("report", "saved.json").exit_code == 0
    assert (tmp_path / "saved.report.html").is_file()


@pytest.mark.parametrize("name", ["first", "runs/first", "runs/first/run.db"])
def test_a_run_goes_by_its_name_its_folder_or_its_file(invoke, run, tmp_path, name):
    done = invoke("report", name, "-o", "a.html")
    assert done.exit_code == 0, done.output
    (document,) = embedded(tmp_path / "a.html")
    assert (document["kind"], document["name"]) == ("run", "first")
    assert document["verdict"] in done.stderr


def test_a_path_comes_before_a_run_of_that_name(invoke, run, tmp_path):
    np.savez(tmp_path / "first", a=np.eye(12))
    (tmp_path / "first.npz").rename(tmp_path / "first")
    done = invoke("report", "first")
    assert done.exit_code == 0, done.output
    (document,) = embedded(tmp_path / "first.report.html")
    assert document["kind"] == "scan"


def test_two_are_compared(invoke, run, checkpoint, tmp_path):
    done = invoke("report", "first", "--against", checkpoint)
    assert done.exit_code == 0, done.output
    documents = embedded(tmp_path / "first.report.html")
    assert [document["kind"] for document in documents] == ["run", "scan"]
    for document in documents:
        assert f"{document['name']}: {document['verdict']}" in done.stderr


def test_the_report_never_replaces_what_it_is_of_nor_any_other_file(invoke, run, checkpoint, tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for target in (checkpoint, run, other, notes):
        before = target.read_bytes()
        for subject in ("first", checkpoint):
            done = invoke("report", subject, "-o", target)
            assert done.exit_code == 2
            assert "would be overwritten" in done.stderr
        assert target.read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused_before_the_scan(invoke, stub, checkpoint, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for target in ("notes.txt", "no/a.html", "."):
        assert invoke("report", checkpoint, "-o", target).exit_code == 2
    assert stub.request is None


def test_an_index_of_shards_is_a_checkpoint_though_it_is_json(invoke, tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    numpy_files.save_file({"w": np.eye(12, dtype=np.float32)}, tmp_path / "a.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"metadata": {}, "weight_map": {"w": "a.safetensors"}}')
    done = invoke("report", index, "-o", "a.html")
    assert done.exit_code == 0, done.output
    assert [layer["id"] for layer in embedded(tmp_path / "a.html")[0]["layers"]] == ["w"]


def test_a_link_to_the_source_is_seen_through(invoke, checkpoint, tmp_path):
    link = tmp_path / "a.html"
    link.symlink_to(checkpoint)
    done = invoke("report", checkpoint, "-o", link)
    assert done.exit_code == 2
    assert "source of the scan" in done.stderr


def test_options_of_a_scan_are_refused_where_nothing_is_scanned(invoke, run):
    done = invoke("report", "first", "--mode", "fast")
    assert done.exit_code == 2
    assert done.stderr.startswith("triplepoint: --mode: no checkpoint is scanned")
    scan_options = set(report._OF_SCANS)
    known = {one.name for one in command.params} - {"path", "output", "against", "title"}
    assert scan_options == known


def test_what_is_not_there_is_one_line(invoke, tmp_path):
    done = invoke("report", "nothing")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "no run of that name" in done.stderr
    (tmp_path / "empty.json").write_text("{}")
    done = invoke("report", "empty.json")
    assert done.exit_code == 2
    done = invoke("report", tmp_path / "nowhere" / "..", "-o", "no/a.html")
    assert done.exit_code == 2
    assert list(tmp_path.glob("*.html")) == []


def test_a_damaged_saved_scan_is_one_line(invoke, tmp_path):
    (tmp_path / "a.json").write_text('{"schema": "triplepoint.scan/1", ')
    done = invoke("report", "a.json")
    assert done.exit_code == 2
    assert "damaged" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_interrupted_scan_is_written_and_told(invoke, stub, checkpoint, tmp_path):
    stub.scan = replace(stub.scan, provenance=replace(stub.scan.provenance, interrupted=True))
    done = invoke("report", checkpoint, "--against", checkpoint)
    assert done.exit_code == 130
    assert "interrupted; the report holds what was finished" in done.stderr
    (document,) = embedded(tmp_path / "weights.report.html")
    assert document["about"][0][0] == "interrupted"


def test_a_saved_scan_that_was_interrupted_once_is_no_interrupt_now(invoke, tmp_path):
    scan: Scan = synthetic.example()
    replace(scan, provenance=replace(scan.provenance, interrupted=True)).save("a.json")
    assert invoke("report", "a.json").exit_code == 0


def test_it_stands_behind_the_scan_in_the_help(invoke):
    verbs = list(app.list_commands(None))
    assert verbs[:2] == ["scan", "report"]
    assert "report" in invoke("--help").stdout
