"""Writes safetensors files tensor by tensor, so that a checkpoint larger than memory can be made."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

WIDTH = {"F32": 4, "BF16": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor to be written; its bytes are made when their turn comes."""

    dtype: str
    shape: tuple[int, ...]
    blocks: Callable[[], Iterable[bytes | memoryview]]


def write(path: Path, entries: Mapping[str, Entry]) -> int:
    """Header, then the blocks of each tensor in turn. Returns the bytes of the tensors."""
    header, offset = {}, 0
    for name, entry in entries.items():
        end = offset + prod(entry.shape) * WIDTH[entry.dtype]
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for entry in entries.values():
            for block in entry.blocks():
                file.write(block)
        if file.tell() != 8 + len(text) + offset:
            raise ValueError(f"{path.name}: {file.tell()} bytes written, {8 + len(text) + offset} announced")
    return offset
