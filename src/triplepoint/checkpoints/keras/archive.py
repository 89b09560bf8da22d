"""The container of the weights: an HDF5 file itself, or a `.keras` archive with such a file and a configuration."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from triplepoint.checkpoints import zips
from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import (
    FREE_INFLATION_BYTES,
    MAX_INFLATED_BYTES,
    MAX_INFLATION,
    MAX_KERAS_CONFIG_BYTES,
    MAX_TENSORS,
)
from triplepoint.checkpoints.mapped import MappedFile

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Weights:
    """The range of a mapped file that is an HDF5 file."""

    file: MappedFile
    begin: int
    size: int
    config: bytes = b""
    """`config.json` of the archive."""


@contextmanager
def weights(file: MappedFile) -> Iterator[Weights]:
    """Of either container; ValueError with one clause for damage. The file has a path only within the context."""
    if file.map[:4] != b"PK\3\4":
        begin = _signature(file)
        yield Weights(file, begin, file.size - begin)
        return
    try:
        archive = zips.archive(file)
        info, config = _members(archive)
        if info.compress_type == zipfile.ZIP_STORED:
            begin = zips.begin(file, info)
            if begin + info.file_size > file.size:
                raise ValueError("its model.weights.h5 reaches beyond the end of the archive")
            found = Weights(file, begin, info.file_size, config)
        else:
            found = Weights(_inflated(archive, info), 0, info.file_size, config)
    except zips.DAMAGE as error:
        raise ValueError(f"it is not a whole Keras archive ({shown(error)})") from None
    try:
        yield found
    finally:
        if found.file is not file:
            with suppress(OSError):  # Windows keeps a mapped file; elsewhere its bytes go with the map
                found.file.path.unlink()


def _signature(file: MappedFile) -> int:
    """Where HDF5 begins: at once, or after a block of the user's of 512 bytes or a power of two times that."""
    begin = 0
    while begin < file.size:
        if file.map[begin : begin + 8] == _SIGNATURE:
            return begin
        begin = 2 * begin or 512
    raise ValueError("it is neither an HDF5 file nor a Keras archive")


def _members(archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, bytes]:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(infos) > MAX_TENSORS or len(set(names)) < len(names):
        raise ValueError("a member occurs twice")
    if "model.weights.h5" not in names:
        split = "; its weights are in several parts" if "model.weights.json" in names else ""
        raise ValueError(f"it has no member model.weights.h5{split}")
    info = archive.getinfo("model.weights.h5")
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("its model.weights.h5 is encrypted or packed in a way that Keras does not write")
    config = b""
    if "config.json" in names:
        with archive.open("config.json") as stream:
            config = stream.read(MAX_KERAS_CONFIG_BYTES + 1)
    return info, config


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> MappedFile:
    """The member as a temporary file. Keras stores it as it is; somebody has packed the archive again."""
    size, packed = info.file_size, info.compress_size
    if size > MAX_INFLATED_BYTES or (size > FREE_INFLATION_BYTES and size > MAX_INFLATION * packed):
        raise ValueError(f"its model.weights.h5 would inflate {packed:,} bytes to {size:,}")
    descriptor, name = tempfile.mkstemp(suffix=".h5")
    try:
        with os.fdopen(descriptor, "wb") as target, archive.open(info) as stream:
            while piece := stream.read(2**20):
                target.write(piece)
        return MappedFile(Path(name), smallest=8)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
