"""Claim: checkpoints are taken once, whole and in order; what cannot be read is said and tried again when it changes.

Witness: `scan` of each checkpoint, and files that are written in two halves.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from triplepoint import open_run, scan
from triplepoint.errors import UsageError
from triplepoint.monitor.appearing import Appearing, step_of
from triplepoint.monitor.watching import watch
from triplepoint.records import VisitKind


def weights(step, spoil=False):
    generator = np.random.default_rng(step)
    found = {"a.weight": generator.standard_normal((40, 24)).astype(np.float32)}
    found["a.weight"][0, 0] = np.nan if spoil else 0.5
    return found


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


def write(folder, step, **keywords):
    path = folder / f"checkpoint-{step}"
    path.mkdir(exist_ok=True)
    save_file(weights(step, **keywords), path / "model.safetensors")
    return path


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500),
        ("epoch=3-step=1200.ckpt", 1200),
        ("step=1200-epoch=3.ckpt", 1200),
        ("global_step00042", 42),
        ("model_0007.safetensors", 7),
        ("iter_0000100.pt", 100),
        ("7b-instruct-step-12", 12),
        ("best.pt", None),
        ("model.safetensors", None),
        ("99999999999999999999", None),
    ],
)
def test_the_step_that_a_name_tells(name, step):
    assert step_of(name) == step


def test_each_checkpoint_is_scanned_once_and_in_order(folder, tmp_path):
    paths = [write(folder, step) for step in (1000, 200)]
    seen = list(watch(folder, tmp_path / "run", once=True))
    assert [(one.step, one.visits, one.reason) for one in seen] == [(200, 1, None), (1000, 1, None)]
    with open_run(tmp_path / "run") as run:
        assert run.status == "finished"
        assert run.row("a.weight", 200).metrics == scan(paths[1])["a.weight"].metrics
        assert run.row("a.weight").metrics == scan(paths[0])["a.weight"].metrics
    assert list(watch(folder, tmp_path / "run", once=True)) == []
    write(folder, 3000)
    assert [one.step for one in watch(folder, tmp_path / "run", once=True)] == [3000]


def test_a_checkpoint_is_taken_when_it_has_stopped_growing(folder, tmp_path):
    path = folder / "step-1.safetensors"
    whole = write(folder, 1) / "model.safetensors"
    data = whole.read_bytes()
    os.remove(whole)
    os.rmdir(whole.parent)
    path.write_bytes(data[:100])
    appearing = Appearing(folder)
    assert not appearing.ready()
    path.write_bytes(data)
    assert not appearing.ready()
    assert [one.step for one in appearing.ready()] == [1]
    assert not appearing.ready()


def test_what_cannot_be_read_is_said_and_tried_again_when_it_changes(folder, tmp_path):
    path = folder / "step-5.safetensors"
    path.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    looks = []

    def pause(_seconds):
        looks.append(1)
        if len(looks) == 3:
            save_file(weights(5), path)
        assert len(looks) < 9

    found = watch(folder, tmp_path / "run", pause=pause)
    first, second = next(found), next(found)
    found.close()
    assert first.reason is not None
    assert second.reason is None
    with open_run(tmp_path / "run") as run:
        assert [event.kind for event in run.events] == ["unreadable", "checkpoint"]
        assert run.status == "stopped"


def test_a_step_that_is_past_is_left_out(folder, tmp_path):
    write(folder, 10)
    list(watch(folder, tmp_path / "run", once=True))
    write(folder, 5)
    (one,) = watch(folder, tmp_path / "run", once=True)
    assert "not after 10" in one.reason


def test_scalars_that_a_trainer_wrote_come_along(folder, tmp_path):
    for step in (10, 20):
        path = write(folder, step)
        log = [{"step": at, "loss": 1.0 / at, "epoch": 0.1} for at in range(5, step + 1, 5)]
        log += [{"step": step, "eval_loss": 2.0}, {"step": step, "train_runtime": 3.0, "train_loss": 9.0}]
        (path / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    list(watch(folder, tmp_path / "run", once=True))
    with open_run(tmp_path / "run") as run:
        assert [(p.step, p.value) for p in run.scalar("train_loss")] == [
            (s, 1.0 / s) for s in (5, 10, 15, 20)
        ]
        assert [p.step for p in run.scalar("test_loss")] == [10, 20]


@pytest.mark.parametrize(
    "text",
    ["", "[", "3", '{"log_history": 5}', '{"log_history": [1, {"step": "x"}, {"step": true, "loss": 1}]}'],
)
def test_an_odd_log_gives_no_scalars(text, folder, tmp_path):
    (write(folder, 1) / "trainer_state.json").write_text(text)
    (one,) = watch(folder, tmp_path / "run", once=True)
    assert one.reason is None
    with open_run(tmp_path / "run") as run:
        assert run.scalar_names == ()


def test_numbers_beyond_all_bounds_leave_the_others(folder, tmp_path):
    log = [{"step": 1, "loss": 10**400, "eval_loss": 2.0}]
    (write(folder, 1) / "trainer_state.json").write_text(json.dumps({"log_history": log}))
    list(watch(folder, tmp_path / "run", once=True))
    with open_run(tmp_path / "run") as run:
        assert run.scalar_names == ("test_loss",)


def test_a_log_that_is_a_pipe_is_not_waited_for(folder, tmp_path):
    os.mkfifo(write(folder, 1) / "trainer_state.json")
    seen = []
    thread = threading.Thread(
        target=lambda: seen.extend(watch(folder, tmp_path / "run", once=True)), daemon=True
    )
    thread.start()
    thread.join(30)
    assert [one.reason for one in seen] == [None]


def test_a_folder_that_goes_ends_it_in_one_line(folder, tmp_path):
    write(folder, 1)
    done = []
    found = watch(folder, tmp_path / "run", pause=lambda _: shutil.rmtree(folder) if done else None)
    done.append(next(found))
    with pytest.raises(UsageError, match="once it is back"):
        next(found)
    with open_run(tmp_path / "run") as run:
        assert run.status == "stopped"


def test_a_sink_that_cannot_begin_or_end_is_a_fault_of_the_run(folder, tmp_path):
    class Broken:
        def begin(self, name, configuration):
            raise RuntimeError("no")

        def write(self, frame): ...

        def close(self):
            raise RuntimeError("no")

    write(folder, 1)
    list(watch(folder, tmp_path / "run", once=True, sinks=[Broken()]))
    with open_run(tmp_path / "run") as run:
        faults = [event.text for event in run.events if event.kind == "fault"]
    assert faults == ["begin Broken: RuntimeError: no", "close Broken: RuntimeError: no"]


def test_rules_judge_from_checkpoint_to_checkpoint(folder, tmp_path):
    write(folder, 1)
    write(folder, 2, spoil=True)
    write(folder, 3)
    seen = list(watch(folder, tmp_path / "run", once=True, stop_on=["weights_not_finite"]))
    assert [one.step for one in seen] == [1, 2]
    assert [alert.rule for alert in seen[-1].alerts] == ["weights_not_finite"]
    # The rules go on where they were: it is cleared, not raised again.
    for step in (4, 5):
        write(folder, step)
    later = list(watch(folder, tmp_path / "run", once=True))
    assert [(a.rule, a.state) for one in later for a in one.alerts] == [("weights_not_finite", "cleared")]


def test_links_out_of_the_folder_and_partial_names_are_not_followed(folder, tmp_path):
    write(tmp_path, 9)
    (folder / "tmp-checkpoint-7").mkdir()
    save_file(weights(7), folder / "tmp-checkpoint-7" / "model.safetensors")
    save_file(weights(8), folder / ".step-8.safetensors")
    assert list(watch(folder, tmp_path / "run", once=True)) == []


def test_what_has_no_step_is_remembered_by_name(folder):
    save_file(weights(1), folder / "best.safetensors")
    appearing = Appearing(folder)
    assert not appearing.ready(now=True)
    assert appearing.unnumbered == {"best.safetensors"}


def test_an_interrupt_within_a_scan_ends_it_without_half_a_checkpoint(folder, tmp_path, monkeypatch):
    write(folder, 1)
    whole = scan(folder / "checkpoint-1")
    broken_off = replace(whole, provenance=replace(whole.provenance, interrupted=True))
    monkeypatch.setattr("triplepoint.monitor.watching.run_scan", lambda _: broken_off)
    with pytest.raises(KeyboardInterrupt):
        list(watch(folder, tmp_path / "run", once=True))
    with open_run(tmp_path / "run") as run:
        assert (run.status, run.counts()["visits"]) == ("stopped", 0)
    monkeypatch.undo()
    assert [one.step for one in watch(folder, tmp_path / "run", once=True)] == [1]


def test_what_has_no_step_is_said_once(folder, tmp_path):
    save_file(weights(1), folder / "best.safetensors")
    found = watch(
        folder, tmp_path / "run", pause=lambda _: (folder / "checkpoint-4").exists() or write(folder, 4)
    )
    assert (next(found).reason, next(found).step) == ("its name tells no step, as step-500 would", 4)
    found.close()


def test_every_visit_is_a_full_one(folder, tmp_path):
    write(folder, 1)
    list(watch(folder, tmp_path / "run", once=True))
    with open_run(tmp_path / "run") as run:
        assert {visit.kind for visit in run.visits()} == {VisitKind.full}


@pytest.mark.parametrize("given", ["nowhere", "file"])
def test_what_is_no_folder_is_refused(given, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="no folder"):
        next(watch(tmp_path / given, tmp_path / "run"))
