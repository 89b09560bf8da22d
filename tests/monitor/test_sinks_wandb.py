"""Claim: W&B keeps every number with the step it is of, though looks come late, and the user's rows are never refused.

Witness: the offline file, read record by record.
"""

from __future__ import annotations

import importlib
import json
import math
import struct
import time

import pytest

from tests.monitor.frames import HOSTILE, frame
from triplepoint.monitor.sinks import WandB, sink_of
from triplepoint.monitor.sinks.series import group_of
from triplepoint.monitor.sinks.wandb_run import LONGEST_TITLE, _dotted

pytestmark = [
    # 2 s to import and 2 for each run.
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def wandb(tmp_path_factory):
    if importlib.util.find_spec("wandb") is None:
        pytest.skip("wandb is not installed")
    folder = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_PROJECT"):
            patch.delenv(name, raising=False)
        patch.setenv("WANDB_DIR", str(folder))
        patch.setenv("WANDB_SILENT", "true")
        patch.setenv("NETRC", str(folder / "none"))
        patch.setenv("WANDB_CONFIG_DIR", str(folder / "config"))
        module = importlib.import_module("wandb")
        yield module
        module.teardown()


def chunks(data):
    """Records of a log in blocks of 32 KiB, as LevelDB writes it: checksum (4), length (2), type (1), bytes."""
    at, whole = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        # 1: whole, 2: first, 3: middle, 4: last.
        if kind in (1, 4):
            yield whole
            whole = b""


def records(folder):
    (path,) = folder.rglob("*.wandb")
    proto = importlib.import_module("wandb.proto.wandb_internal_pb2")
    # The file is written by a process of its own, which may be behind when a run is said to be finished.
    for _ in range(300):
        data = path.read_bytes()
        found = [proto.Record.FromString(chunk) for chunk in chunks(data)]
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            assert data[:4] == b":W&B"
            return found
        time.sleep(0.05)
    raise AssertionError("the run has no end")


def history(folder):
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records(folder)
        if record.WhichOneof("record_type") == "history"
    ]


def points(rows, name, axis):
    return [(row[axis], row[name]) for row in rows if name in row]


def test_a_run_of_our_own_holds_everything(wandb, tmp_path):
    sink = WandB(dir=str(tmp_path))
    sink.begin("first", {"lr": 0.1, "data": {"name": "x"}})
    for at in (10, 20):
        sink.write(frame(at, HOSTILE))
    assert wandb.run is None, "the user has begun none"
    sink.close()
    rows = history(tmp_path)
    assert points(rows, "train_loss", "monitor/step") == [(10, 0.1), (11, 0.05), (20, 0.05), (21, 0.025)]
    for name in HOSTILE:
        assert points(rows, f"{group_of(name)}/alpha", "monitor/step") == [(10, 13.0), (20, 23.0)]
    assert all(not isinstance(v, float) or math.isnan(v) for _, v in points(rows, "spiked", "monitor/step"))
    found = records(tmp_path)
    run = next(r.run for r in found if r.WhichOneof("record_type") == "run")
    assert (run.project, run.display_name) == ("triplepoint", "first")
    assert {item.key for item in run.config.update} >= {"lr", "data"}
    metrics = {r.metric.name: r.metric for r in found if r.WhichOneof("record_type") == "metric"}
    assert metrics[r"spectral/layers\.0\.mlp/alpha"].step_metric == "monitor/step"
    assert metrics["monitor/step"].options.hidden
    alerts = [r.alert for r in found if r.WhichOneof("record_type") == "alert"]
    assert [(a.title, a.level) for a in alerts[:2]] == [
        ("norm_runaway: layers.0.mlp", "WARN"),
        ("cleared: loss_spike", "ERROR"),
    ]
    assert alerts[0].text == "the norm doubled in 10 steps"


def test_a_definition_of_a_name_with_dots_is_matched(wandb, tmp_path):
    """Seen at the summary, which is by definition: without the escape it is a plain number."""
    settings = {"console": "off"}
    name = "spectral/layers.0.mlp/alpha"
    with wandb.init(project="dots", mode="offline", dir=str(tmp_path), settings=settings) as run:
        run.define_metric(_dotted(name), summary="max")
        for value in (2.0, 1.0):
            run.log({name: value})
        assert run.summary[name]["max"] == 2.0


def test_the_run_of_the_user_keeps_its_steps(wandb, tmp_path):
    theirs = wandb.init(project="theirs", mode="offline", dir=str(tmp_path), settings={"console": "off"})
    sink = sink_of("wandb")
    sink.begin("monitor", {"ignored": 1})
    for at in range(1, 6):
        theirs.log({"loss": 1.0 / at}, step=at)
        # Looks at an older step, more often than the user logs.
        sink.sink.write(frame(100 * at, ("a", "b")))
        sink.sink.write(frame(100 * at + 50, ("c",)))
    sink.close()
    assert wandb.run is theirs
    theirs.log({"loss": 0.0}, step=6)
    theirs.finish()
    rows = history(tmp_path)
    assert points(rows, "loss", "_step") == [(at, 1.0 / at if at < 6 else 0.0) for at in range(1, 7)]
    for name in "ab":
        expected = [(100 * at, 100.0 * at + 3) for at in range(1, 6)]
        assert points(rows, f"spectral/{name}/alpha", f"spectral/{name}/step") == expected
    assert points(rows, "spectral/c/alpha", "spectral/c/step") == [
        (100 * at + 50, 100.0 * at + 53) for at in range(1, 6)
    ]
    assert not any("train_loss" in row for row in rows)
    assert points(rows, "monitor/train_loss", "monitor/train_loss/step")[0] == (151, 0.5 / 150)
    run = [r.run for r in records(tmp_path) if r.WhichOneof("record_type") == "run"]
    assert len(run) == 1


def test_without_credentials_a_run_is_kept_offline(wandb, tmp_path):
    sink = WandB(dir=str(tmp_path))
    sink.begin("first", {})
    assert sink._arguments()["mode"] == "offline"
    assert WandB(mode="disabled")._arguments()["mode"] == "disabled"


def test_long_titles_are_cut(wandb, tmp_path):
    sink = WandB(dir=str(tmp_path))
    sink.begin("first", {})
    sink.write(frame(1, ("n" * 400,)))
    sink.close()
    alerts = [r.alert for r in records(tmp_path) if r.WhichOneof("record_type") == "alert"]
    assert len(alerts[0].title) == LONGEST_TITLE
