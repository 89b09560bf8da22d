"""`triplepoint watch`: what is said about a folder of checkpoints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.cli.conftest import Invoke
from triplepoint import open_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    for step in (1, 2):
        values = np.random.default_rng(step).standard_normal((32, 16)).astype(np.float32)
        values[0, 0] = np.nan if step == 2 else 1.0
        save_file({"w": values}, made / f"step-{step}.safetensors")
    return made


def test_checkpoints_and_alerts_are_lines(invoke: Invoke, folder: Path, tmp_path: Path) -> None:
    (folder / "best\x1b[K.npz").write_bytes(b"x")
    done = invoke("watch", str(folder), "--run", str(tmp_path / "run"), "--once")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "step-1.safetensors: 1 tensors" in lines[0]
    assert any("raised error" in line and "weights_not_finite: w" in line for line in lines)
    assert "\x1b" not in done.stdout
    assert "tells no step" in lines[-1]


def test_json_lines(invoke: Invoke, folder: Path, tmp_path: Path) -> None:
    done = invoke("watch", str(folder), "--run", str(tmp_path / "run"), "--once", "--format", "jsonl")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [d["type"] for d in documents] == ["checkpoint", "checkpoint", "alert"]
    assert documents[2]["matrix"] == "w"


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("error", 1)])
def test_an_alert_can_close_a_gate(
    fail_on: str, code: int, invoke: Invoke, folder: Path, tmp_path: Path
) -> None:
    done = invoke("watch", str(folder), "--run", str(tmp_path / "run"), "--once", "--fail-on", fail_on)
    assert done.exit_code == code


def test_nothing_read_closes_it_too(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = str(tmp_path / "run")
    assert (
        invoke("watch", str(tmp_path / "empty"), "--run", run, "--once", "--fail-on", "error").exit_code == 1
    )


@pytest.mark.parametrize(
    "more", [["--rules", "nonsense"], ["--stop-on", "loud"], ["--sink", "paper"], ["--webhook", "ftp://x"]]
)
def test_what_is_unknown_is_refused_before_anything_is_read(
    more: list[str], invoke: Invoke, folder: Path, tmp_path: Path
) -> None:
    done = invoke("watch", str(folder), "--run", str(tmp_path / "run"), "--once", *more)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_an_interrupt_ends_it_with_what_was_scanned(folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from triplepoint.cli import main; main()",
        "watch",
        str(folder),
        "--seconds",
        "0.05",
    ]
    started = subprocess.Popen(
        [*command, "--run", str(tmp_path / "run")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert "step-1" in started.stdout.readline()
    os.kill(started.pid, signal.SIGTERM)
    end = time.monotonic() + 30
    while started.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    _, err = started.communicate(timeout=5)
    assert (started.returncode, err.strip()) == (
        130,
        "triplepoint: interrupted; the run holds what was scanned",
    )
    with open_run(tmp_path / "run") as run:
        assert run.status == "stopped"
        assert run.row("w", 1) is not None
