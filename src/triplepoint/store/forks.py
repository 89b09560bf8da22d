"""What a child made by `fork` must do with what its parent holds open: let go without a trace.

A worker of a data loader is a copy of the training process. Were it to use or even close the parent's connection,
SQLite would act in the parent's name (https://sqlite.org/howtocorrupt.html, section 2.6); and were it to keep the
descriptor of the lock, a killed run would stay locked for as long as its workers live.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import weakref
from typing import Protocol


class Holder(Protocol):
    """Something that holds a lock or a connection."""

    def let_go(self) -> None:
        """Called in the child right after the fork, which has one thread and may have inherited taken locks."""


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()


def watch(holder: Holder) -> None:
    """Have `holder.let_go` called in every child from now on."""
    _holders.add(holder)


def never_free(thing: object) -> None:
    """Keep an object alive until the process is gone: its destructor would close what is the parent's."""
    with contextlib.suppress(AttributeError):  # another interpreter than CPython
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _in_child() -> None:
    for holder in list(_holders):
        holder.let_go()
    _holders.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
