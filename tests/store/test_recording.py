"""Claim: handing over a frame never waits; what finds no room is counted; no fault ends the thread."""

from __future__ import annotations

import threading
import time

import pytest

from tests.store.frames import frame, lawful
from triplepoint import open_run
from triplepoint.records import ScalarPoint, Visit, VisitKind
from triplepoint.store import Recorder, RunWriter


def until(holds) -> None:
    """Wait for another thread, but not for ever."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


class Gate:
    """A consumer that stands still until it is opened."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, frames) -> None:
        self.entered.set()
        assert self.opened.wait(30)
        self.batches.append([one.step for one in frames])

    @property
    def steps(self) -> list[int]:
        return [step for batch in self.batches for step in batch]


def test_what_waits_goes_in_one_call_and_in_order():
    gate = Gate()
    recorder = Recorder(gate, pause=0.0)
    recorder.put(frame(0))
    assert gate.entered.wait(30)
    assert all(recorder.put(frame(step)) for step in range(1, 6))
    gate.opened.set()
    assert recorder.close(30) is True
    assert gate.batches == [[0], [1, 2, 3, 4, 5]]
    assert (recorder.dropped_frames, recorder.faults) == (0, 0)


def test_a_full_queue_drops_and_counts_and_takes_again_when_there_is_room():
    gate = Gate()
    recorder = Recorder(gate, most=2, pause=0.0)
    recorder.put(frame(0))
    assert gate.entered.wait(30)
    points = [ScalarPoint("x", 5, 1.0, count=7), ScalarPoint("y", 5, 1.0)]
    visits = [Visit(5, "m", VisitKind.unchanged)] * 3
    taken = [recorder.put(frame(step, scalars=points, visits=visits)) for step in range(1, 5)]
    assert taken == [True, True, False, False]
    assert (recorder.dropped_frames, recorder.dropped_scalars, recorder.dropped_visits) == (2, 16, 6)
    gate.opened.set()
    until(lambda: recorder.put(frame(9)))
    assert recorder.close(30) is True
    assert gate.steps[:3] == [0, 1, 2]
    assert gate.batches[-1][-1] == 9


def test_putting_does_not_wait_for_a_consumer_that_stands_still():
    gate = Gate()
    recorder = Recorder(gate, most=50, pause=0.0)
    threads = [
        threading.Thread(target=lambda: [recorder.put(frame(k)) for k in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert recorder.dropped_frames >= 4 * 200 - 50 - 50
    assert recorder.close(0.01) is False
    gate.opened.set()
    assert recorder.close(30) is True
    assert len(gate.steps) + recorder.dropped_frames == 800


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_a_fault_costs_its_own_call_and_is_counted(error):
    seen = []

    def consume(frames):
        seen.extend(one.step for one in frames)
        if seen == [0]:
            raise error

    recorder = Recorder(consume, pause=0.0)
    recorder.put(frame(0))
    until(lambda: recorder.faults)
    recorder.put(frame(1))
    assert recorder.close(30)
    assert seen == [0, 1]
    assert (recorder.faults, recorder.fault) == (1, error)


def test_frames_that_follow_closely_share_a_call_and_closing_does_not_wait_for_the_pause():
    batches = []
    recorder = Recorder(batches.append, pause=1000.0)
    recorder.put(frame(0))
    until(lambda: batches)
    for step in range(1, 4):
        recorder.put(frame(step))
    assert recorder.close(30) is True
    assert [[one.step for one in batch] for batch in batches] == [[0], [1, 2, 3]]
    assert recorder.put(frame(9)) is False
    assert recorder.close() is True


def test_the_cpu_time_is_that_of_the_thread():
    def burn(_):
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    recorder = Recorder(burn)
    recorder.put(frame(0))
    recorder.close(30)
    assert recorder.cpu_seconds >= 0.05


def test_a_run_is_written_behind_the_queue(tmp_path):
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        recorder = Recorder(writer.write, pause=0.0)
        assert all(recorder.put(lawful(step)) for step in range(100))
        assert recorder.close(30)
        assert [one.step for _, one in run.frames()] == list(range(100))
        assert run.check() is None
