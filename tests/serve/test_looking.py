"""Claim: a look costs what is new and no more, and never takes one run for another."""

from __future__ import annotations

import os

import pytest

from tests.store.frames import frame, lawful
from triplepoint.records import Event, ScalarPoint
from triplepoint.serve import looking
from triplepoint.serve.catalogue import Catalogue
from triplepoint.serve.looking import Look, look
from triplepoint.store import Run, RunWriter


@pytest.fixture
def path(folder):
    return folder / "first" / "run.db"


@pytest.fixture
def catalogue(folder):
    return Catalogue(folder)


@pytest.fixture
def opened(monkeypatch):
    """The runs that were opened."""
    made: list[object] = []
    monkeypatch.setattr(looking, "Run", lambda path: made.append(path) or Run(path))
    return made


def scalar(step: int):
    return frame(step, scalars=[ScalarPoint("train_loss", step, 1.0)])


def age(path, seconds: float) -> None:
    """As if the last change had been so long ago."""
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def test_the_first_look_says_only_how_far_the_run_is(path, catalogue):
    with RunWriter(path) as writer:
        writer.write([lawful(0), lawful(1)])
        found = look(catalogue, "first", Look())
        assert (found.last, found.frames, found.status, found.reason) == (2, (), "running", "")
        assert found.verdict.startswith("3 weight matrices")
        writer.write([lawful(2)])
        assert [sent.id for sent in look(catalogue, "first", found).frames] == [3]


def test_another_run_is_another_one_whatever_its_length(path, folder, catalogue):
    with RunWriter(path) as writer:
        writer.write([lawful(step) for step in range(9)])
    first = look(catalogue, "first", Look())
    assert first.last == 9
    with RunWriter(folder / "other" / "run.db") as writer:
        writer.write([lawful(0), lawful(1)])
    path.write_bytes((folder / "other" / "run.db").read_bytes())
    second = look(catalogue, "first", first)
    assert (second.last, second.frames) == (2, ())
    assert second.identity != first.identity
    assert (second.identity.device, second.identity.file) == (first.identity.device, first.identity.file)


def test_a_run_that_rests_is_not_opened(path, catalogue, opened):
    with RunWriter(path) as writer:
        writer.write([lawful(0)])
    found = look(catalogue, "first", Look())
    found = look(catalogue, "first", found)
    assert len(opened) == 2  # a change this young may not show in the time of the file
    age(path, 10)
    found = look(catalogue, "first", found)
    assert len(opened) == 3
    assert look(catalogue, "first", found) == found
    assert len(opened) == 3
    with RunWriter(path, resume=True) as writer:
        found = look(catalogue, "first", found)
        assert found.status == "running"
        age(path, 10)
        look(catalogue, "first", found)
        assert len(opened) == 5  # its writer may die without a change to the file


def test_a_verdict_is_asked_for_when_visits_came_and_not_all_the_time(path, catalogue, monkeypatch):
    now, asked = [100.0], []
    monkeypatch.setattr(looking.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        looking, "run_verdict", lambda run: asked.append(run.last_frame) or f"verdict {len(asked)}"
    )
    with RunWriter(path) as writer:
        writer.write([lawful(0)])
        found = look(catalogue, "first", Look())
        assert found.verdict == "verdict 1"
        writer.write([scalar(1)])
        now[0] += 100
        found = look(catalogue, "first", found)
        assert (found.verdict, found.last) == ("verdict 1", 2)  # scalars change no verdict
        writer.write([lawful(2)])
        found = look(catalogue, "first", found)
        assert found.verdict == "verdict 2"
        writer.write([lawful(3)])
        found = look(catalogue, "first", found)
        assert (found.verdict, found.last) == ("verdict 2", 4)  # too soon
        now[0] += 3
        found = look(catalogue, "first", found)
        assert found.verdict == "verdict 3"  # not forgotten
        writer.rewind(2)
        now[0] += 3
        found = look(catalogue, "first", found)
        assert found.verdict == "verdict 4"
        writer.write([lawful(3)])
        found = look(catalogue, "first", found)
        writer.finish()
    assert look(catalogue, "first", found).verdict == "verdict 5"  # an end waits for nothing
    assert asked == [1, 3, 4, 5, 6]


def test_a_verdict_that_waits_is_made_even_if_the_run_rests(path, catalogue, monkeypatch):
    """Where locks cannot be asked, a run may count as crashed and yet be written."""

    class Silent(Run):
        status = "crashed"

    now = [100.0]
    monkeypatch.setattr(looking.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(looking, "Run", Silent)
    monkeypatch.setattr(looking, "run_verdict", lambda run: f"verdict {run.last_frame}")
    with RunWriter(path, log=False) as writer:
        writer.write([lawful(0)])
        found = look(catalogue, "first", Look())
        writer.write([lawful(1)])
        age(path, 10)
        found = look(catalogue, "first", found)
        assert (found.verdict, found.last) == ("verdict 2", 3)  # an event first: there is no log
        now[0] += 3
        assert look(catalogue, "first", found).verdict == "verdict 3"


def test_a_look_has_a_bound_and_says_that_there_is_more(path, catalogue, monkeypatch):
    monkeypatch.setattr(looking, "AT_ONCE", 5)
    monkeypatch.setattr(looking, "MOST_BYTES", 10_000)
    with RunWriter(path) as writer:
        found = look(catalogue, "first", Look())
        writer.write([frame(step, events=[Event("x", "y" * 1500, step)]) for step in range(12)])
        counts = []
        while True:
            found = look(catalogue, "first", found)
            counts.append((len(found.frames), found.more))
            if not found.more:
                break
    assert counts == [(10, True), (2, False)]


def test_a_run_that_cannot_be_asked_just_now_stays_as_it_was(path, catalogue, monkeypatch):
    with RunWriter(path) as writer:
        writer.write([lawful(0)])
        found = look(catalogue, "first", Look())
        monkeypatch.setattr(
            looking, "Run", lambda path: (_ for _ in ()).throw(looking.UsageError("a", "busy", "b"))
        )
        assert look(catalogue, "first", found) == found
        assert look(catalogue, "first", Look()).reason == "busy"
