"""Ctrl-C: one press is one interrupt, and none costs a result that is being written."""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_BURST_SECONDS = 1.0
"""Presses closer together than this are one: an impatient hand, not a second wish."""
_REPEAT_SECONDS = 0.02
_burst: list[float] = []
"""When the press was that began the burst; empty before the first."""


@contextlib.contextmanager
def once_a_second() -> Iterator[None]:
    """Within the block a burst of Ctrl-C interrupts once; a press after the burst interrupts again."""
    _burst.clear()
    with _handled(_press):
        yield


@contextlib.contextmanager
def asked_to_end() -> Iterator[None]:
    """Within `once_a_second` and the block a `kill`, a scheduler's end and a closed terminal count as Ctrl-C.

    Without this they end the process where it stands, and what it was writing stays behind.
    """
    with contextlib.ExitStack() as stack:
        for name in ("SIGTERM", "SIGHUP"):
            if (number := getattr(signal, name, None)) is not None:
                stack.enter_context(_handled(_press, number))
        yield


def _press(_signal: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if not _burst or now - _burst[-1] >= _BURST_SECONDS:
        _burst[:] = [now]
        raise KeyboardInterrupt


def repeat_lost() -> None:
    """From now on a press that falls into a finaliser, where Python drops every exception, is made again."""
    shown = sys.unraisablehook

    def hook(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            shown(lost)
            return
        # Raised in here it would be dropped once more, so another thread presses when this has returned.
        timer = threading.Timer(_REPEAT_SECONDS, _press_again)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = hook


def _press_again() -> None:
    _burst.clear()
    _thread.interrupt_main()


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Within the block Ctrl-C does nothing."""
    with _handled(signal.SIG_IGN):
        yield


def ignore() -> None:
    """From now on Ctrl-C does nothing: the process is about to end."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], Any] | signal.Handlers, number: int = signal.SIGINT
) -> Iterator[None]:
    before = signal.getsignal(number)
    # A job started with `&` or `nohup` has Ctrl-C or SIGHUP ignored already, a handler from outside Python cannot be
    # put back, and only the main thread may set one.
    if before in (signal.SIG_IGN, None):
        yield
        return
    try:
        signal.signal(number, handler)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, before)
