"""Safetensors files, one or many shards, read through a memory map.

Layout: u64 header length (little endian), JSON header, data; offsets count from the end of the header.
Checked against the `safetensors` package: every file it rejects is rejected here, and so are repeated tensor
names, extra fields and shapes NumPy cannot hold. Format: github.com/huggingface/safetensors.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import digests
from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.files import map_file, shown, unreadable
from triplepoint.checkpoints.limits import MAX_HEADER_BYTES, MAX_TENSORS
from triplepoint.checkpoints.safetensors_header import Entry, HeaderError, cover, parse
from triplepoint.records import TensorInfo

_AGAIN = "Download or save it again; a partial download is the usual cause."
_POINTER = b"version https://git-lfs"


class SafetensorsFile:
    """One mapped file whose header has been checked. UnreadableCheckpoint where it has to be refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map: mmap.mmap = map_file(path, smallest=8)
        self._size = len(self._map)
        if self._map[: len(_POINTER)] == _POINTER:
            raise unreadable(
                path, "it is a Git LFS pointer, not the weights", "Fetch them with `git lfs pull`."
            )
        length = int.from_bytes(self._map[:8], "little")
        if length > MAX_HEADER_BYTES:
            found = f"the header claims {length:,} bytes, more than {MAX_HEADER_BYTES:,}"
            raise unreadable(path, found, "Check that it is a safetensors file.")
        self.data = 8 + length
        """Byte at which the tensors begin."""
        if self.data > self._size:
            found = f"the header claims {length:,} bytes but {self._size - 8:,} follow"
            raise unreadable(path, found, _AGAIN)
        try:
            self.entries: dict[str, Entry] = parse(self._map, 8, self.data)
            cover(self.entries, self._size - self.data)
        except HeaderError as error:
            raise unreadable(path, str(error), _AGAIN) from None

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """A read-only view of the map. Several threads may read; nothing is shared but the map."""
        entry = self.entries[name]
        dtype = numpy_dtype(entry.dtype)
        if dtype is None:
            found = f"the tensor {shown(name)} has elements of type {entry.dtype}, smaller than a byte"
            raise unreadable(self.path, found, "Convert the checkpoint to a float type.")
        if self._shortened():
            raise unreadable(
                self.path, "it has become shorter since it was opened", "Scan it when it is complete."
            )
        if entry.begin == entry.end:
            return np.empty(entry.shape, dtype)
        count = (entry.end - entry.begin) // dtype.itemsize
        return np.frombuffer(self._map, dtype, count, self.data + entry.begin).reshape(entry.shape)

    def release(self, name: str) -> None:
        """Drop the pages of one tensor; a read-only map of a file loses nothing by it.

        Without this the resident size of a scan grows by the whole checkpoint: 1.6 GiB instead of 0.6 GiB for three
        layers of Llama-3-8B's shapes.
        """
        entry = self.entries[name]
        if hasattr(mmap, "MADV_DONTNEED") and entry.end > entry.begin:
            start = (self.data + entry.begin) // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, start, self.data + entry.end - start)

    def header(self) -> bytes:
        """Header with its length; of a file that has become shorter, its entries as they were when opened."""
        return repr(self.entries).encode() if self._shortened() else bytes(self._map[: self.data])

    def _shortened(self) -> bool:
        """Whether touching the map may kill the process: a page past the end of the file is a SIGBUS."""
        try:
            return self._map.size() < self._size
        except OSError:  # the file system is gone
            return True


class SafetensorsReader:
    """One checkpoint of one or more files; a name that occurs in two of them is refused."""

    def __init__(self, source: str, files: Sequence[SafetensorsFile], config: Mapping[str, Any]) -> None:
        self.source = source
        self.format = "safetensors" if len(files) == 1 else "safetensors-sharded"
        self.config = config
        self._files = tuple(files)
        self._owner: dict[str, SafetensorsFile] = {}
        for file in files:
            for name in file.entries:
                if name in self._owner:
                    both = f"{shown(self._owner[name].path.name)} and {shown(file.path.name)}"
                    raise unreadable(
                        source, f"the tensor {shown(name)} is in {both}", "Name one of the files."
                    )
                self._owner[name] = file
        if len(self._owner) > MAX_TENSORS:
            raise unreadable(source, f"it names more than {MAX_TENSORS:,} tensors", "Split the checkpoint.")

    def tensors(self) -> Sequence[TensorInfo]:
        """In header order, shard after shard."""
        return tuple(
            TensorInfo(name, entry.dtype, entry.shape)
            for file in self._files
            for name, entry in file.entries.items()
        )

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """A read-only view of the map in the stored dtype; KeyError for a name that is not there."""
        return self._owner[name].read(name)

    def release(self, name: str) -> None:
        """See `Reader`."""
        self._owner[name].release(name)

    def digest(self) -> str:
        """Of file names, headers, sizes and `digests.sample` of every tensor. Never raises."""
        parts: list[bytes] = []
        for file in self._files:
            parts += [file.path.name.encode("utf-8", "surrogateescape"), file.header()]
            for name, entry in file.entries.items():
                if numpy_dtype(entry.dtype) is not None:
                    parts.append(digests.sample_bytes(partial(file.read, name)))
        return digests.blake2b(parts)
