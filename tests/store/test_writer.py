"""Claim: one writer a run, whole frames, and trouble with the disk costs time or is counted, never raised."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.frames import frame, full, is_lawful, lawful, row
from triplepoint import open_run
from triplepoint.errors import UnreadableRun, UsageError
from triplepoint.records import Event, ScalarPoint, Visit, VisitKind
from triplepoint.store import RunWriter, connecting, locks, writer
from triplepoint.store.filesystems import FileSystem

TABLES = (
    *(
        "frames",
        "scalars",
        "visits",
        "measurements",
        "spectra",
        "full_spectra",
        "leading",
        "alerts",
        "events",
    ),
    *("names", "matrices"),
)


def contents(path: Path) -> dict[str, list[tuple]]:
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    connection.close()
    return found


def test_a_second_writer_is_refused_in_one_line_and_harms_nothing(tmp_path):
    path = tmp_path / "run.db"
    with RunWriter(path) as first:
        for resume in (False, True):
            with pytest.raises(UsageError, match=rf"another process writes it \(process {os.getpid()} on "):
                RunWriter(path, resume=resume)
        assert first.write([lawful(0)])
    with RunWriter(path, resume=True) as second, open_run(path) as run:
        assert second.write([lawful(1)])
        assert [found.step for _, found in run.frames()][:2] == [0, 0]
        assert run.last_step == 1


def test_the_lock_leaves_nothing_and_a_killed_one_binds_nobody(tmp_path):
    path = tmp_path / "run.db"
    RunWriter(path).close()
    assert os.listdir(tmp_path) == ["run.db"]
    locks.beside(path).write_text('{"pid": 1, "host": "gone"}')
    assert locks.writing(path) is locks.Writing.no
    with RunWriter(path, resume=True):
        assert locks.writing(path) is locks.Writing.yes
    assert os.listdir(tmp_path) == ["run.db"]


def test_a_reader_that_asks_for_the_writer_disturbs_no_writer_that_begins(tmp_path, monkeypatch):
    path = tmp_path / "run.db"
    RunWriter(path).close()
    real, asked = locks.claim, []

    def claim(file, *, shared=False):
        asked.append(shared)
        return locks.Claim.theirs if len(asked) < 3 else real(file, shared=shared)

    monkeypatch.setattr(locks, "claim", claim)
    RunWriter(path, resume=True).close()
    assert len(asked) == 3


def test_a_lock_whose_file_was_just_removed_is_taken_again(tmp_path, monkeypatch):
    path = tmp_path / "run.db"
    real = locks.claim

    def claim(file, *, shared=False):
        monkeypatch.setattr(locks, "claim", real)
        locks.beside(path).unlink()  # as a writer that ends between our open and our claim
        return real(file, shared=shared)

    monkeypatch.setattr(locks, "claim", claim)
    with RunWriter(path):
        assert locks.beside(path).exists()
        with pytest.raises(UsageError, match="another process"):
            RunWriter(path, resume=True)


def test_a_run_that_is_there_is_neither_overwritten_nor_taken_for_new(tmp_path):
    path = tmp_path / "a" / "b" / "run.db"
    with RunWriter(path, configuration={"lr": 1}) as first:
        first.write([lawful(3)])
    with pytest.raises(UsageError, match="there is a file already"):
        RunWriter(path)
    with RunWriter(path, resume=True, configuration={"lr": 2}, provenance={"v": 2}):
        pass
    with open_run(path) as run:
        assert run.configuration == {"lr": 1}
        assert run.events[-1] == Event(
            "resumed",
            "resumed after step 3",
            None,
            {"configuration": {"lr": 2}, "provenance": {"v": 2}},
        )
    with RunWriter(
        tmp_path / "new.db", resume=True
    ) as begun:  # a job that is started again by the same words
        begun.write([lawful(0)])
    with open_run(tmp_path / "new.db") as run:
        assert [event.kind for event in run.events] == ["law"]


def test_the_status_says_how_a_run_ended(tmp_path):
    path = tmp_path / "run.db"
    written = RunWriter(path)
    with open_run(path) as run:
        assert (run.status, run.about["ended"]) == ("running", None)
        assert written.finish("failed") is True
        assert run.status == "failed"
        assert run.about["ended"] >= run.about["started"]
        with RunWriter(path, resume=True):
            assert (run.status, run.about["ended"]) == ("running", None)
        assert run.status == "stopped"
    written.close()
    with pytest.raises(UsageError, match="the run is closed"):
        written.write([lawful(0)])


def test_a_run_whose_writer_is_gone_has_crashed(tmp_path):
    code = (
        "import os, sys\nfrom triplepoint.store import RunWriter\nfrom tests.store.frames import lawful\n"
        "writer = RunWriter(sys.argv[1])\nwriter.write([lawful(0)])\nos._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "run.db"], check=False, timeout=60)
    with open_run(tmp_path) as run:
        assert run.status == "crashed"
        assert run.last_step == 0


def test_without_locks_a_long_silence_is_a_crash(tmp_path, monkeypatch):
    with RunWriter(tmp_path / "run.db") as written, open_run(tmp_path) as run:
        monkeypatch.setattr(locks, "writing", lambda path: locks.Writing.unknown)
        written.write([frame(0)])  # of the year 1970
        assert run.status == "crashed"
        monkeypatch.setattr("time.time", lambda: 1010.0)
        assert run.status == "running"


def test_rewinding_leaves_what_a_run_without_the_branch_has(tmp_path):
    """The witness is a run that never took the branch."""
    for name, steps in (("branched", range(20)), ("straight", range(8))):
        with RunWriter(tmp_path / f"{name}.db") as written:
            for step in steps:
                written.write([lawful(step)])
    with (
        RunWriter(tmp_path / "branched.db", resume=True) as written,
        open_run(tmp_path / "branched.db") as run,
    ):
        last = run.last_frame
        removed = written.rewind(7)
        assert removed == {"scalars": 36, "visits": 36, "alerts": 0, "events": 12, "frames": 12}
        assert run.events[-1].data == {"step": 7, **removed}
        ((id, news),) = run.frames(after=last)
        assert (id, news.step, news.events[0].kind) == (last + 1, 7, "rewound")
        written.write([lawful(8)])
        assert run.last_frame == last + 2
    with RunWriter(tmp_path / "straight.db", resume=True) as written:
        written.write([lawful(8)])
    found, expected = (contents(tmp_path / f"{name}.db") for name in ("branched", "straight"))
    # Ids of frames go on, as promised, so they are compared without.
    without_frame = {"visits": lambda entry: entry[:1] + entry[2:], "scalars": lambda entry: entry[1:]}
    for table in set(TABLES) - {"frames", "events"}:
        cut = without_frame.get(table, lambda entry: entry)
        assert [*map(cut, found[table])] == [*map(cut, expected[table])], table


def test_ids_of_frames_are_never_used_twice(tmp_path):
    with RunWriter(tmp_path / "run.db") as written, open_run(tmp_path) as run:
        written.write([lawful(step) for step in range(5)])
        written.rewind(1)
        written.write([lawful(2)])
        assert [id for id, _ in run.frames()] == [1, 2, 6, 7]


def test_frames_of_the_branch_that_wait_are_dropped_with_it(tmp_path, monkeypatch):
    with RunWriter(tmp_path / "run.db") as written, open_run(tmp_path) as run:
        real = connecting.transaction
        monkeypatch.setattr(connecting, "transaction", full_disk)
        assert written.write([lawful(3), lawful(8)]) is False
        monkeypatch.setattr(connecting, "transaction", real)
        written.rewind(5)
        written.write([lawful(6)])
        assert [found.step for _, found in run.frames()] == [5, 3, 6]


def test_rewinding_cuts_a_frame_that_reaches_over_the_step(tmp_path):
    points = [ScalarPoint("x", step, 1.0) for step in (4, 5, 6)]
    events = [Event("remark", "kept"), Event("late", "lost", 6)]
    with RunWriter(tmp_path / "run.db") as written, open_run(tmp_path) as run:
        written.write([frame(6, scalars=points, events=events, visits=[Visit(6, "m", VisitKind.unchanged)])])
        written.rewind(5)
        (_, found), _ = run.frames()
        assert (found.step, [point.step for point in found.scalars]) == (5, [4, 5])
        assert (found.events, found.visits) == ((Event("remark", "kept"),), ())


def test_a_full_disk_makes_frames_wait_and_the_run_says_so_afterwards(tmp_path):
    written = RunWriter(tmp_path / "run.db")
    (pages,) = written._connection.execute("PRAGMA page_count").fetchone()
    written._connection.execute(f"PRAGMA max_page_count = {pages}")
    with open_run(tmp_path) as run:
        step = 0
        while written.write([lawful(step)]):
            step += 1
        assert "full" in written.trouble
        assert written.write([lawful(step + 1)]) is False
        assert [found.step for _, found in run.frames()] == list(range(step))
        written._connection.execute("PRAGMA max_page_count = 1000000")
        assert written.write([lawful(step + 2)]) is True
        assert written.trouble is None
        found = [found for _, found in run.frames()]
        assert [one.step for one in found] == list(range(step + 3))
        assert all(is_lawful(one) for one in found[:-1])
        told = found[-1].events[-1]
        assert (told.kind, told.data) == ("store", {"waited": 3, "dropped": 0})
        assert written.dropped == 0
    written.close()


def test_what_waits_is_bounded_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "MOST_WAITING", 5)
    written = RunWriter(tmp_path / "run.db")
    monkeypatch.setattr(connecting, "transaction", full_disk)
    for step in range(8):
        assert written.write([lawful(step)]) is False
    assert written.dropped == 3
    monkeypatch.undo()
    assert written.write([lawful(9)]) is True
    with open_run(tmp_path) as run:
        assert [found.step for _, found in run.frames()] == [0, 1, 2, 3, 4, 9]
        assert run.events[-1].data == {"waited": 6, "dropped": 3}
    written.close()


def full_disk(connection: sqlite3.Connection):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def test_a_run_that_could_not_be_written_to_its_end_says_so_to_the_caller(tmp_path, monkeypatch):
    written = RunWriter(tmp_path / "run.db")
    monkeypatch.setattr(connecting, "transaction", full_disk)
    written.write([lawful(0)])
    assert written.finish() is False
    monkeypatch.undo()
    with open_run(tmp_path) as run:
        assert run.status == "crashed"


def test_a_reader_in_the_way_makes_frames_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.01)
    written = RunWriter(tmp_path / "run.db", log=False)
    reader = sqlite3.connect(tmp_path / "run.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM frames").fetchall()
    assert written.write([lawful(0)]) is False
    assert "locked" in written.trouble
    reader.close()
    assert written.write([lawful(1)]) is True
    with open_run(tmp_path) as run:
        assert [found.step for _, found in run.frames()][-2:] == [0, 1]
    written.close()


def test_an_impossible_value_costs_its_own_frame(tmp_path):
    with RunWriter(tmp_path / "run.db") as written, open_run(tmp_path) as run:
        impossible = frame(1, scalars=[ScalarPoint("x", 2**70, 1.0)])
        odd = frame(2, visits=[full(2, row(shape="x"))])
        assert written.write([lawful(0), impossible, odd, lawful(3)]) is True
        assert written.refused == 2
        found = [one for _, one in run.frames()]
        assert [one.step for one in found] == [0, 3, 3]
        assert all(map(is_lawful, found[:2]))
        assert found[2].events[0].kind == "fault"
        assert "could not be written: 2" in found[2].events[0].text
        written.write([lawful(4)])
        assert run.trajectory("alpha", "m0").steps.tolist() == [0, 3, 4]


def test_a_file_that_is_gone_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("triplepoint.store.writer.MOST_WAITING", 3)
    written = RunWriter(tmp_path / "run.db")
    (tmp_path / "run.db").unlink()
    for step in range(10):
        with pytest.raises(UsageError, match="removed or replaced"):
            written.write([lawful(step)])
    assert len(written._waiting) == 3
    assert written.dropped == 7


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_a_file_that_is_gone_is_not_written_into_the_void(tmp_path, way):
    written = RunWriter(tmp_path / "run.db")
    (tmp_path / "run.db").unlink()
    if way == "replaced":
        (tmp_path / "run.db").write_bytes(b"other")
    with pytest.raises(UsageError, match="removed or replaced"):
        written.write([lawful(0)])
    written.close()


def test_the_log_of_a_run_that_was_removed_is_not_played_into_the_next(tmp_path):
    path = tmp_path / "run.db"
    code = (
        "import os, sys\nfrom triplepoint.store import RunWriter\nfrom tests.store.frames import lawful\n"
        "writer = RunWriter(sys.argv[1])\nwriter.write([lawful(k) for k in range(40)])\nos._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False, timeout=60)
    assert (tmp_path / "run.db-wal").stat().st_size > 0
    path.unlink()
    with RunWriter(path) as written, open_run(path) as run:
        written.write([lawful(1)])
        assert [found.step for _, found in run.frames()] == [1]
        assert run.check() is None


def test_a_run_is_begun_whole_or_not_at_all(tmp_path, monkeypatch):
    """A kill at any moment of the beginning leaves no file under the name of the run, or all of an empty one."""
    path = tmp_path / "run.db"
    monkeypatch.setattr(connecting.schema, "migrate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        RunWriter(path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == []
    path.touch()  # as `mktemp` makes it
    with RunWriter(path) as written:
        assert written.write([lawful(0)])


def test_the_page_size_and_the_mark_of_the_file(tmp_path):
    RunWriter(tmp_path / "run.db").close()
    header = (tmp_path / "run.db").read_bytes()[:100]
    assert int.from_bytes(header[16:18], "big") == 16384
    assert header[68:72] == b"TrPt"
    assert int.from_bytes(header[60:64], "big") == 1
    assert header[18:20] == b"\x01\x01"  # no write-ahead log: one file that can be copied


def test_the_log_reaches_the_file_even_where_a_reader_stays(tmp_path):
    written = RunWriter(tmp_path / "run.db")
    with open_run(tmp_path) as run:
        written.write([lawful(0)])
        assert run.last_step == 0
        written.finish()
        copy = tmp_path / "copy.db"
        copy.write_bytes((tmp_path / "run.db").read_bytes())
    with open_run(copy) as run:
        assert (run.status, run.last_step) == ("finished", 0)


@pytest.mark.parametrize(
    ("on", "works", "mode"),
    [
        (FileSystem("ext4", False), True, "wal"),
        (FileSystem(None, False), True, "wal"),
        (FileSystem("nfs4", True), True, "delete"),
        (FileSystem("xfs", False), False, "wal"),
    ],
)
def test_a_network_gets_a_rollback_journal_and_the_run_says_so(tmp_path, monkeypatch, on, works, mode):
    if not works:
        monkeypatch.setattr(locks, "claim", lambda *_, **__: locks.Claim.unsupported)
    with RunWriter(tmp_path / "run.db", on=on) as written, open_run(tmp_path) as run:
        ask = written._connection.execute
        assert ask("PRAGMA journal_mode").fetchone() == (mode,)
        assert ask("PRAGMA synchronous").fetchone() == (1 if mode == "wal" else 2,)
        assert written.write([lawful(0)])
        told = [event for event in run.events if event.kind == "store"]
        assert written.log is (mode == "wal")
        assert [event.data for event in told] == (
            [] if written.log else [{"journal": "delete", "file_system": "nfs4"}]
        )


def test_a_network_without_locks_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "claim", lambda *_, **__: locks.Claim.unsupported)
    with pytest.raises(UsageError, match=r"locks do not work on this file system \(lustre\).*-o flock"):
        RunWriter(tmp_path / "run.db", on=FileSystem("lustre", True))
    assert os.listdir(tmp_path) == []


def test_a_journal_that_sqlite_does_not_give_is_not_believed_in(tmp_path):
    """In memory there is no log, whatever is asked for."""
    from triplepoint.store import journals

    connection = sqlite3.connect(":memory:")
    log, event = journals.choose(connection, True, FileSystem(None, False))
    assert (log, event.data) == (False, {"journal": "memory", "file_system": None})
    assert "SQLite gave memory" in event.text
    connection.close()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lock_or_run_that_is_no_file_is_refused(tmp_path, kind):
    make = {"link": lambda p: p.symlink_to("elsewhere"), "pipe": os.mkfifo, "folder": Path.mkdir}[kind]
    make(tmp_path / "run.db.lock")
    with pytest.raises(UsageError, match=r"run\.db\.lock beside it"):
        RunWriter(tmp_path / "run.db")
    (tmp_path / "target.db").touch()
    make(tmp_path / "other.db") if kind != "link" else (tmp_path / "other.db").symlink_to("target.db")
    with pytest.raises((UsageError, UnreadableRun), match=r"link|there is a file|no ordinary file"):
        RunWriter(tmp_path / "other.db", resume=True)
    assert locks.writing(tmp_path / "run.db") is locks.Writing.no


def test_the_note_of_a_lock_is_not_trusted(tmp_path):
    path = tmp_path / "run.db"
    with RunWriter(path):
        for text in (b"", b"[" * 400, b'{"pid": "x"}', json.dumps({"pid": 1}).encode(), b"\xff"):
            locks.beside(path).write_bytes(text)
            with pytest.raises(UsageError, match=r"another process writes it\. "):
                RunWriter(path, resume=True)
