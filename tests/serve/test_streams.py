"""Claim: a stream gives every frame once and in order from wherever its reader was, on a real socket; it tells when the
run is gone, and one that is slow or away costs nobody anything."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import threading

import pytest

from tests.serve.served import AUTHORIZED, SECONDS
from tests.store.frames import frame, is_lawful, lawful
from triplepoint import open_run
from triplepoint.page.live import frame_delta
from triplepoint.page.rows_of_run import run_verdict
from triplepoint.records import Alert, Event, Frame, ScalarPoint, Severity
from triplepoint.serve import faults, looking, streams, tails
from triplepoint.store import RunWriter

WRITE = """
import sys
from tests.store.frames import lawful
from triplepoint.store import RunWriter
writer = RunWriter(sys.argv[1], resume=True)
for step in range(int(sys.argv[2]), int(sys.argv[3])):
    writer.write([lawful(step)])
writer.finish(sys.argv[4])
"""


@pytest.fixture
def path(folder):
    return folder / "first" / "run.db"


@pytest.fixture
def writer(path):
    """A run that is being written, with frames 1 and 2."""
    with RunWriter(path) as made:
        made.write([lawful(0), lawful(1)])
        yield made


def big(step: int) -> Frame:
    """Two hundred kilobytes."""
    return frame(step, events=[Event("big", "", step, {"x": "y" * 200_000})])


def ids(events) -> list[int]:
    return [event.id for event in events if event.name == "frame"]


def test_frames_come_as_they_are_written_and_as_the_page_wants_them(serve, folder, path, writer):
    stream = serve(folder).stream("first", after=0)
    found = stream.until("status")
    assert ids(found) == [1, 2]
    alert = Alert("rule", Severity.error, 2, "bad </script>\n\ndata: x", "m0")
    writer.write([frame(2, alerts=[alert], scalars=[ScalarPoint("train_loss", 2, 0.5)])])
    found += stream.until("frame")
    with open_run(path) as run:
        for event, (id, one) in zip([e for e in found if e.name == "frame"], run.frames(), strict=True):
            assert event.id == event.data["id"] == id
            assert event.data == frame_delta(id, one)
        status = next(event for event in found if event.name == "status")
        assert status.data == {"status": "running", "verdict": run_verdict(run)}
    writer.finish()
    assert stream.until("status", status="finished")[-1].data["verdict"] == status.data["verdict"]
    assert stream.retry == 1000


def test_a_stream_goes_on_from_where_its_reader_was(serve, folder, writer):
    writer.write([lawful(step) for step in range(2, 9)])
    served = serve(folder)
    assert ids(served.stream("first", after=4).until("status")) == [5, 6, 7, 8, 9]
    assert ids(served.stream("first", last=7, after=4).until("status")) == [8, 9]
    assert ids(served.stream("first", after=9).until("status")) == []
    stream = served.stream("first", last=9)
    stream.until("status")
    writer.write([lawful(9)])
    assert ids(stream.until("frame")) == [10]


def test_a_run_of_another_process_is_followed_to_its_end(serve, folder, path):
    served = serve(folder)
    stream = served.stream("first")
    assert stream.until("gone")[-1].data == {"there": False, "reason": "it is not there"}
    begun = subprocess.Popen([sys.executable, "-c", WRITE, path, "0", "0", "begun"])
    assert stream.until("gone", there=True)[-1].data["reason"] == "it is there"
    assert list(stream) == []  # ended in order
    assert begun.wait(SECONDS) == 0
    frames = served.get("/api/document", kind="run", name="first")[1]["frame"]
    stream = served.stream("first", after=frames)
    writing = subprocess.Popen([sys.executable, "-c", WRITE, path, "0", "200", "done"])
    found = ids(stream.until("status", status="done"))
    assert writing.wait(SECONDS) == 0
    with open_run(path) as run:
        assert found == [id for id, _ in run.frames() if id > frames]
        assert len(found) > 200  # one tells that the run was resumed
        assert all(
            is_lawful(one) for _, one in run.frames() if not any(e.kind == "resumed" for e in one.events)
        )


def test_nothing_is_kept_open_so_a_run_ends_as_one_file(serve, folder, path, writer):
    stream = serve(folder).stream("first")
    stream.until("status")
    writer.write([lawful(2)])
    stream.until("frame", id=3)
    writer.finish()
    stream.until("status", status="finished")
    assert [one.name for one in path.parent.iterdir()] == ["run.db"]


def test_a_rewind_is_passed_on(serve, folder, writer):
    stream = serve(folder).stream("first")
    stream.until("status")
    writer.rewind(0)
    writer.write([lawful(1)])
    first, second = (stream.until("frame")[-1] for _ in range(2))
    assert first.data["events"][0]["kind"] == "rewound"
    assert first.data["events"][0]["data"]["step"] == 0
    assert (second.id, second.data["step"]) == (4, 1)


def test_a_run_that_is_removed_and_comes_back_is_told(serve, folder, path, writer):
    stream = serve(folder).stream("first")
    stream.until("status")
    shutil.rmtree(path.parent)
    assert stream.until("gone")[-1].data == {"there": False, "reason": "it is not there"}
    with RunWriter(path) as other:
        other.write([lawful(0)])
    assert stream.until("gone")[-1].data == {"there": True, "reason": "it is there"}
    assert list(stream) == []


@pytest.mark.parametrize("keep", [False, True])
def test_a_run_that_is_replaced_between_two_looks_is_another_one(serve, folder, path, writer, keep):
    """Even where its file keeps its number, which file systems give to a new file at once."""
    stream = serve(folder).stream("first")
    stream.until("status")
    writer.finish()
    stream.until("status", status="finished")
    other = folder.parent / "other.db"
    with RunWriter(other) as made:
        made.write([lawful(step) for step in range(5)])
    if keep:
        path.write_bytes(other.read_bytes())
    else:
        other.replace(path)
    assert stream.until("gone", there=True)[-1].data["reason"] in ("another run has its name", "it is there")
    assert list(stream) == []


def test_a_reader_of_another_run_is_told_so(serve, folder, writer, path):
    served = serve(folder)
    started = served.get("/api/document", kind="run", name="first")[1]["started"]
    for query in ({"after": 3}, {"after": 1, "started": started + 1}):
        stream = served.stream("first", **query)
        assert [event.data for event in stream] == [{"there": True, "reason": "another run has its name"}]
    stream = served.stream("first", last=99, after=1)
    assert [event.name for event in stream] == ["gone"]
    assert ids(served.stream("first", after=1, started=repr(started)).until("status")) == [2]


def test_whoever_lags_far_behind_loads_the_document_anew(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(streams, "MOST_BEHIND", 3)
    writer.write([lawful(2), lawful(3)])
    served = serve(folder)
    assert ids(served.stream("first", after=1).until("status")) == [2, 3, 4]
    (gone,) = served.stream("first")
    assert gone.data == {"there": True, "reason": "more than 3 frames are new"}


def test_a_damaged_run_is_told_and_waited_for(serve, folder, path):
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    served = serve(folder)
    stream = served.stream("first")
    assert stream.until("gone")[-1].data == {"there": False, "reason": "it is no SQLite file"}
    path.unlink()
    RunWriter(path).close()
    assert stream.until("gone")[-1].data["there"] is True


def test_a_fault_of_our_own_is_told_once_and_passes(serve, folder, writer, monkeypatch, capfd):
    broken, often = threading.Event(), threading.Semaphore(0)
    real = looking.look

    def look(*args):
        if broken.is_set():
            often.release()
            raise KeyError("x")
        return real(*args)

    monkeypatch.setattr(looking, "look", look)
    stream = serve(folder).stream("first")
    stream.until("status")
    broken.set()
    assert stream.until("gone")[-1].data == {"there": False, "reason": faults.found(KeyError("x"))}
    for _ in range(4):
        assert often.acquire(timeout=SECONDS)
    broken.clear()
    assert stream.until("gone")[-1].data["there"] is True
    assert (
        capfd.readouterr().err.count("triplepoint: follow first: a bug in triplepoint, KeyError: 'x'.") == 1
    )


def test_what_is_no_longer_kept_is_read_from_the_file(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(tails, "_MOST_FRAMES", 3)
    monkeypatch.setattr(looking, "AT_ONCE", 4)
    writer.write([lawful(step) for step in range(2, 30)])
    served = serve(folder)
    first = served.stream("first", after=30)
    first.until("status")
    writer.write([lawful(step) for step in range(30, 45)])
    assert ids(first.until("frame", id=45)) == [*range(31, 46)]
    assert ids(served.stream("first", after=2).until("status")) == [*range(3, 46)]
    assert ids(served.stream("first", after=42).until("status")) == [43, 44, 45]
    (tail, _, _) = served.page._tails._open["first"]
    assert len(tail._kept) <= 3
    assert tail._bytes == sum(len(sent.data) for sent in tail._kept)


def test_what_is_kept_is_bounded_in_bytes(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(tails, "_MOST_BYTES", 50_000)
    monkeypatch.setattr(looking, "MOST_BYTES", 20_000)
    served = serve(folder)
    stream = served.stream("first", after=2)
    stream.until("status")
    writer.write(
        [frame(step, events=[Event("long", "x" * 1500 * (step % 7 + 1), step)]) for step in range(2, 200)]
    )
    assert ids(stream.until("frame", id=200)) == [*range(3, 201)]
    (tail, _, _) = served.page._tails._open["first"]
    assert 0 < tail._bytes <= 50_000


def test_a_reader_that_reads_nothing_holds_up_nobody(serve, folder, writer, monkeypatch):
    """Twenty megabytes are more than sockets hold; the slow one gets all of them in the end."""
    served = serve(folder)
    slow, quick = served.stream("first", after=2), served.stream("first", after=2)
    slow.until("status")
    quick.until("status")
    for step in range(2, 102):
        writer.write([big(step)])
    assert ids(quick.until("frame", id=102)) == [*range(3, 103)]
    (tail, _, _) = served.page._tails._open["first"]
    assert tail._bytes <= tails._MOST_BYTES
    assert ids(slow.until("frame", id=102)) == [*range(3, 103)]


def test_a_reader_that_is_stuck_loses_its_place(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(streams, "_STUCK_SECONDS", 0.1)
    served = serve(folder)
    stream = served.stream("first", after=2)
    while served.page._tails.streams:
        writer.write([big(2)])
    stream.close()


def test_silence_is_filled_so_that_dead_connections_are_found(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.02)
    stream = serve(folder).stream("first", after=2)
    stream.until("status")
    while stream.comments < 3:
        assert stream.response.readline()[:1] in (b":", b"\n")
        stream.comments += 1


def test_streams_share_one_look_and_it_ends_with_the_last(serve, folder, writer):
    served = serve(folder)
    made = [served.stream("first", after=k % 3) for k in range(10)]
    for stream in made:
        stream.until("status")
    assert len(served.page._tails._open) == 1
    assert served.page._tails.streams == 10
    (_, task, _) = served.page._tails._open["first"]
    for stream in made:
        stream.close()
    writer.write([lawful(2)])
    while served.page._tails._open or not task.done():
        assert served.get("/api/runs")[0] == 200
    assert task.cancelled()


def test_streams_beyond_the_bound_are_refused_in_a_sentence(serve, folder, writer, monkeypatch):
    monkeypatch.setattr(tails, "MOST_STREAMS", 2)
    served = serve(folder)
    made = [served.stream(name) for name in ("first", "other")]
    made[0].until("status")
    made[1].until("gone")
    status, found = served.get("/api/stream", name="first")
    assert (status, found["found"]) == (503, "2 pages follow runs already")
    made[1].close()
    while served.page._tails.streams > 1:
        served.get("/api/runs")
    served.stream("first").until("status")


def test_a_look_at_the_head_of_a_stream_ends(serve, folder, writer):
    served = serve(folder)
    connection = http.client.HTTPConnection("127.0.0.1", served.address.port, timeout=SECONDS)
    connection.request("HEAD", "/api/stream?name=first", headers=AUTHORIZED)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")
    assert served.page._tails.streams == 0
    connection.close()


def test_streams_end_in_order_when_the_server_stops(serve, folder, writer):
    served = serve(folder)
    made = [served.stream("first"), served.stream("none")]
    made[0].until("status")
    made[1].until("gone")
    served.end()
    assert [list(stream) for stream in made] == [[], []]
