"""Claim: whatever a frame holds reaches a sink under names that stay apart, and a sink that hangs costs nobody a frame.

Witnesses: JSON read back by the standard library; sinks that block, fail and count.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace

import pytest

from tests.monitor.frames import HOSTILE, frame, row
from triplepoint.errors import MissingDependency, UsageError
from triplepoint.monitor import sinks
from triplepoint.monitor.sinks import JsonLines, Sink, sink_of
from triplepoint.monitor.sinks.forwarding import Forwarding
from triplepoint.monitor.sinks.outbox import NotForwarded, Outbox
from triplepoint.monitor.sinks.series import LONGEST, chosen, flat, printable, rows, words
from triplepoint.records import Alert, Frame, ScalarPoint, Severity, Visit, VisitKind
from triplepoint.store import RunWriter, open_run
from triplepoint.store.export import lines


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.threads: set[str] = set()

    def begin(self, run_name, configuration):
        self.calls.append((run_name, configuration))
        self.threads.add(threading.current_thread().name)

    def write(self, frame):
        self.calls.append(frame)

    def close(self):
        self.calls.append("closed")


# names and numbers


def test_rows_are_by_step_and_hold_what_was_chosen():
    first, second = rows(frame(10), chosen(None))
    assert (first.step, second.step) == (10, 11)
    named = {series.name: value for series, value in first.values.items()}
    assert named == {"train_loss": 0.1, "spectral/w/alpha": 13.0}
    named = {series.name: value for series, value in second.values.items()}
    assert named["train_loss"] == 0.05
    assert math.isnan(named["spiked"])


def test_all_metrics_are_forwarded_when_asked_for():
    names = {series.name for r in rows(frame(10), chosen("all")) for series in r.values}
    assert {"spectral/w/alpha", "spectral/w/xmin"} <= names
    assert "spectral/w/num_traps" not in names


def test_rows_that_do_not_count_are_left_to_those_who_want_all(tmp_path):
    slices = replace(row(tmp_path), counted=False)
    given = frame(10, of=slices)
    assert not any("spectral" in s.name for r in rows(given, chosen(None)) for s in r.values)
    assert any("spectral" in s.name for r in rows(given, chosen("all")) for s in r.values)


def test_unknown_metrics_are_refused_in_one_line():
    with pytest.raises(UsageError, match="metrics 'alfa': unknown"):
        chosen(["alpha", "alfa"])


def test_hostile_names_stay_apart_and_can_be_shown_and_stored():
    found = [printable(name) for name in HOSTILE]
    assert len(set(found)) == len(HOSTILE)
    for name in found:
        assert name.isprintable()
        assert name.encode("utf-8")
        assert 0 < len(name) <= LONGEST + 9
        assert not set(name) & set("*\\")


def test_long_names_that_differ_at_the_end_stay_apart():
    assert printable("n" * 400) != printable("n" * 399 + "m")
    assert printable("a%2a") != printable("a*")
    assert printable("") == "%" != printable("%")


def test_an_alert_is_printable_in_one_line():
    title, text = words(Alert("rule", Severity.info, 1, "a\nb\x1b[2J", "w\x00"))
    assert (title, text) == ("rule: w ", "a b [2J")


def test_a_configuration_is_flattened():
    assert flat({"a": {"b": 1, "c": {}}, "d": [1, 2]}) == {"a.b": 1, "a.c": {}, "d": [1, 2]}


# JSON lines


def test_json_lines_are_read_back(tmp_path):
    path = tmp_path / "deep" / "run.jsonl"
    sink = JsonLines(path)
    sink.begin("first", {"lr": math.nan, "path": tmp_path})
    sink.write(frame(10, HOSTILE, row(tmp_path)))
    sink.close()
    raw = path.read_bytes()
    raw.decode("ascii")
    assert b"NaN" not in raw
    assert b"singular_values" not in raw
    run, *found = [json.loads(line) for line in raw.splitlines()]
    assert run == {"type": "run", "name": "first", "configuration": {"lr": None, "path": str(tmp_path)}}
    assert {record.pop("time") for record in found} == {1_795_000_010.0}
    kinds = ["scalar"] * 3 + ["visit"] * len(HOSTILE) + ["alert"] * 2 + ["event"]
    assert [record.pop("type") for record in found] == kinds
    assert found[1] == {
        "name": "train_loss", "step": 11, "value": 0.05, "low": 0.025, "high": 0.075, "count": 3, "non_finite": 0,
    }  # fmt: skip
    visits = found[3 : 3 + len(HOSTILE)]
    assert [visit["matrix"] for visit in visits] == list(HOSTILE)
    assert visits[0]["metrics"] == {"alpha": 13.0, "num_traps": None, "xmin": 0.5}
    assert visits[0]["row"]["status"] == "ok"
    assert visits[0]["row"]["phase"] is not None
    assert found[-2]["state"] == "cleared"
    assert found[-1] == {"kind": "remark", "text": "data changed", "step": 10, "data": {"shard": 3}}


def test_json_lines_are_those_of_the_export(tmp_path):
    """What was forwarded live is what the store exports of the same frames, but for the time."""
    path, given = tmp_path / "run.jsonl", frame(10, ("a", "b"), replace(row(tmp_path), singular_values=None))
    sink = JsonLines(path)
    sink.begin("run", {})
    sink.write(given)
    sink.close()
    writer = RunWriter(tmp_path / "run.db", configuration={}, provenance={})
    writer.write([given])
    writer.finish("finished")
    writer.close()
    with open_run(tmp_path / "run.db") as run:
        exported = [json.loads(line) for line in lines(run)]
    live = [json.loads(line) for line in path.read_bytes().splitlines()]
    for record in live:
        record.pop("time", None)
    ours = [record for record in live if record["type"] in ("scalar", "alert", "event")]
    theirs = [record for record in exported if record["type"] in ("scalar", "alert", "event")]
    for record in ours:
        assert record in theirs
    looks = [(record["matrix"], record["metrics"]) for record in live if record["type"] == "visit"]
    assert [r["matrix"] for r in exported if r["type"] == "visit"] == [matrix for matrix, _ in looks]


def test_json_lines_append_after_a_line_that_was_cut(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"type":"run"}\n{"type":"sca')
    sink = JsonLines(path, metrics=["alpha"])
    sink.begin("again", {})
    sink.write(frame(1))
    sink.close()
    cut, again, *rest = path.read_bytes().splitlines()[1:]
    assert cut == b'{"type":"sca'
    assert json.loads(again)["name"] == "again"
    (visit,) = [record for record in map(json.loads, rest) if record["type"] == "visit"]
    assert (visit["metrics"], visit["row"]) == ({"alpha": 4.0}, None)


def test_lines_are_in_the_file_before_the_next_frame(tmp_path):
    path = tmp_path / "run.jsonl"
    sink = JsonLines(path)
    sink.begin("live", {})
    for at in (1, 2, 3):
        sink.write(frame(at))
        assert len(path.read_bytes().splitlines()) == 7 * at + 1
    sink.close()
    with pytest.raises(ValueError, match="begin comes first"):
        sink.write(frame(4))


# which sink


def test_a_sink_by_name_or_object(tmp_path):
    kept = Kept()
    assert isinstance(kept, Sink)
    assert sink_of(kept).sink is kept
    made = sink_of(f"jsonl:{tmp_path}/a:b.jsonl")
    assert isinstance(made.sink, JsonLines)
    assert made.sink.path.name == "a:b.jsonl"
    assert sink_of(made) is made


@pytest.mark.parametrize("value", ["aim", "jsonl:", "WandB", 3, Kept, None, object()])
def test_what_is_no_sink_is_refused_in_one_line(value):
    with pytest.raises(UsageError, match=r"sink .*Use one of jsonl:PATH"):
        sink_of(value)


def test_a_missing_tracker_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sinks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="pip install wandb"):
        sink_of("wandb")


def test_a_folder_called_like_a_tracker_is_no_tracker(monkeypatch, tmp_path):
    (tmp_path / "notatracker").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependency):
        sinks.installed("notatracker")


# the queue


def test_frames_arrive_in_order_and_the_end_last():
    kept = Kept()
    forward = Forwarding(kept)
    forward.begin("r", {"a": 1})
    frames = [frame(at) for at in range(1, 50)]
    for one in frames:
        forward.write(one)
    forward.close()
    assert kept.calls == [("r", {"a": 1}), *frames, "closed"]
    assert kept.threads == {threading.current_thread().name}


def test_a_sink_that_hangs_blocks_nobody_and_drops_are_counted():
    release = threading.Event()
    kept = Kept()
    kept.write = lambda frame: release.wait(30)
    forward = Forwarding(kept, capacity=5, patience=0.05)
    raised = 0
    for at in range(1, 41):
        try:
            forward.write(frame(at))
        except NotForwarded:
            raised += 1
    # One is in the thread (or about to be), five wait.
    assert forward.dropped in (34, 35)
    assert raised == 1
    with pytest.raises(NotForwarded, match=r"left behind|wait already"):
        forward.close()
    release.set()


def test_errors_of_a_sink_reach_who_writes_next_one_a_call():
    done = threading.Semaphore(0)

    def fail(item):
        try:
            raise OSError(item)
        finally:
            done.release()

    def settled():
        assert done.acquire(timeout=5)
        # The error is kept a moment after it was raised.
        while outbox._errors.empty():
            pass

    outbox = Outbox("test", fail, 10)
    outbox.put("first")
    settled()
    with pytest.raises(OSError, match="first"):
        outbox.put("second")
    settled()
    with pytest.raises(OSError, match="second"):
        outbox.close(5)


def test_an_outbox_begins_anew_after_its_end():
    got = []
    outbox = Outbox("test", got.append, 10)
    outbox.put(1)
    outbox.close(5)
    outbox.put(2)
    outbox.close(5)
    outbox.close(5)
    assert got == [1, 2]


def test_a_thread_that_comes_back_late_goes_home():
    release, began = threading.Event(), threading.Event()

    def send(item):
        began.set()
        release.wait(30)

    outbox = Outbox("test", send, 3)
    outbox.put(1)
    thread = outbox._thread
    assert began.wait(5)
    for item in (2, 3, 4):
        outbox.put(item)
    with pytest.raises(NotForwarded, match="no end within"):
        outbox.close(0.05)
    release.set()
    thread.join(5)
    assert not thread.is_alive()


def test_an_empty_frame_gives_no_row():
    assert rows(Frame(3, 0.0, visits=(Visit(3, "w", VisitKind.unchanged, change=0.0),)), None) == []


def test_scalars_can_have_a_prefix():
    (only,) = rows(Frame(3, 0.0, scalars=(ScalarPoint("a", 3, 1.0),)), None, "monitor/")
    assert [(series.group, series.name) for series in only.values] == [("monitor/a", "monitor/a")]
