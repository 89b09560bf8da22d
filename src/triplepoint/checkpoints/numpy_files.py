"""NumPy files: `.npy`, one array, and `.npz`, a zip archive of them. Pickle is never read.

Uncompressed data are mapped, compressed members are inflated when they are read. Every claim of a header is
held against the size of the file or member before anything is allocated, and a member's name is only a name:
nothing is written to disk.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import digests
from triplepoint.checkpoints.files import map_file, shown, unreadable
from triplepoint.checkpoints.limits import (
    FREE_INFLATION_BYTES,
    MAX_INFLATED_BYTES,
    MAX_INFLATION,
    MAX_TENSORS,
    MAX_ZIP_DIRECTORY_BYTES,
)
from triplepoint.checkpoints.npy_header import LONGEST, NpyError, NpyHeader, parse
from triplepoint.errors import UnreadableCheckpoint, UnsafeCheckpoint
from triplepoint.records import TensorInfo

_AGAIN = "Download or save it again."


@dataclass(frozen=True, slots=True)
class _Member:
    """One array: where its bytes lie. `info` only where they are compressed."""

    header: NpyHeader
    data: int
    """Byte of the file at which the data begin; unused where compressed."""
    info: zipfile.ZipInfo | None = None


class NumpyReader:
    """The arrays of one `.npy` or `.npz`; threads may read at the same time (`ZipFile` locks its file)."""

    def __init__(
        self,
        source: str,
        format: str,
        map: mmap.mmap,
        members: dict[str, _Member],
        archive: zipfile.ZipFile | None,
    ) -> None:
        self.source = source
        self.format = format
        self.config: Mapping[str, Any] = {}
        self._map, self._size = map, len(map)
        self._members = members
        self._archive = archive

    def tensors(self) -> Sequence[TensorInfo]:
        """In stored order."""
        return tuple(TensorInfo(name, m.header.dtype, m.header.shape) for name, m in self._members.items())

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """A view of the map, or the inflated member; UnreadableCheckpoint where the bytes are damaged."""
        member = self._members[name]
        header = member.header
        if header.numpy is None:
            found = f"the array {shown(name)} holds elements of type {shown(header.dtype)}, not numbers"
            raise unreadable(self.source, found, "Save numbers only.")
        if self._map.size() < self._size:  # touching a page past the end would kill the process (SIGBUS)
            raise unreadable(
                self.source, "it has become shorter since it was opened", "Scan it when it is complete."
            )
        if not header.nbytes:
            return np.empty(header.shape, header.numpy.newbyteorder("="))
        if member.info is None:
            flat = np.frombuffer(self._map, header.numpy, math.prod(header.shape), member.data)
        else:
            flat = self._inflate(name, header, member.info)
        return header.array(flat)

    def _inflate(self, name: str, header: NpyHeader, info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
        assert self._archive is not None
        buffer: Any = np.empty(header.nbytes, np.uint8)
        try:
            stream: Any
            with self._archive.open(info) as stream:
                stream.read(header.offset)
                view, at = memoryview(buffer), 0
                while at < header.nbytes:
                    got = stream.readinto(view[at : at + 2**20])
                    if not got:
                        raise EOFError("the member ends early")
                    at += got
                if stream.read(1):  # the checksum is only verified at the end of the member
                    raise EOFError("the member goes on after its data")
        except _DAMAGE as error:
            found = f"the array {shown(name)} cannot be inflated ({shown(error)})"
            raise unreadable(self.source, found, _AGAIN) from None
        return np.asarray(buffer.view(header.numpy))

    def release(self, name: str) -> None:
        """See `Reader`; nothing to drop: archives are mapped whole or inflated into arrays of their own."""

    def digest(self) -> str:
        """Of names, headers and places; of compressed members the checksum, of others `digests.sample`.

        Never raises.
        """
        parts = [str(self._size).encode()]
        for name, member in self._members.items():
            header = member.header
            parts += [
                name.encode("utf-8", "surrogatepass"),
                repr((header.dtype, header.shape, header.fortran)).encode(),
            ]
            if member.info is not None:
                parts.append(
                    repr((member.info.header_offset, member.info.CRC, member.info.file_size)).encode()
                )
            elif header.numpy is not None:
                parts += [str(member.data).encode(), digests.sample_bytes(partial(self.read, name))]
        return digests.blake2b(parts)


def open_npy(source: str, path: Path) -> NumpyReader:
    """One array under the file's name without `.npy`."""
    map = map_file(path, smallest=10)
    try:
        header = parse(map[:LONGEST])
        if header.numpy is None:
            _refuse_objects(source, header.dtype)
        if header.nbytes != len(map) - header.offset:
            have = len(map) - header.offset
            raise NpyError(
                f"its shape {shown(header.shape)} needs {header.nbytes:,} bytes but {have:,} follow"
            )
    except NpyError as error:
        raise unreadable(source, str(error), _AGAIN) from None
    return NumpyReader(source, "npy", map, {path.stem: _Member(header, header.offset)}, None)


