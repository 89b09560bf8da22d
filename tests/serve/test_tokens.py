"""Claim: the token is random, survives a restart, and is never taken from a file that others may have touched."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from triplepoint.errors import UsageError
from triplepoint.serve import tokens

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    """Where the token is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(tokens.VARIABLE, raising=False)
    return tmp_path / "state" / "triplepoint" / "serve-token"


def test_it_has_256_random_bits_and_is_its_owners_alone(state):
    before = os.umask(0)
    try:
        found = tokens.token()
    finally:
        os.umask(before)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found.value)
    assert found.note is None
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o077 == 0
    assert [one.name for one in state.parent.iterdir()] == ["serve-token"]
    assert found.value not in repr(found)


def test_it_is_the_same_after_a_restart_and_another_where_a_new_one_is_asked_for():
    first = tokens.token().value
    assert tokens.token().value == first
    second = tokens.token(new=True).value
    assert second != first
    assert tokens.token().value == second


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o602])
def test_a_file_that_others_may_open_is_made_again(state, mode):
    first = tokens.token().value
    state.chmod(mode)
    found = tokens.token()
    assert found.value != first
    assert "may be opened by others" in str(found.note)
    assert first not in str(found.note)
    assert state.stat().st_mode & 0o777 == 0o600
    assert tokens.token() == tokens.Token(found.value)


def test_a_file_of_another_user_is_made_again(state, monkeypatch):
    first = tokens.token().value
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    found = tokens.token()
    assert found.value != first
    assert "belongs to another user" in str(found.note)


@pytest.mark.parametrize("content", ["", "short", "x" * 300, "with space " * 5, "é" * 40, "\x00" * 43])
def test_what_is_no_token_is_made_again(state, content):
    state.parent.mkdir(parents=True)
    state.write_text(content)
    state.chmod(0o600)
    found = tokens.token()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found.value)
    assert "is no token" in str(found.note)


def test_a_link_in_its_place_is_replaced_and_not_followed(state, tmp_path):
    planted = tmp_path / "planted"
    planted.write_text("p" * 43)
    planted.chmod(0o600)
    state.parent.mkdir(parents=True)
    state.symlink_to(planted)
    found = tokens.token()
    assert found.value != "p" * 43
    assert planted.read_text() == "p" * 43
    assert not state.is_symlink()


def test_a_pipe_in_its_place_is_not_waited_for(state):
    state.parent.mkdir(parents=True)
    os.mkfifo(state)
    assert "no ordinary file" in str(tokens.token().note)


def test_where_nothing_can_be_kept_the_token_lasts_as_long_as_the_server(state):
    state.parent.parent.write_text("a file, no folder")
    first, second = tokens.token(), tokens.token()
    assert first.value != second.value
    assert "ends with this server" in str(first.note)


def test_a_relative_state_folder_counts_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    tokens.token()
    assert (tmp_path / ".local" / "state" / "triplepoint" / "serve-token").is_file()


def test_a_named_file_is_made_or_read_but_never_made_again_unasked(tmp_path):
    path = tmp_path / "mine"
    first = tokens.token(path).value
    assert tokens.token(path).value == first
    path.chmod(0o644)
    with pytest.raises(UsageError, match=r"may be opened by others \(mode 644\)"):
        tokens.token(path)
    assert tokens.token(path, new=True).value != first
    with pytest.raises(UsageError, match="Not a directory"):
        tokens.token(path / "below")
    with pytest.raises(UsageError, match="write the token to"):
        tokens.token(path / "below", new=True)


def test_the_environment_wins_and_is_checked(monkeypatch, state):
    monkeypatch.setenv(tokens.VARIABLE, "e" * 40)
    assert tokens.token().value == "e" * 40
    assert not state.exists()
    for wrong in ("", "short", "e" * 40 + " ", "é" * 40):
        monkeypatch.setenv(tokens.VARIABLE, wrong)
        with pytest.raises(UsageError, match="is no token") as caught:
            tokens.token()
        assert wrong == "" or wrong not in str(caught.value)
    monkeypatch.setenv(tokens.VARIABLE, "e" * 40)
    for more in ({"file": "x"}, {"new": True}):
        with pytest.raises(UsageError, match=f"Unset {tokens.VARIABLE}"):
            tokens.token(**more)


def test_of_a_user_without_a_home_nothing_is_kept(tmp_path, monkeypatch):
    """`~` stays as it is where neither HOME nor the list of users knows better, as in a container."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    assert "no home folder" in str(tokens.token().note)
    assert not [*tmp_path.iterdir()]
