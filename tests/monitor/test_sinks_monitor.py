"""Claim: what the store keeps is what the sinks get, and no sink or action costs training or store a frame.

Witness: the lines of a real run against its file.
"""

from __future__ import annotations

import json
import threading

import pytest

from tests.monitor.worlds import mlp, train
from triplepoint import Monitor
from triplepoint.monitor.pipeline import MOST_SINK_FAULTS


class Fails:
    def begin(self, run_name, configuration):
        raise RuntimeError("no begin")

    def write(self, frame):
        raise RuntimeError("no write")

    def close(self):
        raise RuntimeError("no close")


class Hangs:
    def __init__(self):
        self.release = threading.Event()

    def begin(self, run_name, configuration):
        pass

    def write(self, frame):
        self.release.wait(60)

    def close(self):
        pass


def fails(alert):
    raise RuntimeError("no action")


def run(path, lr=0.1, steps=40, **keywords):
    keywords = {"budget": None, "schedule": 10, "tolerance": 0.0, "scalars": "all"} | keywords
    with Monitor(mlp(), path, **keywords) as monitor:
        for step, loss in train(mlp(), steps, lr=lr):
            monitor.step(step, train_loss=loss.item())
    return monitor


def test_the_lines_are_the_run(tmp_path):
    got = []
    monitor = run(
        tmp_path / "run.db",
        lr=30.0,
        sinks=[f"jsonl:{tmp_path}/run.jsonl"],
        actions=[got.append],
        config={"lr": 30},
    )
    first, *lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert (first["name"], first["configuration"]) == (tmp_path.name, {"lr": 30})
    with monitor.run as stored:
        scalars = [(one["step"], one["value"]) for one in lines if one["type"] == "scalar"]
        assert scalars == [(point.step, point.value) for point in stored.scalar("train_loss")]
        looks = [(one["step"], one["matrix"], one["metrics"]) for one in lines if one["type"] == "visit"]
        assert looks == [(visit.step, visit.matrix, dict(visit.metrics)) for visit in stored.visits()]
        alerts = [(one["rule"], one["step"], one["state"]) for one in lines if one["type"] == "alert"]
        assert alerts == [(alert.rule, alert.step, alert.state) for alert in stored.alerts]
        assert alerts == [(alert.rule, alert.step, alert.state) for alert in got]
        assert alerts


def test_a_sink_that_fails_is_named_and_left_out(tmp_path):
    monitor = run(
        tmp_path / "run.db", sinks=[Fails(), f"jsonl:{tmp_path}/run.jsonl"], lr=30.0, actions=[fails]
    )
    with monitor.run as stored:
        texts = [event.text for event in stored.events if event.kind == "fault"]
        assert len(stored.scalar("train_loss")) == 40
    assert any("begin Fails: RuntimeError: no begin" in text for text in texts)
    assert any("forward to Fails: RuntimeError: no write" in text for text in texts)
    assert any("no action" in text for text in texts)
    assert not any("Forwarding" in text for text in texts)
    assert monitor.cost.faults >= 3
    lines = (tmp_path / "run.jsonl").read_text().splitlines()
    assert sum('"type":"scalar"' in line for line in lines) == 40
    assert sum("failed" in text and "left out" in text for text in texts) <= 1
    assert MOST_SINK_FAULTS > 1


def test_a_sink_that_hangs_costs_the_store_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("triplepoint.monitor.sinks.forwarding.PATIENCE", 0.1)
    hangs = Hangs()
    monitor = run(tmp_path / "run.db", sinks=[hangs])
    hangs.release.set()
    with monitor.run as stored:
        assert stored.status == "finished"
        assert len(stored.scalar("train_loss")) == 40
    assert monitor.cost.dropped_scalars == 0
    assert monitor.cost.faults == 1


def test_forwarding_is_part_of_the_cost(tmp_path):
    pytest.importorskip("tensorboard")
    monitor = run(tmp_path / "run.db", sinks=["jsonl:" + str(tmp_path / "a.jsonl")])
    (sink,) = monitor._keeper._pipeline._sinks
    assert 0 < sink.seconds <= monitor.cost.recorder_seconds
    assert monitor.cost.recorder_seconds == monitor._keeper._recorder.cpu_seconds + sink.seconds


def test_a_wrong_sink_is_refused_before_the_file_is_made(tmp_path):
    with pytest.raises(Exception, match="sink 'aim': unknown"):
        run(tmp_path / "run.db", sinks=["aim"])
    assert not (tmp_path / "run.db").exists()
