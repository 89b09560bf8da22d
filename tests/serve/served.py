"""A server in a thread, and a reader of server-sent events that knows nothing of how they are made."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from triplepoint.serve import addresses
from triplepoint.serve.catalogue import Catalogue
from triplepoint.serve.server import LivePage

TOKEN = "t" * 43
SECONDS = 20.0
"""For which a test waits before it has failed."""


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    data: Any
    id: int | None


class Stream:
    """The lines of an answer, put together as the standard says."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.connection = connection
        self.response = response
        self.comments = 0
        self.retry: int | None = None

    def __iter__(self) -> Iterator[Event]:
        """Until the server ends it in order; IncompleteRead where it does not."""
        fields: dict[str, str] = {}
        while line := self.response.readline():
            text = line.decode("utf-8").rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif text:
                name, _, value = text.partition(": ")
                fields[name] = value
            else:
                if "retry" in fields:
                    self.retry = int(fields["retry"])
                if "data" in fields:
                    id = int(fields["id"]) if "id" in fields else None
                    yield Event(fields.get("event", "message"), json.loads(fields["data"]), id)
                fields = {}

    def until(self, name: str, **parts: Any) -> list[Event]:
        """All events up to the first of that name whose data has these parts."""
        found = []
        for event in self:
            found.append(event)
            if event.name == name and parts.items() <= event.data.items():
                return found
        raise AssertionError(f"the stream ended without {name} {parts}: {found}")

    def close(self) -> None:
        self.response.close()
        self.connection.close()


class Served:
    """A folder that is served."""

    def __init__(self, folder: Path) -> None:
        listening, self.address = addresses.listen(port=0)
        self.page = LivePage(Catalogue(folder), self.address, TOKEN, shown="shown")
        self._streams: list[Stream] = []
        self._stop, ready = threading.Event(), threading.Event()
        serving = self.page.serve(listening, ready=ready.set, stop=self._stop)
        self._thread = threading.Thread(target=lambda: asyncio.run(serving), daemon=True)
        self._thread.start()
        assert ready.wait(SECONDS)

    def end(self) -> None:
        """Stop it, which must not hang."""
        self._stop.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Stop it and let every stream go."""
        self.end()
        for stream in self._streams:
            stream.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.address.port), SECONDS)

    def raw(self, request: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            found = b""
            while part := connection.recv(65_536):
                found += part
            return found

    def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """(status, JSON)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=SECONDS)
        connection.request("GET", _target(path, query), headers=AUTHORIZED)
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def stream(self, name: str, *, last: int | None = None, **query: Any) -> Stream:
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port, timeout=SECONDS)
        headers = AUTHORIZED if last is None else {**AUTHORIZED, "Last-Event-ID": str(last)}
        connection.request("GET", _target("/api/stream", {"name": name, **query}), headers=headers)
        response = connection.getresponse()
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
        self._streams.append(Stream(connection, response))
        return self._streams[-1]


AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def _target(path: str, query: dict[str, Any]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
