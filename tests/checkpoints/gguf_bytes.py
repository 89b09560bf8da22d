"""GGUF files written by hand, so that they can lie, and by the package `gguf`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

F32, F16, Q8_0, I8 = 0, 1, 8, 24
U32, TEXT, LIST = 4, 8, 9


def text(value: bytes | str) -> bytes:
    """Length and bytes."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def key(name: bytes | str, kind: int, value: bytes) -> bytes:
    """One key of the metadata."""
    return text(name) + struct.pack("<I", kind) + value


def u32(name: str, value: int) -> bytes:
    return key(name, U32, struct.pack("<I", value))


def listed(kind: int, items: Sequence[bytes], count: int | None = None) -> bytes:
    """The value of an array, which may claim another number of items."""
    return struct.pack("<IQ", kind, len(items) if count is None else count) + b"".join(items)


def tensor(
    name: bytes | str = "a",
    sides: Sequence[int] = (2,),
    type: int = F32,
    offset: int = 0,
    rank: int | None = None,
) -> bytes:
    """One tensor of the header; `sides` innermost first."""
    place = struct.pack("<I", len(sides) if rank is None else rank)
    return text(name) + place + struct.pack(f"<{len(sides)}QIQ", *sides, type, offset)


def raw(
    tensors: Sequence[bytes] = (),
    keys: Sequence[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    align: int = 32,
) -> bytes:
    """Header, padding, data; nothing is checked."""
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(keys))))
    head += b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % align) + data


def written(
    path: Path,
    arrays: Mapping[str, Any],
    architecture: str = "llama",
    metadata: Mapping[str, int] = {},
    **options: Any,
) -> Path:
    """A file by `gguf.GGUFWriter`; a value is an array or (bytes of rows, ggml type)."""
    import gguf

    writer = gguf.GGUFWriter(path, architecture, **options)
    for name, number in metadata.items():
        writer.add_uint32(name, number)
    for name, value in arrays.items():
        if isinstance(value, tuple):
            writer.add_tensor(name, value[0], raw_dtype=value[1])
        else:
            writer.add_tensor(name, np.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
