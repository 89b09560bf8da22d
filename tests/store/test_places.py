"""Claim: a word is the name of a run, everything else is a path, and what is there is found by either."""

from __future__ import annotations

from pathlib import Path

import pytest

from triplepoint.errors import UsageError
from triplepoint.store import find, place
from triplepoint.store.places import name_of


@pytest.mark.parametrize(
    ("run", "path"),
    [
        ("first", "runs/first/run.db"),
        ("first try", "runs/first try/run.db"),
        ("v1.2", "runs/v1.2/run.db"),
        ("first.db", "first.db"),
        ("a/first.SQLITE3", "a/first.SQLITE3"),
        ("out/first", "out/first/run.db"),
        ("./first", "first/run.db"),
        (".", "run.db"),
        ("..", "../run.db"),
        ("", "run.db"),
        (Path("first"), "first/run.db"),
        ("/data/first/", "/data/first/run.db"),
    ],
)
def test_where_a_run_will_lie(run, path):
    assert place(run) == Path(path)


def test_what_is_there_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("runs/a/run.db", "b/run.db", "c.db", "odd.name", "d.db/run.db"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for run, path in (
        *(("a", "runs/a/run.db"), ("b", "b/run.db"), ("c.db", "c.db"), ("odd.name", "odd.name")),
        *(("d.db", "d.db/run.db"), ("none", "runs/none/run.db"), ("runs/a", "runs/a/run.db")),
    ):
        assert find(run) == Path(path)
    (tmp_path / "a").mkdir()
    assert find("a") == Path("runs/a/run.db")  # a run under `runs` before a folder of that name


@pytest.mark.parametrize(("path", "name"), [("runs/a/run.db", "a"), ("x/b.db", "b"), ("/c/run.db", "c")])
def test_what_a_run_is_called(path, name):
    assert name_of(Path(path)) == name


def test_what_is_no_path_is_refused():
    with pytest.raises(UsageError, match="no path"):
        place(3)
