"""The one process that writes a run: whole frames, one transaction a call, and no trouble of the disk reaches training.

What cannot be written now waits in memory and goes along with the next call. See `journals` for what survives what.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from triplepoint.errors import TriplepointError, UnreadableRun, UsageError
from triplepoint.records import Event, Frame, encoding
from triplepoint.store import connecting, forks, journals, locks, rewinding, rows
from triplepoint.store.appending import Appender, Keep, Known
from triplepoint.store.filesystems import FileSystem, file_system

SCHEMA = "triplepoint.run/1"
RUNNING, STOPPED = "running", "stopped"
MOST_WAITING = 1024
"""Frames kept in memory while nothing can be written."""


class RunWriter:
    """Writes one run. Threads may call it one after another or at once; a child made by `fork` cannot."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        configuration: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
        resume: bool = False,
        keep: Keep | None = None,
        log: bool | None = None,
        on: FileSystem | None = None,
    ) -> None:
        """Begin a run, or with `resume` go on with one if it is there.

        Args:
            path: the file, ending in `.db`; its folder is made. See `places.place` for names of runs.
            configuration: what the user asked for, in plain types; that of a resumed run stays, and an event `resumed`
                holds the new one.
            provenance: versions, machine, model: what is needed to make the run again.
            resume: append to a run that is there; a new one is begun where none is.
            keep: of which visits every singular value is kept, beside the first, the 2nd, 4th, 8th … of a matrix and
                those whose phase differs from the one before.
            log: use the write-ahead log; default: wherever the file system is not one of a network.
            on: the file system, where it is known better than the kernel's table says.

        Raises:
            UsageError: there is a run and `resume` is False, another process writes it, the folder cannot be written,
                or the file system is one of a network whose locks do not work.
            UnreadableRun: the file is none of ours, damaged, or of a later version.
        """
        self.path = Path(path)
        self._process = os.getpid()
        self._guard = threading.RLock()
        self._keep = keep
        self._waiting: list[Frame] = []
        self._known: Known | None = None
        self._closed = False
        self.dropped = 0
        """Frames that found `MOST_WAITING` others waiting."""
        self.refused = 0
        """Frames that could not be written whatever the disk."""
        self.trouble: str | None = None
        """Why frames wait; None when all are on disk."""
        with contextlib.suppress(OSError):  # said more clearly by the lock
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = locks.WriterLock(self.path)
        self._connection: sqlite3.Connection
        try:
            self._begin(configuration or {}, provenance or {}, resume, log, on or file_system(self.path))
        except BaseException:
            self._lock.release()
            raise
        forks.watch(self)

    def write(self, frames: Sequence[Frame]) -> bool:
        """All of them in one transaction, with those that wait; False where they have to wait (see `trouble`).

        A frame that cannot be written at all, because of a value in it, is left out and counted in `refused`.

        Raises:
            UsageError: the run is closed or belongs to the parent process, or its file was removed.
            UnreadableRun: the file was damaged by somebody else.
        """
        self._check()
        with self._guard:
            self._waiting += frames
            try:
                return self._drain()
            finally:  # a file that is gone for good must not fill the memory either
                self.dropped += len(self._waiting[MOST_WAITING:])
                del self._waiting[MOST_WAITING:]

    def rewind(self, step: int) -> Mapping[str, int]:
        """Remove what lies after `step`, as of an abandoned branch; {table: rows removed}, which an event tells."""
        self._check()
        with self._guard, connecting.refusing(self.path, "write"), connecting.transaction(self._connection):
            self._known = None
            self._waiting = [frame for frame in self._waiting if frame.step <= step]
            removed = rewinding.remove_after(self._connection, int(step))
            known = self._now()
            known.frame = max(known.frame, removed.last_frame)
            text = f"what lay after step {int(step)} was removed: {removed}"
            event = Event("rewound", text, int(step), {"step": int(step), **removed.counts})
            self._appender(known).append(Frame(int(step), time.time(), events=(event,)))
        return removed.counts

    def note(self, key: str, value: Any) -> None:
        """Write one entry of the run's own table, in plain types."""
        self._check()
        with self._guard, connecting.refusing(self.path, "write"), connecting.transaction(self._connection):
            self._note(key, value)

    def finish(self, status: str = "finished") -> bool:
        """Say how the run ended and close it; False where something could not be written any more."""
        return self._end(status)

    def close(self) -> bool:
        """Close a run that did not end: its status is `stopped`, and it can be resumed. Twice is once."""
        return self._end(STOPPED)

    def let_go(self) -> None:
        """In a child: nothing of the parent's is touched any more."""
        self._closed = True
        forks.never_free(self._connection)

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(
        self,
        configuration: Mapping[str, Any],
        provenance: Mapping[str, Any],
        resume: bool,
        log: bool | None,
        on: FileSystem,
    ) -> None:
        asked = f"write {self.path}"
        if on.network and not self._lock.works:
            raise UsageError(
                asked,
                f"locks do not work on this file system ({on.type})",
                "Choose a folder on a local disk, or mount it with locks (Lustre: -o flock)",
            )
        if self.path.is_symlink():
            raise UsageError(asked, "it is a link", "Name the file that it leads to")
        there = self.path.exists() and not (self.path.is_file() and self.path.stat().st_size == 0)
        if there and not resume:
            raise UsageError(
                asked, "there is a file already", "Resume the run (resume=True), or name another"
            )
        if log is None:
            log = not on.network
        configuration, provenance = encoding.plain(configuration), encoding.plain(provenance)
        if not there:
            about: dict[str, Any] = {
                "schema": SCHEMA,
                "configuration": configuration,
                "provenance": provenance,
            }
            about |= {"status": RUNNING, "started": time.time(), "ended": None}
            connecting.create(self.path, {key: rows.dumps(value) for key, value in about.items()}, log)
        self._connection = connecting.writer(self.path)
        self._inode = os.stat(self.path)
        try:
            with connecting.refusing(self.path, "write"):
                self.log, event = journals.choose(self._connection, log, on)
                """Whether the write-ahead log is used."""
                self._introduce(there, configuration, provenance, event)
        except BaseException:
            self._connection.close()
            raise

    def _introduce(self, there: bool, configuration: Any, provenance: Any, event: Event | None) -> None:
        events = [] if event is None else [event]
        if not there and not events:
            return
        with connecting.transaction(self._connection):
            known = self._now()
            if there:
                data = {"configuration": configuration, "provenance": provenance}
                events.append(Event("resumed", f"resumed after step {known.step}", data=data))
                self._note("status", RUNNING)
                self._note("ended", None)
            if events:
                self._appender(known).append(Frame(known.step, time.time(), events=tuple(events)))

    def _drain(self) -> bool:
        """Write what waits."""
        if not self._waiting:
            self.trouble = None
            return True
        if not self._is_there():
            raise UsageError(f"write {self.path}", "the file was removed or replaced", "Begin a new run")
        frames = [*self._waiting]
        if self.trouble is not None:
            frames[-1] = _with(frames[-1], self._relief())
        try:
            self._commit(frames)
            self._waiting.clear()
        except Exception as error:
            if self._must_wait(error):
                return False
            try:
                self._one_by_one(error)
            except (sqlite3.Error, MemoryError) as another:
                if self._must_wait(another):
                    return False
                raise
        self.trouble = None
        return True

    def _must_wait(self, error: Exception) -> bool:
        """Whether it may pass; a file that somebody damaged is no matter of waiting."""
        code = connecting.primary(error)
        if code in connecting.MAY_PASS or isinstance(error, MemoryError):
            self.trouble = str(error) or "memory ran out"
            return True
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY):
            raise UnreadableRun(f"write {self.path}", str(error), "Begin a new run") from None
        return False

    def _commit(self, frames: Sequence[Frame]) -> None:
        try:
            with connecting.transaction(self._connection):
                append = self._appender(self._now()).append
                for frame in frames:
                    append(frame)
        except BaseException:
            self._known = None
            raise

    def _one_by_one(self, first: Exception) -> None:
        """A value that no table takes costs its own frame."""
        for frame in [*self._waiting]:
            try:
                self._commit([frame])
            except Exception as error:
                if self._must_wait(error):
                    raise
                self.refused += 1
            self._waiting.pop(0)
        text = (
            f"frames that could not be written: {self.refused} ({type(first).__name__}: {str(first)[:200]})"
        )
        self._commit([Frame(self._now().step, time.time(), events=(Event("fault", text),))])

    def _relief(self) -> Event:
        text = f"{len(self._waiting)} frames waited ({self.trouble}); {self.dropped} were dropped in all"
        return Event("store", text, data={"waited": len(self._waiting), "dropped": self.dropped})

    def _end(self, status: str) -> bool:
        if os.getpid() != self._process or self._closed:
            return not self._waiting
        with self._guard:
            try:
                with contextlib.suppress(TriplepointError, sqlite3.Error):
                    self._drain()
                with contextlib.suppress(sqlite3.Error), connecting.transaction(self._connection):
                    self._note("status", status)
                    self._note("ended", time.time())
                with contextlib.suppress(sqlite3.Error):
                    journals.part_without_log(self._connection)
            finally:
                self._closed = True
                self._connection.close()
                self._lock.release()
            return not self._waiting

    def _note(self, key: str, value: Any) -> None:
        self._connection.execute(
            "INSERT INTO run VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, rows.dumps(encoding.plain(value))),
        )

    def _now(self) -> Known:
        if self._known is None:
            self._known = Known.of(self._connection)
        return self._known

    def _appender(self, known: Known) -> Appender:
        return Appender(self._connection, known, self._keep)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), self._inode)
        except OSError:
            return False

    def _check(self) -> None:
        if os.getpid() != self._process:
            raise UsageError(
                f"write {self.path}", "the run belongs to the parent process", "Write from there"
            )
        if self._closed:
            raise UsageError(
                f"write {self.path}", "the run is closed", "Resume it: RunWriter(path, resume=True)"
            )


def _with(frame: Frame, event: Event) -> Frame:
    return replace(frame, events=(*frame.events, event))
