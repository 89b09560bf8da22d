"""Claim: the command as people start it: it ends at once and in order however it is asked to, with pages open; and a
page that is open survives a restart."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serve.served import SECONDS
from tests.store.frames import lawful
from triplepoint.store import RunWriter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
START = """
import signal, sys
# A suite that runs under `nohup` or `&` hands on that it ignores these, and the command would leave that so.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from triplepoint.cli import main
sys.exit(main())
"""


class Command:
    """`triplepoint serve …` in a process of its own."""

    def __init__(self, folder: Path, *args: str, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, "serve", str(folder), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"XDG_STATE_HOME": str(state)},
        )
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip()
        parts = urlsplit(self.link)
        assert parts.port is not None, self.process.communicate(timeout=SECONDS)
        self.port, self.query = parts.port, parts.query

    def ask(self, target: str, **headers: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", target, headers=headers)
        return connection, connection.getresponse()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_with_a_page_open_it_ends_in_order_and_as_asked(folder, tmp_path, number):
    with RunWriter(folder / "first" / "run.db") as writer:
        writer.write([lawful(0)])
    command = Command(folder, "--port", "0", state=tmp_path)
    connection, response = command.ask(f"/?{command.query}")
    cookie = response.headers["set-cookie"].split(";")[0]
    assert (response.status, response.read()) == (303, b"")
    connection.close()
    connection, response = command.ask("/api/stream?name=first", Cookie=cookie)
    assert response.readline() == b"retry: 1000\n"
    while response.readline() != b"event: status\n":
        pass
    code, out, err = command.end(number)
    assert response.read().endswith(b"\n\n")  # IncompleteRead where the connection was cut
    connection.close()
    assert (code, out) == (0, "")
    assert err == f"triplepoint: serving {folder}, read-only; Ctrl-C ends.\n"
    token = command.query.removeprefix("token=")
    assert token not in err


def test_an_open_page_survives_a_restart(folder, tmp_path):
    first = Command(folder, "--port", "0", state=tmp_path)
    connection, response = first.ask(f"/?{first.query}")
    cookie = response.headers["set-cookie"].split(";")[0]
    connection.close()
    assert first.end()[0] == 0
    second = Command(folder, "--port", str(first.port), state=tmp_path)
    assert second.link == first.link
    connection, response = second.ask("/api/runs", Cookie=cookie)
    assert response.status == 200
    connection.close()
    assert second.end()[0] == 0
