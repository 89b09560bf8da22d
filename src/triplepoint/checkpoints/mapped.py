"""One file as memory: views of byte ranges, pages brought early and given back when they have been used."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints.files import map_file, shown, unreadable

_POINTER = b"version https://git-lfs"
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class MappedFile:
    """A read-only map; threads may share it. `smallest` bytes at least, or UnreadableCheckpoint."""

    def __init__(self, path: Path, smallest: int = 1) -> None:
        self.path = path
        self.map: mmap.mmap = map_file(path, smallest)
        self.size = len(self.map)
        if self.map[: len(_POINTER)] == _POINTER:
            raise unreadable(
                path, "it is a Git LFS pointer, not the weights", "Fetch them with `git lfs pull`."
            )

    def bytes(self, begin: int, end: int) -> Bytes:
        """A view of `[begin, end)`; UnreadableCheckpoint where the file has become shorter or never was so long."""
        if not 0 <= begin <= end <= self.size:
            found = f"bytes {begin:,} to {end:,} are asked for and it has {self.size:,}"
            raise unreadable(self.path, found, "Download or save it again.")
        if self.shortened():
            raise unreadable(
                self.path, "it has become shorter since it was opened", "Scan it when it is complete."
            )
        return np.frombuffer(self.map, np.uint8, end - begin, begin) if end > begin else np.empty(0, np.uint8)

    def release(self, begin: int, end: int) -> None:
        """Drop the pages of a range; a read-only map of a file loses nothing by it.

        Without this the resident size of a scan grows by the whole checkpoint: 1.6 GiB instead of 0.6 GiB for three
        layers of Llama-3-8B's shapes.
        """
        self._advise("MADV_DONTNEED", begin, end)

    def prefetch(self, begin: int, end: int) -> None:
        """Have the system begin to read a range; returns at once."""
        self._advise("MADV_WILLNEED", begin, end)

    def shortened(self) -> bool:
        """Whether touching the map may kill the process: a page past the end of the file is a SIGBUS."""
        try:
            return self.map.size() < self.size
        except OSError:  # the file system is gone
            return True

    def _advise(self, advice: str, begin: int, end: int) -> None:
        if hasattr(mmap, advice) and end > begin and not self.shortened():
            start = begin // mmap.PAGESIZE * mmap.PAGESIZE
            self.map.madvise(getattr(mmap, advice), start, end - start)

    def __repr__(self) -> str:
        return f"MappedFile({shown(self.path)})"
