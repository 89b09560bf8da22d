"""The same run as a static file of plotly: α of all layers, the scalars and the map of phases, in one HTML file.

TensorBoard, trackio and the like are servers that show scalars and histograms; they have no file and no view of layers,
so there is nothing of theirs to put beside this. Plotly is what a person would write such a file with.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import page_browser, page_worlds, peers, section
from benchmarks.processes import ROOT
from benchmarks.timing import Timing
from triplepoint.page.codes import PHASES
from triplepoint.store import open_run

_DRAWN = "() => performance.getEntriesByName('drawn')[0].startTime"


def compared(browser: Any, folder: Path, run: Path, rounds: int) -> section.Result:
    """Size and first paint, in turn with ours; ratios of medians."""
    try:
        python = peers.interpreter("plotly")
    except peers.Unavailable as reason:
        print(reason)
        return {"skipped": str(reason)}
    data, path = folder / "plotly.npz", folder / "plotly.html"
    np.savez(data, **_arrays(run))
    subprocess.run([python, "-m", "benchmarks.workers.plotly_file", data, path], cwd=ROOT, check=True)
    ours = page_worlds.report(run, folder / "beside.html")
    seen: dict[str, list[float]] = {"plotly": [], "triplepoint": []}
    for _ in range(rounds + 1):
        seen["plotly"].append(_drawn(browser, path))
        with page_browser.page(browser, f"{ours.path.as_uri()}#view=time") as opened:
            mark = "() => performance.getEntriesByName('triplepoint-ready')[0].startTime"
            seen["triplepoint"].append(opened.page.evaluate(mark))
    timings = {name: Timing.of([one / 1000 for one in found[1:]]) for name, found in seen.items()}
    sizes = {"plotly": path.stat().st_size / 1e6, "triplepoint": ours.megabytes}
    rows = []
    for name, timing in timings.items():
        least, most = f"{timing.fastest:.2f}", f"{timing.slowest:.2f}"
        rows.append((name, f"{sizes[name]:.2f}", f"{timing.median:.2f}", f"{least}–{most}"))
    ratio = {
        "size": sizes["plotly"] / sizes["triplepoint"],
        "drawn": timings["plotly"].median / timings["triplepoint"].median,
    }
    rows.append(("plotly / triplepoint", f"{ratio['size']:.1f}", f"{ratio['drawn']:.1f}", ""))
    section.table(("the run as a file: α, scalars, phases", "MB", "drawn s", "min–max"), rows)
    print()
    return {"MB": sizes, "drawn": {name: one.to_dict() for name, one in timings.items()}, "ratio": ratio}


def _drawn(browser: Any, path: Path) -> float:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_function("() => performance.getEntriesByName('drawn').length > 0")
        return float(page.evaluate(_DRAWN))
    finally:
        context.close()


def _arrays(path: Path) -> dict[str, Any]:
    """Steps and α of each layer where it was measured, scalars, and the phase of each layer at 200 steps."""
    with open_run(path) as run:
        found: dict[str, Any] = {"names": np.array([id for id, one in run.matrices.items() if one["shape"]])}
        for name in run.scalar_names:
            points = run.scalar(name)
            found[f"scalar:{name}"] = np.array([[one.step, one.value] for one in points])
        last = run.last_step or 1
        grid = np.linspace(0, last, 200)
        phases = []
        for number, id in enumerate(found["names"]):
            visits = [one for one in run.visits(str(id)) if one.row is not None]
            steps = np.array([one.step for one in visits])
            found[f"alpha:{number}"] = np.array(
                [[one.step, one.metrics.get("alpha")] for one in visits], dtype=float
            )
            codes = np.array([0, *(PHASES[one.row.phase] for one in visits if one.row is not None)])
            phases.append(codes[np.searchsorted(steps, grid, side="right")])
        return found | {"grid": grid, "phases": np.array(phases)}
