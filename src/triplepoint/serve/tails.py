"""The end of each run that somebody follows: read once, whoever listens.

Twenty open pages cost one look every half second. Those who listen keep nothing but the id of the frame they were sent
last and take what lies behind it, so a slow one fills no memory: it falls behind, and reads from the file.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
from collections.abc import AsyncIterator

import anyio.to_thread
from anyio import CapacityLimiter

from triplepoint.serve import faults, looking
from triplepoint.serve.catalogue import Catalogue
from triplepoint.serve.looking import Look, Sent

MOST_STREAMS = 64
SECONDS = 0.5
"""Between two looks."""
_MOST_FRAMES = 1000
_MOST_BYTES = 8 << 20
"""What is kept of a run for those who are a little behind."""
_READERS = 4


class Tail:
    """The end of one run. All of it belongs to the event loop but the looks, which run in threads."""

    def __init__(self, catalogue: Catalogue, name: str, threads: CapacityLimiter) -> None:
        self._catalogue = catalogue
        self._name = name
        self._threads = threads
        self._kept: list[Sent] = []
        self._bytes = 0
        self._floor = 0
        """Everything behind this id is kept."""
        self._changed = asyncio.Event()
        self.version = 0
        """Grows with all that is new."""
        self.now: Look | None = None
        """None before the first look."""

    async def follow(self) -> None:
        """Look for as long as the task lives."""
        while True:
            before = self.now or Look()
            try:
                found = await anyio.to_thread.run_sync(
                    looking.look, self._catalogue, self._name, before, limiter=self._threads
                )
            except Exception as error:
                found = Look(reason=faults.found(error))
                if found.reason != before.reason:
                    faults.tell(f"follow {self._name}", error)
            self._take(found, before)
            await asyncio.sleep(0 if found.more else SECONDS)

    async def changed(self, since: int, seconds: float) -> bool:
        """Wait for a version other than `since`; False where there was none for so long."""
        if self.version == since:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        return self.version != since

    async def behind(self, after: int) -> tuple[Sent, ...]:
        """The next frames for one who was sent `after` last; none where that was the newest."""
        if self.now is None or self.now.path is None or after >= self.now.last:
            return ()
        if after < self._floor:
            asked = (self.now.path, after, self.now.last)
            return await anyio.to_thread.run_sync(looking.behind, *asked, limiter=self._threads)
        first = bisect.bisect_right(self._kept, after, key=lambda sent: sent.id)
        return tuple(self._kept[first : first + looking.AT_ONCE])

    def wake(self) -> None:
        """Let all who wait see that something is new."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def _take(self, found: Look, before: Look) -> None:
        first, self.now = self.now is None, found
        if found.identity != before.identity:
            self._kept, self._bytes, self._floor = [], 0, found.last
        self._kept += found.frames
        self._bytes += sum(len(sent.data) for sent in found.frames)
        self._forget()
        told = (before.identity, before.reason, before.status, before.verdict)
        if first or found.frames or (found.identity, found.reason, found.status, found.verdict) != told:
            self.wake()

    def _forget(self) -> None:
        drop = 0
        while len(self._kept) - drop > _MOST_FRAMES or (
            self._bytes > _MOST_BYTES and drop < len(self._kept) - 1
        ):
            self._bytes -= len(self._kept[drop].data)
            self._floor = self._kept[drop].id
            drop += 1
        del self._kept[:drop]


class Tails:
    """One tail for each run that is followed, for as long as it is."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._threads: CapacityLimiter | None = None
        self._open: dict[str, tuple[Tail, asyncio.Task[None], int]] = {}
        self.stopping = False

    @property
    def streams(self) -> int:
        """How many listen."""
        return sum(count for _, _, count in self._open.values())

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[Tail]:
        """The tail of a run, which need not be there yet."""
        if self._threads is None:  # made here, since it belongs to the loop that runs
            self._threads = CapacityLimiter(_READERS)
        if name in self._open:
            tail, task, count = self._open[name]
        else:
            tail = Tail(self._catalogue, name, self._threads)
            task, count = asyncio.create_task(tail.follow()), 0
        self._open[name] = tail, task, count + 1
        try:
            yield tail
        finally:
            tail, task, count = self._open[name]
            if count > 1:
                self._open[name] = tail, task, count - 1
            else:
                del self._open[name]
                task.cancel()

    def stop(self) -> None:
        """Let every stream end."""
        self.stopping = True
        for tail, _, _ in self._open.values():
            tail.wake()
