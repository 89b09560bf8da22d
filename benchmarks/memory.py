"""Peak memory of a scan in a fresh process, started as users start it.

    python -m benchmarks.memory [--quick]

`peak` is the resident high-water mark and counts the pages of the mapped checkpoint, which the kernel can take back at
any time; `anonymous` is what the process itself holds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import peers, section
from benchmarks.bf16 import matrix
from benchmarks.processes import Failed, MemoryWatch, Worker, can_watch_memory, triplepoint_command, watched
from benchmarks.safetensors_writer import write
from benchmarks.worlds import SEED, minilm

GOAL_MIB = 400.0


def memory(quick: bool) -> section.Result:
    """One BF16 matrix, MiniLM, and the peer on MiniLM."""
    if not can_watch_memory():
        print("skipped: this system does not say what a process holds (/proc)")
        return {}
    side = 512 if quick else 4096
    found: dict[str, dict[str, float]] = {}
    found["triplepoint --help"] = watched(triplepoint_command("--help"), time.perf_counter)
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
        path = Path(folder) / "one.safetensors"
        write(path, {"layer.weight": matrix((side, side), [SEED, side])})
        for mode in ("precise", "fast"):
            command = triplepoint_command("scan", str(path), "--mode", mode)
            found[f"one BF16 {side}², {mode}"] = watched(command, time.perf_counter)
    weights = minilm()
    if weights is not None:
        for mode in ("precise", "fast"):
            command = triplepoint_command("scan", str(weights), "--mode", mode)
            found[f"MiniLM, {mode}"] = watched(command, time.perf_counter)
        found.update(_weightwatcher(weights))
    section.table(("", "peak MiB", "anonymous MiB", "seconds"), list(_rows(found)))
    print()
    goals = [
        section.goal(name, figures["peak_mib"], GOAL_MIB, unit=" MiB", at_least=False)
        for name, figures in found.items()
        if name.startswith("one BF16") and not quick
    ]
    return {"figures": found, "goals": goals}


def _weightwatcher(weights: Path) -> dict[str, dict[str, float]]:
    """Its process before it has a model, and after one `analyze()` of MiniLM."""
    try:
        worker = Worker("weightwatcher_worker", peers.interpreter("weightwatcher"))
        watch = MemoryWatch(worker.pid)
        started = time.perf_counter()
        worker.call("about")
        watch.sample()
        imported = {
            "seconds": time.perf_counter() - started,
            "peak_mib": watch.total,
            "anonymous_mib": watch.anonymous,
        }
        worker.call("load", path=str(weights))
        worker.call("run", threads=1)
        whole = {"seconds": time.perf_counter() - started, **watch.stop()}
        worker.close()
    except (peers.Unavailable, Failed) as reason:
        print(reason)
        return {}
    return {"WeightWatcher, imported": imported, "WeightWatcher, MiniLM": whole}


def _rows(found: dict[str, dict[str, float]]) -> Iterable[tuple[str, ...]]:
    for name, figures in found.items():
        yield (
            name,
            f"{figures['peak_mib']:.0f}",
            f"{figures['anonymous_mib']:.0f}",
            f"{figures['seconds']:.2f}",
        )


if __name__ == "__main__":
    section.main("memory", memory)
