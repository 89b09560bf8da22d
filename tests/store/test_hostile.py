"""Claim: a file from anybody is read or refused in one line; nothing in it is run, followed or waited for."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys

import pytest

from tests.store.frames import frame, full, lawful, row
from triplepoint import open_run
from triplepoint.errors import TriplepointError, UnreadableRun, UsageError
from triplepoint.records import Alert, Event, ScalarPoint, Severity
from triplepoint.store import RunWriter, connecting, export, listing, schema


@pytest.fixture
def path(tmp_path):
    """A small whole run."""
    path = tmp_path / "run.db"
    with RunWriter(path, configuration={"lr": 1e-3}) as writer:
        alert = Alert("rule", Severity.error, 0, "bad", "m0", evidence={"x": 1})
        writer.write([lawful(0), frame(1, alerts=[alert], scalars=[ScalarPoint("train_loss", 1, 2.0)])])
    return path


def change(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def read_all(path) -> None:
    """Everything that a reader can ask."""
    with open_run(path) as run:
        run.frames(most=10**6)
        list(run.visits(spectra=True))
        for _ in export.lines(run):
            pass
        for matrix in run.matrices:
            run.row(matrix)
            run.spectrum(matrix)
            for name in run.metric_names:
                run.trajectory(name, matrix)
        for name in run.scalar_names:
            run.trajectory(name)
            run.last_value(name)
        _ = (run.status, run.steps, run.last_step, run.last_time, run.raised, run.counts(), run.check())
        _ = (run.configuration, run.provenance, repr(run))


def test_the_run_is_whole_before_it_is_harmed(path):
    read_all(path)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: p.mkdir(), r"there is no .*run\.db"),
        (os.mkfifo, "no ordinary file"),
        (lambda p: p.symlink_to("/dev/zero"), "no ordinary file"),
        (lambda p: p.touch(), "it is empty"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(200)), "no SQLite file"),
        (lambda p: p.write_bytes(b"SQLite format 3\x00"), "another program"),
        (lambda p: sqlite3.connect(p).executescript("CREATE TABLE t (x);").close(), "another program"),
        (lambda p: None, "there is no|No such file"),
        (lambda p: p.symlink_to(p.name), "there is no|Too many levels"),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path, make, word):
    path = tmp_path / "run.db"
    made = make(path)
    del made
    with pytest.raises((UnreadableRun, UsageError), match=word) as caught:
        open_run(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (x)",
        "CREATE VIEW extra AS SELECT load_extension('/tmp/evil.so')",
        "CREATE TRIGGER extra AFTER INSERT ON frames BEGIN DELETE FROM visits; END",
        "CREATE INDEX extra ON frames (abs(step))",
        "ALTER TABLE frames ADD COLUMN evil TEXT DEFAULT 'x'",
        "DROP VIEW metric_values",
        "DROP TABLE events",
        "CREATE VIRTUAL TABLE extra USING fts5(x)",
    ],
)
def test_a_schema_that_is_not_ours_is_refused_before_anything_is_read(path, statement):
    change(path, statement)
    for call in (lambda: open_run(path), lambda: RunWriter(path, resume=True)):
        with pytest.raises(UnreadableRun, match="is not that of version 1"):
            call()


def test_a_table_that_became_a_view_is_never_asked(path):
    """The worst case: a view under the name of a table, with code of the stranger's choice in it."""
    change(
        path,
        "DROP TABLE events",
        "CREATE VIEW events AS SELECT 1 AS frame, 1 AS place, 1 AS step, 'k' AS kind, 't' AS text, "
        "(WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r) AS data",
    )
    with pytest.raises(UnreadableRun, match=r"events' is not that of version 1"):
        open_run(path)


@pytest.mark.parametrize(
    ("version", "word"),
    [(0, "which never was"), (-1, "which never was"), (2, "reads up to 1"), (2**31 - 1, "reads up to 1")],
)
def test_versions_that_are_not_ours_are_refused(path, version, word):
    change(path, f"PRAGMA user_version = {version}")
    with pytest.raises(UnreadableRun, match=f"version {version}.*{word}"):
        open_run(path)


