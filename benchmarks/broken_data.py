"""Does a broken data pipeline show in the weights alone? The same small model retrained 890 times.

    python -m benchmarks.broken_data --workers 2    # 20 minutes on two free cores; goes on where it stopped
    python -m benchmarks.broken_data --quick        # two minutes: shows that it runs, its figures mean nothing

A team keeps ten retrains that it trusts. The next one raises an alarm if it lies outside their prediction interval, at
five false alarms in a hundred. The question is how often twelve broken pipelines of five kinds raise it, family of
evidence by family of evidence (`broken_data_evidence`), and how often clean retrains do (`broken_data_detector`).
The flights come with a package that is installed on demand (`broken_data_flights`). Finished retrains are lines of
`results/broken_data.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks import broken_data_cells as cells
from benchmarks import broken_data_tables, section
from benchmarks import broken_data_training as training
from benchmarks.broken_data_cells import REFITTED, WORLDS, Cell
from benchmarks.broken_data_faults import CLEAN, FAULTS
from benchmarks.broken_data_flights import PACKAGE, install

CLEAN_RETRAINS, BROKEN_RETRAINS = 135, 20
FEWER_CLEAN = 60
"""In the third world, which only shows what a refitted scaler hides."""
QUICK = (15, 2)
REFITTED_KINDS = ("swapped columns", "changed unit")
"""What a refitted scaler can hide: the other faults leave means and deviations nearly as they were."""
State = dict[str, Any]


def plan(quick: bool) -> list[Cell]:
    """All retrains, the clean ones of each world first."""
    clean, broken = QUICK if quick else (CLEAN_RETRAINS, BROKEN_RETRAINS)
    wanted = []
    for world in WORLDS[:1] if quick else WORLDS:
        most = min(clean, FEWER_CLEAN) if world == REFITTED else clean
        wanted += [Cell(world, CLEAN, index) for index in range(most)]
        faults = [f for f in FAULTS if world != REFITTED or f.kind in REFITTED_KINDS]
        wanted += [Cell(world, fault.name, index) for fault in faults for index in range(broken)]
    return wanted


def recipe(epochs: int) -> str:
    """What a kept line must have been made with to be used again."""
    import torch

    network = f"{training.HIDDEN} {epochs} x {training.BATCH}, {training.RATE:g}, {training.DECAY:g}"
    windows = f"{cells.WEEKS} of {cells.STARTS} weeks"
    return f"{PACKAGE}, {windows}, {network}, seed {cells.SEED}, torch {torch.__version__}"


def kept(path: Path, made_with: str) -> dict[Cell, State]:
    """Finished retrains of this recipe. A line that was cut off when a run was killed is passed over."""
    found: dict[Cell, State] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            state = json.loads(line)
        except json.JSONDecodeError:
            continue
        if state["recipe"] == made_with:
            found[Cell(state["world"], state["fault"], state["index"])] = state
    return found


def append(path: Path, state: State) -> None:
    """One line, on a line of its own even after a cut one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cut = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    with path.open("a") as file:
        file.write(("\n" if cut else "") + json.dumps(state) + "\n")


def retrained(missing: list[Cell], epochs: int, workers: int) -> Iterator[State]:
    """Each cell in a process with one thread; a cell's numbers do not depend on who runs it."""
    if workers == 1:
        yield from (cells.run(cell, epochs) for cell in missing)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_the_parent) as pool:
        for done in as_completed([pool.submit(cells.run, cell, epochs) for cell in missing]):
            yield done.result()


def _end_with_the_parent() -> None:
    """Without it the workers of a killed run wait for ever, with 650 MB each."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Train what is missing, then print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.broken_data", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="few retrains of one epoch: shows that it runs")
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each (1)")
    parser.add_argument("--only-train", action="store_true", help="print no tables")
    asked = parser.parse_args()
    epochs = 1 if asked.quick else training.EPOCHS
    path = section.RESULTS / ("broken_data-quick.jsonl" if asked.quick else "broken_data.jsonl")
    install()
    wanted, made_with = plan(asked.quick), recipe(epochs)
    found = kept(path, made_with)
    missing = [cell for cell in wanted if cell not in found]
    began = time.perf_counter()
    for count, state in enumerate(retrained(missing, epochs, asked.workers), 1):
        append(path, {"recipe": made_with, **state})
        if count % 20 == 0 or count == len(missing):
            seconds = time.perf_counter() - began
            print(f"{seconds:6.0f} s  {count} of {len(missing)} retrains", flush=True)
    if not asked.only_train:
        found = kept(path, made_with)
        broken_data_tables.show([found[cell] for cell in wanted], path.stem)


if __name__ == "__main__":
    main()
