"""Real trainings under watch at the default budget: what it costs, what it stores, what is dropped.

    python -m benchmarks.monitor_runs [--quick] [NAME …]

Each runs in a process of its own. The difference of wall time is taken within one training; see `monitor_paired`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from benchmarks import machine, real_files, section
from benchmarks.monitor_paired import PairedMonitor, compared
from benchmarks.monitor_trainings import TRAININGS

HEADERS = (
    "training", "steps", "ms a step", "accounted, % of wall", "of CPU", "wall difference, %", "pairs", "looks",
    "full", "dropped", "kB a 1,000 steps", "set-up s",
)  # fmt: skip


def watched(name: str, quick: bool) -> dict[str, Any]:
    """One training, in this process."""
    training, steps, length = TRAININGS[name]
    steps = 8 * length if quick else steps
    PairedMonitor.length = length
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        loss = training(PairedMonitor, Path(folder) / "run.db", steps)
        (monitor,) = PairedMonitor.made
        with monitor.run as run:
            visits = list(run.visits())
            looks = [visit for visit in visits if visit.row is None or visit.row.status == "ok"]
            kinds = {kind: sum(v.kind == kind for v in looks) for kind in ("full", "leading", "unchanged")}
            alerts = sorted({alert.rule for alert in run.alerts})
            faults = [event.text for event in run.events if event.kind == "fault"]
            measured = len({v.matrix for v in looks if v.kind == "full"})
            matrices = sum(v.row is not None and v.row.status == "ok" for v in visits if v.kind == "full")
        size = sum(path.stat().st_size for path in Path(folder).glob("run.db*"))
        cost = monitor.cost
    return {
        "name": name,
        "steps": steps,
        "loss": loss,
        "cost": {name: getattr(cost, name) for name in cost.__dataclass_fields__},
        "share_of_wall": cost.of_wall,
        "difference": compared(monitor.segments),
        "looks": kinds,
        "matrices_seen": measured,
        "full_rows": matrices,
        "alerts": alerts,
        "faults": faults,
        "bytes": size,
    }


def shown(found: dict[str, Any]) -> tuple[object, ...]:
    """A row of the table."""
    cost, difference, pairs = found["cost"], found["difference"], found["difference"]["pairs"]
    spent = cost["training_seconds"] + cost["worker_seconds"] + cost["recorder_seconds"]
    used = difference.get("watched_process_seconds", 0.0)
    wall = "–"
    if "low" in difference:
        middle, low, high = (100 * difference[name] for name in ("difference", "low", "high"))
        wall = f"{middle:+.2f} [{low:+.2f}, {high:+.2f}]"
    watched_steps = found["steps"] / 2
    return (
        found["name"], found["steps"], f"{1000 * cost['wall_seconds'] / watched_steps:.1f}",
        f"{100 * found['share_of_wall']:.2f}", f"{100 * spent / used:.2f}" if used else "–", wall, pairs,
        sum(found["looks"].values()), found["looks"]["full"],
        cost["dropped_scalars"] + cost["dropped_visits"], f"{found['bytes'] / watched_steps:.0f}",
        f"{cost['setup_seconds']:.2f}",
    )  # fmt: skip


def main() -> None:
    """Every training in its own process, the table at the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor_runs", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(TRAININGS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        warnings.simplefilter("ignore")
        print(json.dumps(watched(arguments.names[0], arguments.quick)))
        return
    for key, value in machine.describe().items():
        print(f"{key:22s}{value}")
    real_files.install()
    rows, results = [], []
    for name in arguments.names:
        command = [sys.executable, "-m", "benchmarks.monitor_runs", name, "--here"]
        done = subprocess.run(
            [*command, *(["--quick"] if arguments.quick else [])],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        results.append(found)
        rows.append(shown(found))
        print(
            f"{name}: loss {found['loss']:.3f}, alerts {found['alerts']}, faults {found['faults']}",
            flush=True,
        )
    section.table(HEADERS, rows)
    section.RESULTS.mkdir(exist_ok=True)
    stem = "monitor_runs-quick" if arguments.quick else "monitor_runs"
    (section.RESULTS / f"{stem}.json").write_text(
        json.dumps({"machine": machine.describe(), "runs": results}, indent=1)
    )


if __name__ == "__main__":
    main()
