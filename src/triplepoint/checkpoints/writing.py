"""Safetensors files, written tensor by tensor: what is read next is computed when it is its turn.

The header comes first in the file and last in time, because its metadata tell what was done: room is reserved for it
and filled up with spaces, as the format allows. Data are ordered by the size of their elements, the largest first, and
begin at a multiple of 8, so that every tensor is aligned. Format: github.com/huggingface/safetensors.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from triplepoint.checkpoints.dtypes import BITS
from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_HEADER_BYTES, MAX_NAME_BYTES
from triplepoint.errors import UsageError
from triplepoint.records import TensorInfo

Array = np.ndarray[Any, Any]
_METADATA = "__metadata__"


def refusal(tensor: TensorInfo) -> str | None:
    """Why a safetensors file cannot hold the tensor as it is stored, as one clause; None where it can."""
    if tensor.dtype not in BITS:
        return f"has the element type {shown(tensor.dtype)}, which the format does not know"
    if tensor.name == _METADATA:
        return "has the name of the metadata"
    try:
        name = json.dumps(tensor.name, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return "has a name that is no text"
    # Quotes included, as the reader counts.
    return f"has a name of more than {MAX_NAME_BYTES:,} bytes" if len(name) > MAX_NAME_BYTES else None


def in_order(tensors: Iterable[TensorInfo]) -> list[TensorInfo]:
    """The order in which they are written."""
    return sorted(tensors, key=lambda tensor: -BITS[tensor.dtype])


def data_bytes(tensor: TensorInfo) -> int:
    """Bytes of its values."""
    return tensor.size * BITS[tensor.dtype] // 8


def raw(array: Array) -> Array:
    """The bytes of an array in C order, without a copy where it has that order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


class SafetensorsWriter:
    """One file: `put` every tensor of `in_order(tensors)` in that order, then `finish`.

    `room`: metadata that are at least as long as those that `finish` will get.
    """

    def __init__(self, stream: BinaryIO, tensors: Sequence[TensorInfo], room: Mapping[str, str]) -> None:
        self._stream = stream
        self._left = deque(in_order(tensors))
        self._entries: dict[str, Any] = {}
        at = 0
        for tensor in self._left:
            stop = at + data_bytes(tensor)
            entry = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [at, stop]}
            self._entries[tensor.name] = entry
            at = stop
        self._room = -len(self._header(room)) % 8 + len(self._header(room))
        if self._room > MAX_HEADER_BYTES:
            raise UsageError(
                "write safetensors", f"the header would take {self._room:,} bytes", "Split the checkpoint"
            )
        stream.write(bytes(8 + self._room))

    def put(self, tensor: TensorInfo, pieces: Iterable[Array]) -> None:
        """The next tensor, as arrays or bytes one after another; ValueError where they are not its size."""
        if not self._left or self._left.popleft().name != tensor.name:
            raise ValueError(f"{tensor.name!r} is out of order")
        written = 0
        for piece in pieces:
            written += self._stream.write(raw(piece).data)
        if written != data_bytes(tensor):
            raise ValueError(f"{tensor.name!r} takes {data_bytes(tensor)} bytes, not {written}")

    def finish(self, metadata: Mapping[str, str]) -> None:
        """The header; the file is complete and on the disk afterwards."""
        if self._left:
            raise ValueError(f"{self._left[0].name!r} was not written")
        header = self._header(metadata)
        if len(header) > self._room:
            raise ValueError(f"the header takes {len(header)} bytes, {self._room} were reserved")
        self._stream.seek(0)
        self._stream.write(self._room.to_bytes(8, "little") + header.ljust(self._room))
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def _header(self, metadata: Mapping[str, str]) -> bytes:
        document = {_METADATA: dict(metadata), **self._entries} if metadata else self._entries
        # Escaped to ASCII a name would be longer than it was in the source, and than any reader here takes.
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


@contextlib.contextmanager
def creating(target: Path) -> Iterator[Path]:
    """A free path beside `target`, whose file or folder takes that name when the block ends well.

    Nothing is left otherwise, unless the process is killed outright: then `.triplepoint-PID-….tmp` is there to delete.
    Nothing is ever replaced but an empty folder: whoever took the name meanwhile keeps
    it, and the block is a UsageError. So is an error of the file system.
    """
    partial = target.with_name(f".triplepoint-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        try:
            yield partial
            _take(partial, target)
        finally:
            if partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)
    except FileExistsError as error:
        raise UsageError(f"write {target}", "it exists already", "Choose a new name for -o") from error
    except OSError as error:
        raise UsageError(
            f"write {target}",
            error.strerror or type(error).__name__,
            "Choose a place in an existing folder with room and write permission",
        ) from error


def _take(partial: Path, target: Path) -> None:
    if partial.is_dir():
        try:
            os.rename(partial, target)  # over an empty folder or nothing
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.ENOTDIR):
                raise FileExistsError(target) from None
            raise
        return
    try:
        os.link(partial, target)  # unlike a rename it takes no name that is taken
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links: the name was free when the work began.
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(partial, target)
