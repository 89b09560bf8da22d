"""One writer a run: a file beside it that is claimed for as long as the writer lives, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import stat
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

from triplepoint.errors import UsageError
from triplepoint.records.files import Claim, claim
from triplepoint.store import forks

_TRIES = 5
_PAUSE = 0.02
"""Seconds between tries: a reader that asks whether the writer lives holds the file for some microseconds."""
_MOST = 400
"""Bytes read of the note that says who the writer is."""
_UNFOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Writing(StrEnum):
    """Whether somebody writes a run just now."""

    yes = "yes"
    no = "no"
    unknown = "unknown"
    """Locks cannot be asked here."""


class WriterLock:
    """The claim to one run. Dies with the process, is not inherited by a fork."""

    def __init__(self, run: Path) -> None:
        """Claim `run` or raise UsageError that says who has it."""
        self._path = beside(run)
        self._asked = f"write {run}"
        self._descriptor = -1
        self.works = True
        """False where locks do nothing: two writers could not be told apart."""
        for _ in range(_TRIES):
            found = self._try()
            if found is not Claim.theirs:
                self.works = found is Claim.ours
                forks.watch(self)
                return
            time.sleep(_PAUSE)
        raise UsageError(
            self._asked,
            f"another process writes it{_who(self._path)}",
            "End that one first, or name another run",
        )

    def _try(self) -> Claim:
        """One attempt; the descriptor is kept where it succeeds."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _UNFOLLOWED, 0o666)
        except OSError as error:
            raise UsageError(
                self._asked,
                f"{self._path.name} beside it: {error.strerror or type(error).__name__}",
                "Choose a folder that can be written, and remove that file if no run is going on",
            ) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(self._asked, f"{self._path.name} beside it is no ordinary file", "Remove it")
            found = claim(descriptor)
            # A writer that ends removes its file; one claimed in that moment has no name any more.
            if found is Claim.ours and not _is_at(descriptor, self._path):
                found = Claim.theirs
            if found is not Claim.theirs:
                note = {"pid": os.getpid(), "host": platform.node()}
                with contextlib.suppress(OSError):  # a full disk: the claim holds without the note
                    os.truncate(descriptor, 0)
                    os.write(descriptor, json.dumps(note).encode("ascii"))
                self._descriptor = descriptor
        finally:
            if self._descriptor != descriptor:
                os.close(descriptor)
        return found

    def release(self) -> None:
        """Give the run back and leave nothing behind."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._close()

    def let_go(self) -> None:
        """In a child: the parent's claim stays the parent's."""
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def beside(run: Path) -> Path:
    """The lock's file."""
    return run.with_name(f"{run.name}.lock")


def writing(run: Path) -> Writing:
    """Ask without disturbing: any number of readers may, and a writer that begins just then tries again."""
    path = beside(run)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return Writing.no
        descriptor = os.open(path, os.O_RDONLY | _UNFOLLOWED)
    except FileNotFoundError:
        return Writing.no
    except OSError:
        return Writing.unknown
    try:
        found = claim(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return {Claim.ours: Writing.no, Claim.theirs: Writing.yes, Claim.unsupported: Writing.unknown}[found]


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _who(path: Path) -> str:
    try:
        note: Any = json.loads(path.read_bytes()[:_MOST])
        return f" (process {int(note['pid'])} on {str(note['host'])[:60]})"
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ""
