"""Safetensors files, one or many shards, read through a memory map.

Layout: u64 header length (little endian), JSON header, data; offsets count from the end of the header.
Checked against the `safetensors` package: every file it rejects is rejected here, and so are repeated tensor
names, extra fields and shapes NumPy cannot hold. Format: github.com/huggingface/safetensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from triplepoint.checkpoints.files import unreadable
from triplepoint.checkpoints.limits import MAX_HEADER_BYTES
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.safetensors_header import Entry, HeaderError, cover, metadata, parse
from triplepoint.checkpoints.stored import Stored, plain
from triplepoint.records import TensorInfo

_AGAIN = "Download or save it again; a partial download is the usual cause."


class SafetensorsFile:
    """One mapped file whose header has been checked. UnreadableCheckpoint where it has to be refused.

    `called`: its name in the digest, of a file that has yet to take that name.
    """

    def __init__(self, path: Path, called: str | None = None) -> None:
        self.path = path
        self._called = path.name if called is None else called
        self._file = MappedFile(path, smallest=8)
        length = int.from_bytes(self._file.map[:8], "little")
        if length > MAX_HEADER_BYTES:
            found = f"the header claims {length:,} bytes, more than {MAX_HEADER_BYTES:,}"
            raise unreadable(path, found, "Check that it is a safetensors file.")
        self._data = 8 + length
        if self._data > self._file.size:
            found = f"the header claims {length:,} bytes but {self._file.size - 8:,} follow"
            raise unreadable(path, found, _AGAIN)
        try:
            self.entries: dict[str, Entry] = parse(self._file.map, 8, self._data)
            cover(self.entries, self._file.size - self._data)
        except HeaderError as error:
            raise unreadable(path, str(error), _AGAIN) from None

    def identity(self) -> list[bytes]:
        """What the digest covers beside the entries: the file's name and its header, metadata included."""
        return [self._called.encode("utf-8", "surrogateescape"), bytes(self._file.map[: self._data])]

    def metadata(self) -> dict[str, str]:
        """The texts under `__metadata__`, read when asked for; UnreadableCheckpoint where there are too many."""
        try:
            return metadata(self._file.map, 8, self._data)
        except HeaderError as error:
            raise unreadable(self.path, str(error), "Save it again without them.") from None

    def stored(self) -> Iterator[Stored]:
        """Tensors in header order."""
        for name, entry in self.entries.items():
            yield Stored(
                TensorInfo(name, entry.dtype, entry.shape),
                self._file,
                self._data + entry.begin,
                self._data + entry.end,
                plain(entry.dtype, entry.shape),
                f"has elements of type {entry.dtype}, smaller than a byte",
            )
