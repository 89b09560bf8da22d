"""A sink behind a queue: `write` returns at once, and what a slow or dead tracker loses is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triplepoint.monitor.sinks import Sink
from triplepoint.monitor.sinks.outbox import Outbox
from triplepoint.records import Frame

CAPACITY = 1000
"""Frames that wait; at the default thinning of scalars a minute of a fast loop."""
PATIENCE = 30.0
"""Seconds that `close` waits for a tracker. MLflow took 14 to make its database with the first frame of a run."""


class Forwarding:
    """Calls `begin` of the sink where it is called itself, `write` and `close` in a thread of its own.

    What `write` of the sink raises is raised by the next `write` here.
    """

    def __init__(self, sink: Sink, *, capacity: int = CAPACITY, patience: float | None = None) -> None:
        self.sink = sink
        self._patience = PATIENCE if patience is None else patience
        self._outbox: Outbox[Frame | None] = Outbox(type(sink).__name__, self._send, capacity)

    @property
    def dropped(self) -> int:
        """Frames that found the queue full."""
        return self._outbox.dropped

    @property
    def seconds(self) -> float:
        """CPU time of the thread; what a tracker does in a process of its own is not in it."""
        return self._outbox.seconds

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """As of the sink."""
        self.sink.begin(run_name, configuration)

    def write(self, frame: Frame) -> None:
        """Put it in the queue."""
        self._outbox.put(frame)

    def close(self) -> None:
        """Let the sink finish, within `patience`."""
        try:
            self._outbox.put(None)
        finally:
            self._outbox.close(self._patience)

    def _send(self, frame: Frame | None) -> None:
        if frame is None:
            self.sink.close()
        else:
            self.sink.write(frame)
