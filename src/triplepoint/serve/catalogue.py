"""What a folder holds, under names that are its own: a name from an address is looked up and never becomes a path."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from triplepoint.errors import UsageError
from triplepoint.records.run_entries import RunEntry
from triplepoint.report import runs as report
from triplepoint.serve import saved_scans
from triplepoint.serve.answers import NOT_FOUND, UNREADABLE, Refused
from triplepoint.store import listing, places
from triplepoint.store.run import CRASHED, Run
from triplepoint.store.writer import RUNNING

RUN, SCAN = "run", "scan"
_SECONDS = 1.0
"""For so long a list is good: reading it opens every run that is being written."""

Signature = tuple[int, ...]


class Catalogue:
    """Runs and saved scans of a folder, or one file alone. Nothing is written; threads may share it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """`root`: a folder of runs, the folder of a run, or a file.

        Raises:
            UsageError: there is no such folder or file.
            UnreadableRun: the file is neither a saved scan nor a run.
        """
        given = Path(root)
        if not given.exists():
            raise UsageError(
                f"serve {given}",
                "it does not exist",
                "Name a folder of runs, or begin one with triplepoint.Monitor",
            )
        whole = Path(os.path.realpath(given))
        self.root = whole if whole.is_dir() else whole.parent
        self._only = None
        if not whole.is_dir():
            self._only = (SCAN if saved_scans.is_scan(whole) else RUN), whole
            if self._only[0] == RUN:
                Run(whole).close()  # refuses what is none
        self._guard = threading.Lock()
        self._listed: tuple[float, list[dict[str, Any]]] | None = None
        self._entries: dict[Path, tuple[Signature, RunEntry]] = {}

    def find(self, kind: str, name: str) -> Path:
        """The file of an entry.

        Raises:
            UsageError: there is none of that name, or the folder cannot be read.
            Refused: it is a link that leaves the folder, or too large.
        """
        path = self._folder(name) if kind == RUN else None
        if path is None:
            path = self._names(kind).get(name)
        asked = f"read {kind} {name!r}"
        if path is None:
            raise Refused(NOT_FOUND, asked, "it is not there", "Look at the list")
        if not listing.inside(path, self.root):
            raise Refused(UNREADABLE, asked, f"it is {listing.LEAVES}", "Serve the folder that it leads to")
        if kind == SCAN and (why := saved_scans.why_not(path, self.root)) is not None:
            raise Refused(UNREADABLE, asked, why, "Save it smaller")
        return path

    def entries(self) -> list[dict[str, Any]]:
        """Every run and saved scan in plain JSON types, the newest first; at most a second old."""
        with self._guard:
            if self._listed is None or time.monotonic() - self._listed[0] > _SECONDS:
                found = [*self._runs(), *self._scans()]
                found.sort(key=lambda one: (-(one["started"] or one["last_time"] or 0.0), one["name"]))
                self._listed = time.monotonic(), found
            return self._listed[1]

    def _runs(self) -> Iterable[dict[str, Any]]:
        kept: dict[Path, tuple[Signature, RunEntry]] = {}
        for name, path in self._names(RUN).items():
            before, entry = signature(path), None
            if path in self._entries and self._entries[path][0] == before:
                entry = self._entries[path][1]
            # One that is written changes, and one whose writer is gone may be gone on with, without a change.
            if entry is None or entry.status in (None, RUNNING, CRASHED):
                entry = listing.entry(path, self.root)
            kept[path] = before, entry
            yield _entry(RUN, replace(entry, name=name))
        self._entries = kept

    def _scans(self) -> Iterable[dict[str, Any]]:
        for name, path in self._names(SCAN).items():
            try:
                why = saved_scans.why_not(path, self.root)
                status = None if why == listing.LEAVES else path.stat()
            except OSError as error:
                why, status = error.strerror or type(error).__name__, None
            size, written = (None, None) if status is None else (status.st_size, status.st_mtime)
            yield _entry(SCAN, RunEntry(name, str(path), why, size=size, last_time=written))

    def _folder(self, name: str) -> Path | None:
        """The run in the folder of that name, which no other entry can have; spares a look into all the others."""
        if self._only is None and name == _encodable(name):
            with contextlib.suppress(OSError), os.scandir(self.root) as entries:
                for one in entries:
                    if one.name == name and one.is_dir() and os.path.lexists(Path(one.path, places.FILE)):
                        return Path(one.path, places.FILE)
        return None

    def _names(self, kind: str) -> Mapping[str, Path]:
        """{name: file}; where two would share a name, the later is called as its file."""
        found: dict[str, Path] = {}
        for path in self._files(kind):
            name = _encodable(path.name if kind == SCAN else places.name_of(path))
            if name in found and path.parent == self.root:
                name = _encodable(path.name)
            while name in found:  # bytes that are no UTF-8 beside the same spelled out
                name += "~"
            found[name] = path
        return found

    def _files(self, kind: str) -> list[Path]:
        if self._only is not None:
            return [self._only[1]] if self._only[0] == kind else []
        try:
            found = [*(listing.files if kind == RUN else saved_scans.files)(self.root)]
        except OSError as error:
            raise UsageError(
                f"list {self.root}", error.strerror or type(error).__name__, "Serve a folder that can be read"
            ) from None
        # Folders first: a file that shares the name of one goes by its ending, not the other way round.
        return sorted(found, key=lambda path: (path.parent == self.root, path.name))


def signature(path: Path) -> Signature:
    """Changes when a run or scan is written or replaced; of files that are not there, empty."""
    found: list[int] = []
    for ending in ("", "-wal"):
        try:
            status = os.stat(f"{os.path.realpath(path)}{ending}")
        except OSError:
            continue
        found += (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    return tuple(found)


def _entry(kind: str, entry: RunEntry) -> dict[str, Any]:
    document = report.document(entry)
    del document["path"]
    return {"kind": kind, **document}


def _encodable(name: str) -> str:
    """A name that has a form in an address; bytes that are no UTF-8 are spelled out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
