"""Claim: a child made by `fork`, as of a data loader, neither writes nor closes nor locks what is the parent's."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import warnings

import pytest

from tests.store.frames import is_lawful, lawful
from triplepoint import open_run
from triplepoint.errors import UsageError
from triplepoint.store import Recorder, RunWriter, locks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def in_child(work) -> int:
    """The exit code of a child that does `work` and ends as an interpreter ends, destructors included."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # later versions of Python warn of fork beside threads
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def holds(path) -> bool:
    """Whether this process has the file open, as far as the kernel says."""
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        return True
    return any(os.path.realpath(f"{folder}/{name}") == str(path) for name in os.listdir(folder))


def test_a_child_writes_nothing_and_closes_nothing(tmp_path):
    writer = RunWriter(tmp_path / "run.db")
    writer.write([lawful(0)])

    def work():
        nonlocal writer
        with pytest.raises(UsageError, match="belongs to the parent process"):
            writer.write([lawful(1)])
        with pytest.raises(UsageError, match="belongs to the parent process"):
            writer.rewind(0)
        writer.close()
        writer.finish()
        del writer
        gc.collect()
        assert holds(tmp_path / "run.db")

    assert in_child(work) == 0
    with open_run(tmp_path) as run:
        assert run.about["status"] == "running"
    assert locks.writing(tmp_path / "run.db") is locks.Writing.yes
    assert writer.write([lawful(2)])
    writer.close()
    with open_run(tmp_path) as run:
        assert [one.step for _, one in run.frames()] == [0, 2]
        assert all(is_lawful(one) for _, one in run.frames())
        assert run.check() is None


def test_a_child_puts_nothing_into_the_queue_even_where_it_was_locked(tmp_path):
    seen = []
    recorder = Recorder(seen.extend, pause=0.0)
    taken, done = threading.Event(), threading.Event()

    def hold():
        with recorder._guard:
            taken.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(30)

    def work():
        assert recorder.put(lawful(0)) is False
        assert recorder.close() is False

    assert in_child(work) == 0
    done.set()
    holder.join()
    assert recorder.put(lawful(1))
    assert recorder.close(30)
    assert [one.step for one in seen] == [1]


def test_a_child_reads_through_a_connection_of_its_own(tmp_path):
    writer = RunWriter(tmp_path / "run.db")
    writer.write([lawful(0)])
    run = open_run(tmp_path)
    assert run.last_step == 0
    before = run._connection

    def work():
        assert run._connection is None
        assert run.last_step == 0
        assert run._connection is not before

    assert in_child(work) == 0
    writer.write([lawful(1)])
    assert run.last_step == 1
    run.close()
    writer.close()


def test_a_killed_run_is_not_locked_by_workers_that_live_on(tmp_path):
    code = (
        "import os, sys, time\nfrom triplepoint.store import RunWriter\n"
        "writer = RunWriter(sys.argv[1])\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    time.sleep(60)\n    os._exit(0)\n"
        "print(pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run.db"], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    try:
        assert locks.writing(tmp_path / "run.db") is locks.Writing.yes
        parent.kill()
        parent.wait()
        os.kill(child, 0)  # it lives
        with RunWriter(tmp_path / "run.db", resume=True) as writer:
            assert writer.write([lawful(0)])
    finally:
        os.kill(child, 9)
        parent.kill()
        parent.stdout.close()
        parent.wait()


def test_a_fork_in_the_middle_of_writing_harms_neither_side(tmp_path):
    """Many forks while the recorder's thread writes: the parent's file stays whole."""
    writer = RunWriter(tmp_path / "run.db")
    recorder = Recorder(writer.write, pause=0.0)
    end = time.monotonic() + 0.5
    step = 0
    while time.monotonic() < end:
        for _ in range(5):
            step += recorder.put(lawful(step))
        assert in_child(lambda: (recorder.put(lawful(0)), writer.close())) == 0
    assert recorder.close(30)
    writer.close()
    with open_run(tmp_path) as run:
        assert [one.step for _, one in run.frames(most=10**6)] == list(range(step))
        assert run.check() is None
