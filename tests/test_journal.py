"""Claim: a scan that was stopped goes on where it was, gives the numbers of an unbroken one, and never mixes two scans.

The witness is the unbroken scan; kills are imitated by cutting the file at every byte.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed
from triplepoint import analysis, scan
from triplepoint.errors import UsageError


def model() -> dict[str, np.ndarray]:
    return {
        "conv.weight": gaussian((12, 10, 2, 1), seed=1),
        "fc.weight": heavy_tailed((60, 40), 3.0),
        "attn.in_proj_weight": gaussian((48, 16), seed=2),
        "zero.weight": np.zeros((20, 20)),
        "nan.weight": np.full((20, 20), np.nan),
        "bias": np.zeros(20),
    }


def numbers(found):
    return [
        (row.id, row.status, row.reason, row.phase, dict(row.metrics), row.counted, row.findings)
        for row in found.matrices
    ]


@pytest.fixture
def counted(monkeypatch):
    done: list[str] = []
    original = analysis.analyze

    def analyze(plans, read, settings):
        if any(plan.reason is None for plan in plans):
            done.append(plans[0].id)
        return original(plans, read, settings)

    monkeypatch.setattr(analysis, "analyze", analyze)
    return done


def test_a_second_run_takes_every_number_from_the_file(tmp_path, counted):
    expected = scan(model())
    first = scan(model(), resume=tmp_path / "rows.jsonl")
    counted.clear()
    second = scan(model(), resume=tmp_path / "rows.jsonl", workers=1)
    assert counted == []
    assert numbers(first) == numbers(expected) == numbers(second)
    assert second.summary == expected.summary


@pytest.mark.parametrize("metrics", [None, "stable_rank"])
def test_a_file_cut_anywhere_loses_only_the_last_weight(tmp_path, counted, metrics):
    path = tmp_path / "rows.jsonl"
    expected = scan(model(), metrics=metrics)
    scan(model(), metrics=metrics, resume=path, workers=1)
    whole = path.read_bytes()
    for cut in [*range(0, len(whole), len(whole) // 13), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        counted.clear()
        found = scan(model(), metrics=metrics, resume=path, workers=1)
        assert numbers(found) == numbers(expected)
        assert found.summary == expected.summary
        kept = max(whole[:cut].count(b"\n") - 1, 0)
        assert len(counted) == 5 - kept
        assert path.read_bytes().count(b"\n") == 6


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": 1}, "another checkpoint, version or setting"),
        ({"mode": "exact"}, "another checkpoint"),
        ({"metrics": "alpha"}, "another checkpoint"),
        ({"layouts": {"fc.weight": "in,out"}}, "another checkpoint"),
    ],
)
def test_another_scan_is_refused_and_the_file_left_as_it_was(tmp_path, change, word):
    path = tmp_path / "rows.jsonl"
    scan(model(), resume=path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=word):
        scan(model(), resume=path, **change)
    with pytest.raises(UsageError, match="another checkpoint"):
        scan({"fc.weight": gaussian((20, 20))}, resume=path)
    assert path.read_bytes() == before


def test_filters_and_workers_do_not_make_another_scan(tmp_path, counted):
    path = tmp_path / "rows.jsonl"
    scan(model(), resume=path, layers="fc.*")
    counted.clear()
    found = scan(model(), resume=path, workers=2)
    assert "fc.weight" not in counted
    assert numbers(found) == numbers(scan(model()))


@pytest.mark.parametrize("text", [b"hello", b"hello\n", b'{"a": 1}\n', b"[" * 9000 + b"\n", b"\xff\n"])
def test_any_other_file_is_refused_and_kept(tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    with pytest.raises(UsageError, match="not a file of --resume"):
        scan(model(), resume=path)
    assert path.read_bytes() == text


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    scan(model(), resume=path)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(
        b"\n".join([lines[0], lines[1].replace(b'"status": "ok"', b'"status": "odd"'), *lines[2:]])
    )
    with pytest.raises(UsageError, match="line 2 is damaged"):
        scan(model(), resume=path)


def test_two_scans_cannot_write_one_file(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "rows.jsonl"
    with path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another scan is writing it"):
            scan(model(), resume=path)


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        scan(model(), resume=tmp_path / "no" / "rows.jsonl")


def test_failures_of_the_moment_are_tried_again(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    monkeypatch.setattr(analysis, "decompose", lambda *_: 1 / 0)
    scan(model(), resume=path)
    monkeypatch.undo()
    assert numbers(scan(model(), resume=path)) == numbers(scan(model()))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_process_is_continued(tmp_path):
    arrays = {f"layer.{k}.weight": gaussian((200, 200), seed=k) for k in range(60)}
    np.savez(tmp_path / "m.npz", **arrays)
    path = tmp_path / "rows.jsonl"
    command = [
        sys.executable,
        "-m",
        "triplepoint.cli",
        "scan",
        str(tmp_path / "m.npz"),
        "--resume",
        str(path),
    ]
    command = [sys.executable, "-c", "from triplepoint.cli import main; main()", *command[3:]]
    process = subprocess.Popen(
        [*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not path.exists() or path.read_bytes().count(b"\n") < 4:
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = path.read_bytes().count(b"\n") - 1
    assert before >= 3
    found = subprocess.run([*command, "--format", "json"], capture_output=True, check=True).stdout
    rows = json.loads(found)["matrices"]
    assert [row["status"] for row in rows] == ["ok"] * 60
    assert path.read_bytes().count(b"\n") == 61


def test_what_is_not_a_file_is_refused_and_not_read(tmp_path):
    # `/dev/full` and `/dev/zero` have no end: the process was killed at the limit of its memory.
    with pytest.raises(UsageError, match="not a file of --resume"):
        scan({"a.weight": np.eye(12)}, resume=os.devnull)
    with pytest.raises(UsageError, match=r"resume from '\.'"):
        scan({"a.weight": np.eye(12)}, resume="")


def test_a_large_file_of_another_kind_is_not_read_whole(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # a hole: reading it would need 1 TiB
    with pytest.raises(UsageError, match="not a file of --resume"):
        scan({"a.weight": np.eye(12)}, resume=path)
    assert path.stat().st_size == 1 << 40


def test_an_edited_configuration_is_not_answered_with_old_numbers(tmp_path, counted):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    rng = np.random.default_rng(0)
    pair = "base_model.model.layers.0.q_proj.lora_{}.weight"
    save_file({pair.format("A"): rng.standard_normal((8, 40)).astype("f4"),
               pair.format("B"): rng.standard_normal((32, 8)).astype("f4")},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    found = []
    for alpha in (8, 32, 32):
        config = {"peft_type": "LORA", "r": 8, "lora_alpha": alpha}
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        counted.clear()
        kept = scan(str(tmp_path), resume=tmp_path / "rows.jsonl")
        assert numbers(kept) == numbers(scan(str(tmp_path)))
        found.append(kept.summary.metrics["log_norm"][0])
    assert found[1] - found[0] == pytest.approx(2 * np.log10(4))
    assert found[2] == found[1]
    assert len(counted) == 1  # by the scan without a file alone


def test_a_full_disk_is_one_line_that_names_the_file_and_keeps_what_was_written(tmp_path):
    path = tmp_path / "rows.jsonl"
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "from tests.test_journal import model\n"
        "from triplepoint import scan\n"
        "try:\n"
        f"    scan(model(), resume={str(path)!r}, workers=1)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"UsageError keep finished rows in {str(path)!r}: ")
    assert path.stat().st_size == 6000
    assert numbers(scan(model(), resume=path)) == numbers(scan(model()))
