"""One request to an ASGI application, made by hand: whatever a client could send, and nothing that a library adds."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serve.served import TOKEN
from triplepoint.serve.addresses import Address
from triplepoint.serve.catalogue import Catalogue
from triplepoint.serve.gate import Gate
from triplepoint.serve.server import LivePage

PORT = 8321
HOST = (b"host", b"127.0.0.1:8321")
SHOWN = hmac.new(TOKEN.encode(), f"cookie of port {PORT}".encode(), "sha256").hexdigest()
"""What the cookie holds."""
COOKIE = (b"cookie", f"triplepoint_{PORT}={SHOWN}".encode())
BEARER = (b"authorization", f"Bearer {TOKEN}".encode())


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str | None:
        found = [value for known, value in self.headers if known == name]
        assert len(found) < 2, f"{name} is there twice"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def gate(folder: Path, host: str = "127.0.0.1") -> Gate:
    """The application over a folder, at port 8321."""
    return LivePage(Catalogue(folder), Address(host, PORT, True), TOKEN, shown="shown").gate


def ask(
    app: Any, target: str, *headers: tuple[bytes, bytes], method: str = "GET", host: bool = True
) -> Answer:
    """`target` as in a request line; `host`: with the right one."""
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode("latin-1"),
        "headers": [*([HOST] if host else []), *headers],
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert not bodies[-1].get("more_body")
    pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], pairs, b"".join(body["body"] for body in bodies))
