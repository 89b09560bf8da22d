"""The reader of every format that is a file: a table of tensors, each with its bytes and the way to its values.

A format only has to say where each tensor lies and what its bytes mean; reading, prefetching, releasing and the
digest are the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import digests
from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.mapped import Bytes, MappedFile
from triplepoint.records import PackedRows, TensorInfo

Array = np.ndarray[Any, Any]
Values = Callable[[Bytes, int | None], Array | PackedRows]
"""(the tensor's bytes, an index along its first axis or None for all of it) → values."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One tensor as it lies in a file."""

    info: TensorInfo
    file: MappedFile | None
    """None where a library reads the values; then `begin = end = 0`."""
    begin: int
    end: int
    values: Values | None
    """None where the elements cannot be read; `refusal` says why."""
    refusal: str = ""
    """One clause for a tensor that is named and never read."""


class FileReader:
    """See `Reader`. `identity` is what the digest covers besides names, types, shapes, places and samples."""

    def __init__(
        self,
        source: str,
        format: str,
        config: Mapping[str, Any],
        tensors: Iterable[Stored],
        identity: Iterable[bytes] = (),
    ) -> None:
        self.source = source
        self.format = format
        self.config = config
        self._stored = {stored.info.name: stored for stored in tensors}
        self._identity = tuple(identity)

    def tensors(self) -> Sequence[TensorInfo]:
        """In stored order."""
        return tuple(stored.info for stored in self._stored.values())

    def read(self, name: str, at: int | None = None) -> Array | PackedRows:
        """Read-only values; UnreadableCheckpoint where the bytes are damaged or of a type without values."""
        stored = self._stored[name]
        if stored.values is None:
            found = f"the tensor {shown(name)} {stored.refusal}"
            raise unreadable(self.source, found, "Save it as plain numbers, or leave it out with --layers.")
        raw = np.empty(0, np.uint8) if stored.file is None else stored.file.bytes(stored.begin, stored.end)
        values = stored.values(raw, at)
        if isinstance(values, np.ndarray):
            values.flags.writeable = False
        return values

    def place(self, name: str) -> tuple[Path, Bytes] | None:
        """The file that holds a tensor and its bytes there, as its format encodes them; None where a library reads."""
        stored = self._stored[name]
        if stored.file is None:
            return None
        return stored.file.path, stored.file.bytes(stored.begin, stored.end)

    def prefetch(self, name: str) -> None:
        """See `Reader`."""
        stored = self._stored[name]
        if stored.file is not None:
            stored.file.prefetch(stored.begin, stored.end)

    def release(self, name: str) -> None:
        """See `Reader`."""
        stored = self._stored[name]
        if stored.file is not None:
            stored.file.release(stored.begin, stored.end)

    def digest(self) -> str:
        """Of `identity`, of every header entry and of up to 256 bytes from the middle of every tensor."""
        parts = list(self._identity)
        for stored in self._stored.values():
            info = stored.info
            entry = (info.name, info.dtype, info.shape, stored.begin, stored.end)
            parts.append(repr(entry).encode("utf-8", "backslashreplace"))
            if stored.file is not None and not stored.file.shortened():
                parts.append(digests.middle(stored.file.bytes(stored.begin, stored.end)))
        return digests.blake2b(parts)


def plain(dtype: str, shape: Sequence[int], order: str = "C") -> Values | None:
    """Values that lie as NumPy holds them, as views; None for a type NumPy has no view of."""
    native = numpy_dtype(dtype)
    if native is None:
        return None
    count, size = math.prod(shape), tuple(shape)

    def values(raw: Bytes, at: int | None) -> Array:
        flat = np.frombuffer(raw.data, native, count) if count else np.empty(0, native)
        array = flat.reshape(size, order="F" if order == "F" else "C")
        return array if at is None else array[at]

    return values
