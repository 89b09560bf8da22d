"""Safetensors files written by hand, so that they can lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def raw(header: bytes | dict[str, Any], data: bytes = b"") -> bytes:
    """Length, header, data; nothing is checked."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    """One header entry, by default two floats."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def good(path: Path, **shapes: tuple[int, ...]) -> Path:
    """A valid file of F32 tensors that count upwards."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = entry("F32", shape, (at, at + size))
        at += size
    path.write_bytes(raw(header, b"".join(struct.pack("<f", i) for i in range(at // 4))))
    return path
