"""Reads the float32 tensors of a safetensors file with NumPy alone; not every peer brings a reader."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np


def matrices(path: str) -> dict[str, np.ndarray[Any, Any]]:
    """Every two-dimensional float32 tensor, by name without the ending `.weight`."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32" or len(entry["shape"]) != 2:
            continue
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"])
        found[name.removesuffix(".weight")] = values
    return found
