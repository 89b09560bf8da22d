"""A queue with a thread of its own behind it: whoever puts something in never waits for a network."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()


class NotForwarded(RuntimeError):
    """Something was put in and did not arrive."""


class Outbox(Generic[Item]):
    """Hands items to `send`, one by one, in a daemon thread that begins with the first.

    What `send` raises is raised by the next `put`, one error a call, after its item has been taken. When `capacity`
    items wait, further ones are dropped; the first of each such stretch raises NotForwarded.
    """

    def __init__(self, name: str, send: Callable[[Item], None], capacity: int) -> None:
        self._name, self._send = name, send
        self._items: queue.Queue[Item | object] = queue.Queue(capacity)
        self._errors: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._full = False
        self.dropped = 0
        """Items that found the queue full."""
        self.seconds = 0.0
        """CPU time of the thread, as of the last item."""

    def put(self, item: Item) -> None:
        """Take an item; never blocks."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(self._items,), name=f"triplepoint-{self._name}", daemon=True
            )
            self._thread.start()
        try:
            self._items.put_nowait(item)
            self._full = False
        except queue.Full:
            self.dropped += 1
            if not self._full:
                self._full = True
                raise NotForwarded(f"{self._name}: {self._items.qsize()} wait already; dropped") from None
        self._raise_one()

    def close(self, patience: float) -> None:
        """Wait up to `patience` seconds for what was put in; raises what went wrong and was not yet raised.

        What is not done by then is given up. A later `put` begins anew.
        """
        thread, items = self._thread, self._items
        if thread is not None:
            self._thread, self._items = None, queue.Queue(items.maxsize)
            try:
                items.put(_END, timeout=patience)
                thread.join(patience)
            except queue.Full:
                pass
            if thread.is_alive():
                waiting = items.qsize()
                _empty(items)
                raise NotForwarded(f"{self._name}: no end within {patience:g} s; {waiting} left behind")
        self._raise_one()

    def _run(self, items: queue.Queue[Item | object]) -> None:
        before = self.seconds
        while (item := items.get()) is not _END:
            try:
                self._send(item)  # type: ignore[arg-type]
            except Exception as error:
                self._errors.put(error)
            self.seconds = before + time.thread_time()

    def _raise_one(self) -> None:
        try:
            error = self._errors.get_nowait()
        except queue.Empty:
            return
        raise error


def _empty(items: queue.Queue[Item | object]) -> None:
    """Leave only the end, so that a thread that comes back from a dead network goes home."""
    try:
        while True:
            items.get_nowait()
    except queue.Empty:
        items.put(_END)
