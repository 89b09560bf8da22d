"""Server-sent events of one run, resumed by the id of the last frame.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. An event `gone` tells that the run is not there
(any more), with the reason; once it is there, or is another one, `gone` tells that the document has to be loaded anew,
and the stream ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from starlette.types import Receive, Scope, Send

from triplepoint.errors import TriplepointError
from triplepoint.page.document import dumps
from triplepoint.serve import answers, tails
from triplepoint.serve.answers import Refused
from triplepoint.serve.looking import Identity, Look, Sent
from triplepoint.serve.tails import Tail, Tails

HEARTBEAT_SECONDS = 15.0
MOST_BEHIND = 5000
"""Frames; to load the document anew is quicker for whoever lags further."""
_STUCK_SECONDS = 60.0
"""A reader that takes nothing for so long is gone, and its place is free."""
_AT_ONCE = 1 << 18
"""Bytes handed to a connection before it has to have taken them."""
_HEARTBEAT = b": \n\n"
_HEADERS = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]


class EventStream:
    """An ASGI answer that lasts until the reader goes, the server stops or the run is another one."""

    def __init__(self, all_tails: Tails, name: str, after: int, started: float | None) -> None:
        """`after`: id of the last frame that the reader has. `started`: of the run that it knows, where it does."""
        self._tails = all_tails
        self._name = name
        self._after = after
        self._started = started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends."""
        if self._tails.streams >= tails.MOST_STREAMS:
            found = f"{tails.MOST_STREAMS} pages follow runs already"
            refused = Refused(503, f"follow run {self._name!r}", found, "Close some of them")
            await answers.refusal(scope["path"], refused)(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
        if scope["method"] == "HEAD":
            await send(start)
        else:
            async with self._tails.of(self._name) as tail:
                await send(start)
                await self._last(tail, receive, send)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _last(self, tail: Tail, receive: Receive, send: Send) -> None:
        sending, leaving = asyncio.create_task(self._send(tail, send)), asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait((sending, leaving))
        if not sending.cancelled():
            sending.result()

    async def _send(self, tail: Tail, send: Send) -> None:
        async for data in self._events(tail):
            try:
                async with asyncio.timeout(_STUCK_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            except TimeoutError:
                return

    async def _events(self, tail: Tail) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        known: Identity | None = None
        absent: str | None = None
        told: tuple[str | None, str] | None = None
        after, version = self._after, -1
        while True:
            if not await tail.changed(version, HEARTBEAT_SECONDS):
                yield _HEARTBEAT
            if self._tails.stopping:
                return
            version, now = tail.version, tail.now
            if now is None:
                continue
            if now.identity is None:
                if absent != now.reason:
                    yield _gone(False, now.reason)
                absent = now.reason
                continue
            if (why := self._why_anew(now, known, absent)) is not None:
                yield _gone(True, why)
                return
            known = now.identity
            with contextlib.suppress(TriplepointError):  # it was removed just now: the next look will tell
                while self._goes_on(tail, known) and (frames := await tail.behind(after)):
                    after = frames[-1].id
                    for chunk in _chunks(frames):
                        yield chunk
            if told != (now.status, now.verdict):
                yield _event("status", {"status": now.status, "verdict": now.verdict})
            told = now.status, now.verdict

    def _goes_on(self, tail: Tail, known: Identity) -> bool:
        return tail.now is not None and tail.now.identity == known and not self._tails.stopping

    def _why_anew(self, now: Look, known: Identity | None, absent: str | None) -> str | None:
        """Why the reader cannot go on from where it is; None where it can."""
        assert now.identity is not None
        if absent is not None:
            return "it is there"
        if known is not None:
            return None if known == now.identity else "another run has its name"
        if self._after > now.last or self._started not in (None, now.identity.started):
            return "another run has its name"
        if now.last - self._after > MOST_BEHIND:
            return f"more than {MOST_BEHIND:,} frames are new"
        return None


def _chunks(frames: Iterable[Sent]) -> Iterator[bytes]:
    """Frames put together to about `_AT_ONCE` bytes."""
    part: list[bytes] = []
    size = 0
    for sent in frames:
        part.append(sent.data)
        size += len(sent.data)
        if size >= _AT_ONCE:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)


def _gone(there: bool, reason: str) -> bytes:
    return _event("gone", {"there": there, "reason": reason})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {dumps(data)}\n\n".encode("ascii")


async def _left(receive: Receive) -> None:
    """Wait until the reader goes; what it sends meanwhile is read and dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass
