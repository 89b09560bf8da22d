"""A bounded queue and a thread behind it: training hands over frames and never waits for a disk."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

from triplepoint.records import Frame

MOST = 512
PAUSE = 0.2
"""Seconds between two calls of the consumer; what comes meanwhile is handed over together."""


class Recorder:
    """Takes frames on one side and hands them to `consume` on the other, in a thread of its own.

    A fault in `consume` costs the frames of that call and is counted; the thread goes on. A child made by `fork` has
    no such thread: there `put` takes nothing and `close` does nothing.
    """

    def __init__(
        self, consume: Callable[[Sequence[Frame]], object], most: int = MOST, pause: float = PAUSE
    ) -> None:
        """`most` frames wait at a time; more are dropped and counted."""
        self._consume = consume
        self._most = most
        self._pause = pause
        self._process = os.getpid()
        # Without a lock: a signal handler that runs within `put` may itself put something in, or close.
        self._waiting: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._guard = threading.RLock()
        self.dropped_frames = 0
        self.dropped_scalars = 0
        """Values in the blocks of dropped frames."""
        self.dropped_visits = 0
        self.faults = 0
        """Calls of `consume` that raised."""
        self.fault: BaseException | None = None
        """The last of them."""
        self.cpu_seconds = 0.0
        """CPU time of the thread."""
        self._thread = threading.Thread(target=self._run, name="triplepoint-recorder", daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> bool:
        """Hand over a frame without waiting; False where it was dropped."""
        if os.getpid() != self._process:
            return False
        if self._waiting.qsize() < self._most and not self._closing.is_set():
            self._waiting.put(frame)
            return True
        with self._guard:
            self.dropped_frames += 1
            self.dropped_scalars += sum(point.count for point in frame.scalars)
            self.dropped_visits += len(frame.visits)
        return False

    def close(self, timeout: float | None = None) -> bool:
        """Take nothing more, hand over what waits, and end; False where `timeout` seconds were too few."""
        if os.getpid() != self._process:
            return False
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = -self._pause
        while True:
            first = self._waiting.get()
            # Frames that follow one another closely share a commit.
            self._closing.wait(max(0.0, last + self._pause - time.monotonic()))
            found = [first, *(self._waiting.get() for _ in range(self._waiting.qsize()))]
            batch = [frame for frame in found if frame is not None]
            if not batch:
                return
            last = time.monotonic()
            try:
                self._consume(batch)
            except BaseException as error:  # a thread that dies would take every later frame along
                self.faults += 1
                self.fault = error
            self.cpu_seconds = time.thread_time()
            if None in found:
                return
