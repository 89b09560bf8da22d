"""Zip archives without trust: single reads are bounded, members are found in the map where they are not compressed."""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
import zlib

from triplepoint.checkpoints.limits import MAX_ZIP_DIRECTORY_BYTES
from triplepoint.checkpoints.mapped import MappedFile


def archive(file: MappedFile) -> zipfile.ZipFile:
    """The archive over a map; raises one of `DAMAGE`."""
    return zipfile.ZipFile(_Bounded(file.map))


def begin(file: MappedFile, info: zipfile.ZipInfo) -> int:
    """Byte of the archive at which a member's data begin.

    The local header repeats the name and may carry other extra fields than the directory.
    """
    local = file.map[info.header_offset : info.header_offset + 30]
    sizes = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    return info.header_offset + 30 + sizes


class _Bounded(io.RawIOBase):
    """The map as a file whose single reads are bounded: `zipfile` loads the central directory in one."""

    def __init__(self, map: mmap.mmap) -> None:
        self._map, self._at = map, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, len(self._map))[whence]
        if at < 0:
            raise OSError("seek before the beginning of the archive")
        self._at = at
        return at

    def read(self, size: int = -1) -> bytes:
        size = len(self._map) - self._at if size is None or size < 0 else size
        if size > MAX_ZIP_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(
                f"its directory claims {size:,} bytes, more than {MAX_ZIP_DIRECTORY_BYTES:,}"
            )
        data = self._map[self._at : self._at + size]
        self._at += len(data)
        return data


DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    struct.error,
)
"""What `zipfile` and `zlib` raise on damaged archives, as the mutation test shows."""
