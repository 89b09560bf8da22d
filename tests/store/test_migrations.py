"""Claim: a file of an older version is brought to this one by a writer and read through a copy by a reader; a newer
one is refused. The witness of the schema is a file made in one go."""

from __future__ import annotations

import sqlite3

import pytest

from tests.store.frames import is_lawful, lawful
from triplepoint import open_run
from triplepoint.errors import UnreadableRun
from triplepoint.store import RunWriter, connecting, schema

NEXT = """
ALTER TABLE frames ADD COLUMN host TEXT;
CREATE TABLE remarks (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
UPDATE frames SET host = 'before; the step';
INSERT INTO remarks (text) SELECT 'frame ' || id FROM frames;
"""


@pytest.fixture
def old(tmp_path):
    """A finished run of version 1, whose tables are the first step as it was released."""
    path = tmp_path / "run.db"
    with RunWriter(path) as writer:
        writer.write([lawful(step) for step in range(5)])
    return path


@pytest.fixture
def newer(old, monkeypatch):
    """The same under a release that knows one step more."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, NEXT))
    return old


def version(path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return found


def test_the_first_version_is_what_was_released():
    """Never edit a step: files of it lie on disks. A change of the tables is another step."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema.STEPS[0])
    tables = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    assert [name for (name,) in connection.execute(tables)] == [
        *(
            "alerts",
            "events",
            "frames",
            "full_spectra",
            "leading",
            "matrices",
            "measurements",
            "metric_values",
        ),
        *("names", "run", "scalar_values", "scalars", "spectra", "visits", "visits_of_frame"),
    ]
    connection.close()


def test_a_writer_brings_an_older_file_to_its_version(newer):
    assert version(newer) == 1
    connection = connecting.writer(newer)
    found = schema.objects(connection)
    assert connection.execute("SELECT text FROM remarks ORDER BY id").fetchall() == [
        (f"frame {k}",) for k in range(1, 6)
    ]
    assert set(connection.execute("SELECT host FROM frames")) == {("before; the step",)}
    connection.close()
    assert version(newer) == 2
    assert found == schema.expected(2)
    connecting.create(newer.with_name("new.db"), {})
    made = connecting.writer(newer.with_name("new.db"))
    assert schema.objects(made) == found
    made.close()


def test_a_reader_reads_an_older_file_and_leaves_it_as_it_is(newer):
    before = newer.read_bytes()
    with open_run(newer) as run:
        assert [frame.step for _, frame in run.frames()] == list(range(5))
        assert all(is_lawful(frame) for _, frame in run.frames())
        assert run.status == "stopped"
        assert schema.objects(run._connection) == schema.expected(2)
    assert newer.read_bytes() == before
    assert [path.name for path in newer.parent.iterdir()] == ["run.db"]


def test_a_step_that_fails_leaves_the_old_file(old, monkeypatch):
    monkeypatch.setattr(
        schema, "STEPS", (*schema.STEPS, "CREATE TABLE a (b); INSERT INTO nowhere VALUES (1);")
    )
    with pytest.raises(UnreadableRun, match="no such table"):
        RunWriter(old, resume=True)
    monkeypatch.undo()
    assert version(old) == 1
    with RunWriter(old, resume=True) as writer:
        assert writer.write([lawful(5)])


def test_a_newer_file_is_refused_in_one_line(newer, monkeypatch):
    connecting.writer(newer).close()
    monkeypatch.undo()
    for call in (lambda: open_run(newer), lambda: RunWriter(newer, resume=True)):
        with pytest.raises(UnreadableRun, match=r"version 2 and this release reads up to 1.*pip install"):
            call()
