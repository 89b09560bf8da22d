"""Faults of our own: one line for the user, never a traceback for whoever asked."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

from triplepoint.report.text import safe_text

_MOST = 500
"""Characters."""


def found(error: BaseException) -> str:
    """What to say of a fault, on one line."""
    return safe_text(f"a bug in triplepoint, {type(error).__name__}: {error}"[:_MOST])


def tell(doing: str, error: BaseException) -> None:
    """One line on stderr; `doing` must not hold a token."""
    if os.environ.get("TRIPLEPOINT_DEBUG"):
        traceback.print_exception(error)
    what = safe_text(doing[:_MOST])
    line = f"triplepoint: {what}: {found(error)}. Set TRIPLEPOINT_DEBUG=1 for the traceback and report it."
    with contextlib.suppress(OSError, ValueError):  # a terminal that was closed
        print(line, file=sys.stderr)
