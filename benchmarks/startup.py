"""What a user waits for before anything is computed: help, import, and a file with one small matrix.

python -m benchmarks.startup [--quick]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import peers, section
from benchmarks.processes import ROOT, triplepoint_command
from benchmarks.safetensors_writer import Entry, write
from benchmarks.timing import interleaved
from benchmarks.worlds import SEED

HELP_SECONDS = 0.25


def startup(quick: bool) -> section.Result:
    """Fresh processes in turn, after one of each to fill the page cache."""
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
        path = Path(folder) / "tiny.safetensors"
        values = np.random.default_rng(SEED).standard_normal((64, 64), dtype=np.float32)
        write(path, {"layer.weight": Entry("F32", values.shape, lambda: [values.tobytes()])})
        commands: dict[str, Sequence[str | Path]] = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "triplepoint --help": triplepoint_command("--help"),
            "import triplepoint": [sys.executable, "-c", "import triplepoint"],
            "triplepoint scan, one 64²": triplepoint_command("scan", str(path)),
        }
        try:
            commands["import weightwatcher"] = [
                peers.interpreter("weightwatcher"),
                "-c",
                "import weightwatcher",
            ]
        except peers.Unavailable as reason:
            print(reason)
        calls = {name: _runner(command) for name, command in commands.items()}
        interleaved(calls, 1)
        timings = interleaved(calls, 3 if quick else 11)
    rows = [
        (name, f"{t.median:.3f}", f"{t.fastest:.3f}–{t.slowest:.3f}", t.rounds) for name, t in timings.items()
    ]
    section.table(("", "median s", "min–max", "rounds"), rows)
    print()
    median = timings["triplepoint --help"].median
    return {
        "seconds": {name: timing.to_dict() for name, timing in timings.items()},
        "goals": [section.goal("triplepoint --help", median, HELP_SECONDS, unit=" s", at_least=False)],
    }


def _runner(command: Sequence[str | Path]) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    section.main("startup", startup)
