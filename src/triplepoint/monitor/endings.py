"""How a training ended, as the status of its run says it."""

from __future__ import annotations

import sys


def of(error: BaseException | None) -> str:
    """By the exception that leaves the block of a monitor.

    >>> [of(error) for error in (None, SystemExit(0), SystemExit(3), KeyboardInterrupt(), ValueError())]
    ['finished', 'finished', 'failed', 'interrupted', 'failed']
    """
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def of_process() -> str:
    """At the end of the process, which Python leaves a trace of if it came by an exception."""
    return of(getattr(sys, "last_value", None))
