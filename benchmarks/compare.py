"""triplepoint against its peers: the same matrices, interleaved rounds, ratios of medians, and how far α differs.

    python -m benchmarks.compare [--quick]

Timed are: for triplepoint the whole `scan()` of the file, reading and every metric included; for WeightWatcher
`analyze()` on a module in memory; for diffract-core its spectrum and fit of matrices in memory. What favours a side
favours the peers.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers, section
from benchmarks.processes import Failed, Worker
from benchmarks.timing import Timing
from benchmarks.worlds import World, build

# A tool that has used this many seconds on one workload takes no further round; its figure says how many it had.
PATIENCE = 90.0
# Every tool runs a workload once untimed, but for this one: it is warm from the smaller ones, and a run takes minutes.
NO_WARM_UP = "square"

# Those that scan whole checkpoints; powerlaw, which fits samples, has its own section.
PEERS = ("weightwatcher", "diffract")
PRECISE, FAST = "triplepoint precise", "triplepoint fast"
# With BLAS threads as it finds them, and with one: on a busy machine two threads on small matrices collapse (36 s
# against 2 s on MiniLM), and a ratio must not live off that.
WEIGHTWATCHER = ("WeightWatcher", "WeightWatcher, 1 BLAS thread")
DIFFRACT = ("diffract, powerlaw fit", "diffract, own fit")

# (workload, tool at its fastest, our mode, ratio at least)
GOALS = (
    ("bert", "WeightWatcher", PRECISE, 5.0),
    ("bert", "WeightWatcher", FAST, 7.0),
    ("square", "WeightWatcher", PRECISE, 4.0),
    ("square", "WeightWatcher", FAST, 7.0),
    ("bert", "diffract", PRECISE, 10.0),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to run one tool."""

    worker: Worker
    settings: Mapping[str, Any]


def compare(quick: bool) -> section.Result:
    """Every tool that is here on every workload."""
    workers, about, skipped = _workers()
    tools = _tools(workers)
    try:
        with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
            worlds = {world.name: _world(world, workers, tools) for world in build(Path(folder), quick=quick)}
    finally:
        for worker in workers.values():
            worker.close()
    print()
    # The goals are of the full sizes; at small ones every tool mostly waits for itself.
    goals = [
        section.goal(f"{tool} / {ours} at {name}", ratio, limit, unit="x", at_least=True)
        for name, tool, ours, limit in GOALS
        if not quick and name in worlds and (ratio := _ratio(worlds[name], tool, ours)) is not None
    ]
    return {"tools": about, "skipped": skipped, "worlds": worlds, "goals": goals}


def _workers() -> tuple[dict[str, Worker], dict[str, Any], list[str]]:
    workers, skipped = {"triplepoint": Worker("triplepoint_worker")}, []
    for name in PEERS:
        try:
            workers[name] = Worker(f"{name}_worker", peers.interpreter(name))
        except peers.Unavailable as reason:
            skipped.append(str(reason))
            print(reason)
    about = {}
    for name, worker in list(workers.items()):
        try:
            about[name] = worker.call("about")
            print(f"{name:16s}{'  '.join(f'{key} {value}' for key, value in about[name].items())}")
        except Failed as error:
            skipped.append(f"{name}: {error}")
            print(f"{name}: skipped, it does not start here: {error}")
            workers.pop(name).close()
    return workers, about, skipped


def _tools(workers: Mapping[str, Worker]) -> dict[str, Tool]:
    known: dict[str, tuple[str, dict[str, Any]]] = {
        PRECISE: ("triplepoint", {"mode": "precise"}),
        FAST: ("triplepoint", {"mode": "fast"}),
        WEIGHTWATCHER[0]: ("weightwatcher", {"threads": None}),
        WEIGHTWATCHER[1]: ("weightwatcher", {"threads": 1}),
        DIFFRACT[0]: ("diffract", {"fit": "powerlaw"}),
        DIFFRACT[1]: ("diffract", {"fit": "diffract"}),
    }
    return {title: Tool(workers[name], how) for title, (name, how) in known.items() if name in workers}


def _world(world: World, workers: Mapping[str, Worker], tools: Mapping[str, Tool]) -> section.Result:
    section.heading(f"{world.title}")
    for worker in workers.values():
        worker.call("load", path=str(world.path))
    seconds: dict[str, list[float]] = {title: [] for title in tools}
    alphas: dict[str, Mapping[str, float | None]] = {}
    failed: dict[str, str] = {}
    for turn in range(0 if world.name == NO_WARM_UP else -1, world.rounds):
        for title, tool in tools.items():
            if title in failed or sum(seconds[title]) > PATIENCE:
                continue
            try:
                answer = tool.worker.call("run", **tool.settings)
            except Failed as error:
                failed[title] = str(error)
                continue
            alphas[title] = answer["alpha"]
            if turn >= 0:
                seconds[title].append(answer["seconds"])
    timings = {title: Timing.of(found) for title, found in seconds.items() if found}
    agreement = {title: _agreement(alphas[PRECISE], alphas[title]) for title in timings if title != PRECISE}
    _print(timings, agreement, failed)
    return {
        "title": world.title,
        "seconds": {title: timing.to_dict() for title, timing in timings.items()},
        "all_seconds": seconds,
        "alpha": agreement,
        "failed": failed,
    }


def _agreement(ours: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> section.Result:
    """Over the matrices where `precise` has an α: how many the other lacks, and the largest difference."""
    wanted = {name: value for name, value in ours.items() if value is not None}
    # WeightWatcher says -1 where its fit failed, diffract NaN (which comes as None).
    given = {name: value for name in wanted if (value := theirs.get(name)) is not None and value > 0}
    both = {name: abs(value - wanted[name]) for name, value in given.items() if math.isfinite(value)}
    worst = max(both, key=lambda name: both[name], default=None)
    return {
        "matrices": len(wanted),
        "without_alpha": len(wanted) - len(both),
        "largest_difference": None if worst is None else both[worst],
        "of": worst,
    }


def _print(timings: Mapping[str, Timing], agreement: Mapping[str, Any], failed: Mapping[str, str]) -> None:
    rows = []
    for title, timing in timings.items():
        found = agreement.get(title)
        difference = found and found["largest_difference"]
        rows.append(
            (
                title,
                f"{timing.median:.3f}",
                f"{timing.fastest:.3f}–{timing.slowest:.3f}",
                timing.rounds,
                *(f"{timing.median / timings[ours].median:.2f}x" for ours in (PRECISE, FAST)),
                "" if difference is None else f"{difference:.1e}",
                "" if found is None else f"{found['without_alpha']}/{found['matrices']}",
            )
        )
    headers = ("", "median s", "min–max", "rounds", "/precise", "/fast", "max |Δα|", "without α")
    section.table(headers, rows)
    for title, why in failed.items():
        print(f"{title}: {why}")


def _ratio(world: section.Result, tool: str, ours: str) -> float | None:
    """The tool's median over ours; of several ways to run a tool the fastest."""
    medians = [timing["median"] for title, timing in world["seconds"].items() if title.startswith(tool)]
    return min(medians) / world["seconds"][ours]["median"] if medians else None


if __name__ == "__main__":
    section.main("compare", compare)