def test_a_reader_cannot_write(path):
    with open_run(path) as run, pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
        run._connection.execute("DELETE FROM frames")
    before = path.read_bytes()
    read_all(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", ["-wal", "-journal", "-shm"])
def test_a_companion_that_is_a_link_is_not_followed(path, tmp_path, ending):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.with_name(path.name + ending).symlink_to(victim)
    for call in (lambda: open_run(path), lambda: RunWriter(path, resume=True)):
        with pytest.raises(UnreadableRun, match="is a link or device"):
            call()
    assert victim.read_bytes() == b"precious"


DAMAGES = [
    ("UPDATE visits SET kind = 'other'", "frames"),
    ("UPDATE visits SET rest = '{'", "frames"),
    ("UPDATE visits SET rest = '[]'", "frames"),
    ("UPDATE visits SET rest = x'ff'", "frames"),
    ("UPDATE visits SET status = 'odd'", "frames"),
    ("UPDATE visits SET phase = 'plasma'", "frames"),
    ("UPDATE visits SET change = 'x'", "frames"),
    ("UPDATE visits SET step = 'x'", "frames"),
    ("UPDATE visits SET seconds = 9e999", "frames"),
    ("UPDATE measurements SET value = 'x'", "trajectory"),
    ("UPDATE measurements SET value = 9e999", "trajectory"),
    (
        "UPDATE measurements SET metric = 999999 WHERE metric = (SELECT max(metric) FROM measurements)",
        "frames",
    ),
    ("UPDATE measurements SET reason = 'because'", "frames"),
    ("UPDATE names SET name = x'ff' WHERE id = 1", "frames"),
    ("UPDATE names SET name = CAST(x'ff' AS TEXT) WHERE id = 1", "frames"),
    ("UPDATE matrices SET identity = '{}'", "frames"),
    ("UPDATE matrices SET identity = '{\"shape\": 3}'", "matrices"),
    ("UPDATE matrices SET name = x'35' WHERE id = 1", "frames"),
    ("UPDATE scalars SET count = 'many'", "frames"),
    ("UPDATE scalars SET value = 'x'", "scalar"),
    ("UPDATE scalars SET name = 77 WHERE name = 1", "frames"),
    ("UPDATE alerts SET severity = 'loud'", "alerts"),
    ("UPDATE alerts SET evidence = 'x'", "alerts"),
    ("UPDATE events SET data = '[1]'", "events"),
    ("UPDATE events SET data = printf('%.*c', 100000, '[')", "events"),
    (
        "UPDATE events SET data = '{\"x\": ' || replace(hex(zeroblob(600)), '00', '[') || "
        "replace(hex(zeroblob(600)), '00', ']') || '}'",
        "events",
    ),
    ("UPDATE run SET value = '{'", "configuration"),
    ("UPDATE spectra SET counts_type = '|O'", "spectra"),
    ("UPDATE spectra SET tail = x'0102'", "spectra"),
    ("UPDATE spectra SET counts = 'x'", "spectra"),
    ("UPDATE full_spectra SET sigma = x'0000807f'", "spectra"),
    ("UPDATE frames SET time = 'x'", "frames"),
]


@pytest.mark.parametrize(("statement", "asked"), DAMAGES)
def test_a_value_that_does_not_fit_is_refused_in_one_line(path, statement, asked):
    change(path, statement)
    calls = {
        "frames": lambda run: run.frames(),
        "trajectory": lambda run: run.trajectory("alpha", "m0"),
        "scalar": lambda run: run.trajectory("a"),
        "matrices": lambda run: run.matrices,
        "spectra": lambda run: run.spectra("m0"),
        "alerts": lambda run: run.alerts,
        "events": lambda run: run.events,
        "configuration": lambda run: run.configuration,
    }
    with open_run(path) as run, pytest.raises(UnreadableRun) as caught:
        calls[asked](run)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(UnreadableRun):
        read_all(path)


def test_infinities_in_free_text_become_nothing(path):
    change(
        path, "UPDATE events SET data = '{\"x\": 1e999}'", "UPDATE alerts SET evidence = '{\"x\": -1e999}'"
    )
    with open_run(path) as run:
        assert run.events[0].data == {"x": None}
        assert run.alerts[0].evidence == {"x": None}
        assert len(list(export.lines(run))) > 10


def refuses(call, path) -> bool:
    """Whether it was refused in one line; every other error is one of ours."""
    try:
        call(path)
    except TriplepointError as error:
        return len(str(error).splitlines()) == 1 or pytest.fail(str(error))
    return False


def go_on(path) -> None:
    with RunWriter(path, resume=True) as writer:
        writer.write([lawful(50)])


def test_mutants_are_read_or_refused_and_never_anything_else(path, tmp_path):
    """Bytes changed and cut at random: every outcome is a value or one line, for readers, lists and writers."""
    whole, refused = path.read_bytes(), 0
    rng = random.Random(7)
    target = tmp_path / "mutants" / "x" / "run.db"
    target.parent.mkdir(parents=True)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 30))):
            at = rng.randrange(100, len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at : at + 4] = rng.choice((b"\x00" * 4, b"\xff" * 4, rng.randbytes(4)))
            elif kind == 2:
                page = at // schema.PAGE_SIZE * schema.PAGE_SIZE
                data[page : page + 8] = rng.randbytes(8)
            elif rng.random() < 0.2:
                del data[at:]
                break
        target.write_bytes(data)
        refused += refuses(read_all, target)
        (entry,) = listing.runs(target.parents[1])
        assert entry.name == "x"
        refuses(go_on, target)
        for left in target.parent.iterdir():
            left.unlink()
    assert refused > 20


