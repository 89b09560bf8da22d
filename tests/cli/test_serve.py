"""`triplepoint serve`: what it says before it serves, and what it refuses; how it serves is tested in tests/serve."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.cli.conftest import Invoke
from triplepoint.cli import serve as verb
from triplepoint.serve import addresses, server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, without a display."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("TRIPLEPOINT_TOKEN", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of serving: what a browser would be opened with."""
    opened: list[str] = []
    monkeypatch.setattr(server.LivePage, "run", lambda _self, _listening, *, ready: ready())
    monkeypatch.setattr(verb, "_open", opened.append)
    return opened


def test_one_line_with_the_link_and_notes_apart(invoke: Invoke, tmp_path: Path, served: list[str]) -> None:
    result = invoke("serve", tmp_path, "--port", 0)
    assert result.exit_code == 0
    link, token = result.stdout.rstrip("\n").split("?token=")
    assert link.startswith("http://127.0.0.1:")
    assert link.endswith("/")
    assert len(token) == 43
    assert result.stderr == f"triplepoint: serving {tmp_path}, read-only; Ctrl-C ends.\n"
    assert served == []


def test_a_port_that_is_taken(
    invoke: Invoke, tmp_path: Path, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = invoke("serve", tmp_path, "--port", port)
        assert result.exit_code == 2
        assert f"port {port} is taken. Choose another --port, or 0 for any that is free." in result.stderr
        monkeypatch.setattr(addresses, "PORT", port)
        result = invoke("serve", tmp_path)
        assert result.exit_code == 0
        assert f"triplepoint: port {port} is taken, so it is {port + 1}" in result.stderr


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("args", "word"),
    [
        (
            ["none"],
            "serve none: it does not exist. Name a folder of runs, or begin one with triplepoint.Monitor.",
        ),
        (["--host", "0.0.0.0"], "other machines could reach it, and what is sent is not encrypted."),
        (["--port", "65536"], "--port"),
        (["--port", "x"], "--port"),
        (["--token-file", "none/token\x1b/x/y"], r"none/token\x1b/x/y"),
        (["x.db"], "it is no SQLite file"),
    ],
)
def test_refusals(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], word: str
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "none").touch()
    (tmp_path / "x.db").write_text("x")
    monkeypatch.chdir(tmp_path)
    if args == ["none"]:
        (tmp_path / "none").unlink()
    result = invoke("serve", *args)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "\x1b" not in result.stderr
    assert result.stdout == ""


def test_another_host_needs_leave_and_is_warned_of(invoke: Invoke, tmp_path: Path, served: list[str]) -> None:
    result = invoke("serve", tmp_path, "--host", "0.0.0.0", "--allow-remote", "--port", 0)
    assert result.exit_code == 0
    assert (
        "other machines can reach this, and what is sent, the token too, is not encrypted." in result.stderr
    )
    assert "?token=" in result.stdout


def test_a_browser_gets_a_ticket_and_not_the_token(invoke: Invoke, tmp_path: Path, served: list[str]) -> None:
    result = invoke("serve", tmp_path, "--port", 0, "--open")
    (link,) = served
    assert link.startswith(result.stdout.split("?")[0] + "?token=")
    assert link != result.stdout.strip()


@pytest.mark.parametrize(
    ("asked", "terminal", "environment", "opened"),
    [
        (None, True, {"DISPLAY": ":0"}, True),
        (None, True, {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (None, True, {}, False),
        (None, True, {"DISPLAY": ""}, False),
        (None, False, {"DISPLAY": ":0"}, False),
        (None, True, {"DISPLAY": ":10", "SSH_CONNECTION": "x"}, False),
        (False, True, {"DISPLAY": ":0"}, False),
        (True, False, {}, True),
    ],
)
def test_when_a_browser_is_opened(
    monkeypatch: pytest.MonkeyPatch, asked: Any, terminal: bool, environment: dict[str, str], opened: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert verb._wants_browser(asked, environment) is opened


@pytest.mark.parametrize("name", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    result = invoke("serve", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.endswith("Run: pip install 'triplepoint[serve]'.\n")
    assert len(result.stderr.splitlines()) == 1


def test_a_note_on_the_token_is_shown(invoke: Invoke, tmp_path: Path, served: list[str]) -> None:
    (tmp_path / "state").write_text("a file, no folder")
    result = invoke("serve", tmp_path, "--port", 0)
    assert "triplepoint: the token ends with this server, since" in result.stderr


def test_help_and_other_verbs_need_no_server() -> None:
    code = (
        "import sys\nfrom triplepoint.cli.app import app\n"
        "try:\n    app.main(['serve', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'starlette', 'uvicorn', 'numpy', 'anyio'} & {*sys.modules}, 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ssh -L" in done.stdout