def open_npz(source: str, path: Path) -> NumpyReader:
    """The `.npy` members of an archive; other members are no tensors and are passed over."""
    map = map_file(path, smallest=22)
    try:
        archive = zipfile.ZipFile(_Bounded(map))
        infos = archive.infolist()
        if len(infos) > MAX_TENSORS:
            raise NpyError(f"it has more than {MAX_TENSORS:,} members")
        members: dict[str, _Member] = {}
        for info in infos:
            if info.filename.endswith(".npy"):
                name = info.filename.removesuffix(".npy")
                if name in members:
                    raise NpyError(f"the array {shown(name)} occurs twice")
                try:
                    members[name] = _member(archive, map, info)
                except NpyError as error:
                    raise NpyError(f"the array {shown(name)}: {error}") from None
    except NpyError as error:
        raise unreadable(source, str(error), _AGAIN) from None
    except _DAMAGE as error:
        raise unreadable(source, f"it is not a whole zip archive ({shown(error)})", _AGAIN) from None
    return NumpyReader(source, "npz", map, members, archive)


def _member(archive: zipfile.ZipFile, map: mmap.mmap, info: zipfile.ZipInfo) -> _Member:
    if info.flag_bits & 0x1:
        raise NpyError("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NpyError("its compression is not one that NumPy writes")
    with archive.open(info) as stream:
        header = parse(stream.read(LONGEST))
    if header.numpy is not None and header.nbytes != info.file_size - header.offset:
        have = info.file_size - header.offset
        raise NpyError(
            f"its shape {shown(header.shape)} needs {header.nbytes:,} bytes but the archive says {have:,}"
        )
    if info.compress_type == zipfile.ZIP_STORED:
        # The local header repeats the name and may carry other extra fields than the directory.
        local = map[info.header_offset : info.header_offset + 30]
        begin = (
            info.header_offset
            + 30
            + int.from_bytes(local[26:28], "little")
            + int.from_bytes(local[28:30], "little")
        )
        if begin + info.file_size > len(map):
            raise NpyError("it reaches beyond the end of the archive")
        return _Member(header, begin + header.offset)
    if info.file_size > FREE_INFLATION_BYTES and info.file_size > MAX_INFLATION * info.compress_size:
        raise NpyError(f"it would inflate {info.compress_size:,} bytes to {info.file_size:,}")
    if info.file_size > MAX_INFLATED_BYTES:
        raise NpyError(f"it would inflate to {info.file_size:,} bytes, more than {MAX_INFLATED_BYTES:,}")
    return _Member(header, 0, info)


def _refuse_objects(source: str, dtype: str) -> None:
    if dtype == "O":
        raise UnsafeCheckpoint(
            f"read {shown(source, 300)}",
            "it holds pickled Python objects, which run code when they are loaded",
            "Save the arrays with `numpy.savez`.",
        )
    raise UnreadableCheckpoint(
        f"read {shown(source, 300)}",
        f"it holds elements of type {shown(dtype)}, not numbers",
        "Save numbers only.",
    )


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
            raise NpyError(f"its directory claims {size:,} bytes, more than {MAX_ZIP_DIRECTORY_BYTES:,}")
        data = self._map[self._at : self._at + size]
        self._at += len(data)
        return data


_DAMAGE = (
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
