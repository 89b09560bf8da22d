"""NumPy files: `.npy`, one array, and `.npz`, a zip archive of them. Pickle is never read.

Uncompressed data are mapped, compressed members are inflated when they are read. Every claim of a header is
held against the size of the file or member before anything is allocated, and a member's name is only a name:
nothing is written to disk.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import zips
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.formats import extension_of
from triplepoint.checkpoints.limits import (
    FREE_INFLATION_BYTES,
    MAX_INFLATED_BYTES,
    MAX_INFLATION,
    MAX_TENSORS,
)
from triplepoint.checkpoints.mapped import Bytes, MappedFile
from triplepoint.checkpoints.npy_header import LONGEST, NpyError, NpyHeader, parse
from triplepoint.checkpoints.stored import Array, FileReader, Stored
from triplepoint.errors import UnreadableCheckpoint, UnsafeCheckpoint
from triplepoint.records import TensorInfo

_AGAIN = "Download or save it again."


def open_file(source: str, path: Path) -> FileReader:
    """One array or an archive of arrays."""
    return (open_npy if extension_of(path) == ".npy" else open_npz)(source, path)


def open_npy(source: str, path: Path) -> FileReader:
    """One array under the file's name without `.npy`."""
    file = MappedFile(path, smallest=10)
    try:
        header = parse(file.map[:LONGEST])
        if header.numpy is None:
            _refuse_objects(source, header.dtype)
        if header.nbytes != file.size - header.offset:
            have = file.size - header.offset
            raise NpyError(
                f"its shape {shown(header.shape)} needs {header.nbytes:,} bytes but {have:,} follow"
            )
    except NpyError as error:
        raise unreadable(source, str(error), _AGAIN) from None
    return FileReader(source, "npy", {}, [_mapped(path.stem, header, file, header.offset)])


def open_npz(source: str, path: Path) -> FileReader:
    """The `.npy` members of an archive; other members are no tensors and are passed over.

    Threads may read at the same time: `ZipFile` locks its file.
    """
    file = MappedFile(path, smallest=22)
    try:
        archive = zips.archive(file)
        infos = archive.infolist()
        if len(infos) > MAX_TENSORS:
            raise NpyError(f"it has more than {MAX_TENSORS:,} members")
        members: dict[str, Stored] = {}
        for info in infos:
            if info.filename.endswith(".npy"):
                name = info.filename.removesuffix(".npy")
                if name in members:
                    raise NpyError(f"the array {shown(name)} occurs twice")
                try:
                    members[name] = _member(name, archive, file, info)
                except NpyError as error:
                    raise NpyError(f"the array {shown(name)}: {error}") from None
    except NpyError as error:
        raise unreadable(source, str(error), _AGAIN) from None
    except zips.DAMAGE as error:
        raise unreadable(source, f"it is not a whole zip archive ({shown(error)})", _AGAIN) from None
    return FileReader(source, "npz", {}, members.values(), [repr((len(infos), file.size)).encode()])


def _mapped(name: str, header: NpyHeader, file: MappedFile, begin: int) -> Stored:
    def values(raw: Bytes, at: int | None) -> Array:
        assert header.numpy is not None
        flat = np.frombuffer(raw.data, header.numpy) if header.nbytes else np.empty(0, header.numpy)
        return header.array(flat, at)

    info = TensorInfo(name, header.dtype, header.shape)
    if header.numpy is None:
        refusal = f"holds elements of type {shown(header.dtype)}, not numbers"
        return Stored(info, None, 0, 0, None, refusal)
    return Stored(info, file, begin, begin + header.nbytes, values)


def _member(name: str, archive: zipfile.ZipFile, file: MappedFile, info: zipfile.ZipInfo) -> Stored:
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
        begin = zips.begin(file, info)
        if begin + info.file_size > file.size:
            raise NpyError("it reaches beyond the end of the archive")
        return _mapped(name, header, file, begin + header.offset)
    if info.file_size > FREE_INFLATION_BYTES and info.file_size > MAX_INFLATION * info.compress_size:
        raise NpyError(f"it would inflate {info.compress_size:,} bytes to {info.file_size:,}")
    if info.file_size > MAX_INFLATED_BYTES:
        raise NpyError(f"it would inflate to {info.file_size:,} bytes, more than {MAX_INFLATED_BYTES:,}")
    if header.numpy is None:
        return _mapped(name, header, file, 0)
    begin = zips.begin(file, info)
    end = min(begin + info.compress_size, file.size)
    return Stored(
        TensorInfo(name, header.dtype, header.shape),
        file,
        min(begin, end),
        end,
        lambda _, at: header.array(_inflate(file.path, name, archive, header, info), at),
    )


def _inflate(
    path: Path, name: str, archive: zipfile.ZipFile, header: NpyHeader, info: zipfile.ZipInfo
) -> Array:
    buffer: Any = np.empty(header.nbytes, np.uint8)
    try:
        stream: Any
        with archive.open(info) as stream:
            stream.read(header.offset)
            view, at = memoryview(buffer), 0
            while at < header.nbytes:
                got = stream.readinto(view[at : at + 2**20])
                if not got:
                    raise EOFError("the member ends early")
                at += got
            if stream.read(1):  # the checksum is only verified at the end of the member
                raise EOFError("the member goes on after its data")
    except zips.DAMAGE as error:
        found = f"the array {shown(name)} cannot be inflated ({shown(error)})"
        raise unreadable(path, found, _AGAIN) from None
    return np.asarray(buffer.view(header.numpy))


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