def test_a_commit_that_was_killed_without_a_log_is_undone_by_the_reader(tmp_path):
    """Killed in the middle of a transaction on a network file system: the journal lies beside the file."""
    code = (
        "import os, sys\nfrom triplepoint.store import RunWriter, connecting\n"
        "from tests.store.frames import lawful\n"
        "writer = RunWriter(sys.argv[1], log=False)\n"
        "writer.write([lawful(0)])\n"
        "connection = writer._connection\n"
        "connection.execute('PRAGMA cache_size = 1')\n"  # spill to the file before the commit
        "connection.execute('BEGIN IMMEDIATE')\n"
        "for step in range(1, 60):\n    writer._appender(writer._now()).append(lawful(step))\n"
        "os._exit(1)"
    )
    path = tmp_path / "run.db"
    subprocess.run([sys.executable, "-c", code, path], check=False, timeout=60)
    assert path.with_name("run.db-journal").stat().st_size > 0
    with open_run(path) as run:
        assert [found.step for _, found in run.frames()][-1] == 0
        assert run.check() is None
        with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
            run._connection.execute("DELETE FROM frames")


def test_a_file_in_a_folder_that_cannot_be_written_is_read_all_the_same(path, monkeypatch):
    """Root may write everywhere, so SQLite's answer to a folder that is closed is imitated."""
    real, modes = connecting._connect, []

    def connect(path, mode):
        modes.append(mode)
        if mode == "ro":
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return real(path, mode)

    monkeypatch.setattr(connecting, "_connect", connect)
    with open_run(path) as run:
        assert run.last_step == 1
    assert modes == ["ro", "ro&immutable=1"]
    path.with_name("run.db-wal").write_bytes(b"x")
    with pytest.raises(UsageError, match="unable to open"):
        open_run(path)


def test_a_blob_beyond_all_bounds_is_not_read(path, monkeypatch):
    monkeypatch.setattr(connecting, "_LARGEST", 20_000)
    change(path, "UPDATE full_spectra SET sigma = zeroblob(30000)")
    with open_run(path) as run, pytest.raises(UnreadableRun, match="too big"):
        run.spectra("m0")


def test_names_with_wildcards_and_odd_characters_are_opened(tmp_path):
    for name in ("a?b", "a#b", "50%", "ü", "a b", "'; DROP TABLE frames; --"):
        with RunWriter(tmp_path / name / "run.db") as writer, open_run(tmp_path / name) as run:
            writer.write([frame(0, events=[Event("x", name)], visits=[full(0, row(name))])])
            assert run.name == name
            assert run.last_step == 0
