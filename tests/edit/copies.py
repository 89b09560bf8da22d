"""Small checkpoints on disk, and what a copy of one holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.worlds import gaussian, with_singular_values
from triplepoint.checkpoints import open as open_checkpoint

Arrays = dict[str, np.ndarray]


def model() -> Arrays:
    """Two weights with spikes, one of noise, and what no edit touches."""
    strong = np.array([70.0, 50.0, 40.0])
    return {
        "embed.weight": (gaussian((90, 40), 1) * 0.1).astype(np.float32),
        "layer.0.weight": (gaussian((60, 40), 12) + with_singular_values(strong, (60, 40), 3)).astype(
            np.float32
        ),
        "layer.0.bias": np.arange(60, dtype=np.float32),
        "layer.1.weight": (gaussian((40, 60), 4) + with_singular_values(strong, (40, 60), 5)).astype(
            np.float32
        ),
        "position_ids": np.arange(12).reshape(1, 12),
        "tiny.weight": gaussian((3, 5), 6).astype(np.float32),
    }


def saved(folder: Path, arrays: Arrays, metadata: dict[str, str] | None = None, **config: Any) -> Path:
    """The folder of a model."""
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / "model.safetensors", metadata or {"format": "pt"})
    if config:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def sharded(folder: Path, arrays: Arrays) -> Path:
    """Two shards and their index."""
    folder.mkdir()
    names = list(arrays)
    files = {"model-00001-of-00002.safetensors": names[:2], "model-00002-of-00002.safetensors": names[2:]}
    for file, held in files.items():
        save_file({name: arrays[name] for name in held}, folder / file, {"format": "pt"})
    index = {
        "metadata": {"total_size": 1, "note": "kept"},
        "weight_map": {name: file for file, held in files.items() for name in held},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def held(path: Path) -> Arrays:
    """Every tensor of a checkpoint."""
    reader = open_checkpoint(path)
    return {info.name: np.array(reader.read(info.name)) for info in reader.tensors()}


def singular(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix.astype(np.float64), compute_uv=False)


def nearest(matrix: np.ndarray, count: int) -> np.ndarray:
    """Its `count` leading components."""
    u, s, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return (u[..., :count] * s[..., None, :count]) @ v[..., :count, :]
