"""Cells of a calibration: computed once from a seed of their own, kept on disk, printed with their error."""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

SEED = 20_261_125
LOW, HIGH = 0.93, 0.97
Cell = dict[str, float]


class Cells:
    """Results by name, computed once."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.started = time.perf_counter()
        self.found: dict[str, Cell] = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, name: str, make: Callable[[np.random.Generator], Cell]) -> Cell:
        """The kept cell, or a new one from the generator that its name seeds."""
        if name not in self.found:
            self.found[name] = make(np.random.default_rng([SEED, zlib.crc32(name.encode())]))
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.write_text(json.dumps(self.found, indent=1))
                print(f"{time.perf_counter() - self.started:6.0f} s  {name}", file=sys.stderr, flush=True)
        return self.found[name]


def share(cell: Cell, name: str = "coverage") -> str:
    """In %, with its standard error; marked where it lies outside 93–97 %."""
    value = cell[name]
    mark = "" if LOW <= value <= HIGH else " !"
    return f"{100 * value:.1f} ± {100 * math.sqrt(value * (1 - value) / cell['draws']):.1f}{mark}"


def rate(cell: Cell, name: str) -> str:
    """In %, with its standard error."""
    value = cell[name]
    return f"{100 * value:.1f} ± {100 * math.sqrt(value * (1 - value) / cell['draws']):.1f}"
