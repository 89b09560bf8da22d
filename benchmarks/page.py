"""How long the page takes to be there, and a frame of a scrub, as report and live; sizes and times of reports.

python -m benchmarks.page [--quick]

*First paint* is what Chromium calls first-contentful-paint; *ready* is when the opening view is drawn with its data;
both from the start of the navigation, each load in a browser context without a cache; *first time* is ready where the
server has not read the run before. *Work* of a frame is all script, style and layout that one move of the cursor causes
(`state.flush` and the layout after it); *interval* is the time between two animation frames meanwhile, 16.7 ms at best.
The renderer is the CPU: headless Chromium has no GPU here.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.page.served import Served
from tests.page.worlds import frames, writer

from benchmarks import page_browser, page_peer, page_worlds, section
from benchmarks.timing import Timing

VIEWS = ("overview", "layer", "time", "compare")
READY_SECONDS = 1.0
FRAME_MS = 16.0
REPORT_MEGABYTES = 3.0
_PAINT = """() => ({
  paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
  ready: performance.getEntriesByName("triplepoint-ready")[0].startTime,
})"""
_SCRUB = """async (count) => {
  const { state, player, subject } = window.triplepoint;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const work = [];
  const intervals = [];
  const flush = state.flush.bind(state);
  state.flush = () => {
    const began = performance.now();
    flush();
    void document.body.offsetHeight;
    work.push(performance.now() - began);
  };
  const steps = subject.steps;
  for (let k = 0; k < 10; k++) { player.go(steps[k]); await frame(); }
  work.length = 0;
  let before = await frame();
  for (let k = 0; k < count; k++) {
    player.go(steps[Math.round((k * (steps.length - 1)) / (count - 1))]);
    const now = await frame();
    intervals.push(now - before);
    before = now;
  }
  delete state.flush;
  return { work, intervals };
}"""
_TAKE = """() => {
  const { state } = window.triplepoint;
  const flush = state.flush.bind(state);
  window.took = [];
  state.flush = () => {
    const data = state.changed.has("data");
    const began = performance.now();
    flush();
    void document.body.offsetHeight;
    if (data) window.took.push(performance.now() - began);
  };
}"""


def page(quick: bool) -> section.Result:
    """Sizes, first paint, frames, and the same data as a file of plotly."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder,
            page_browser.started() as browser,
        ):
            return _measured(browser, Path(folder), quick)
    except page_browser.NoBrowser as reason:
        print(f"skipped: {reason}")
        return {"skipped": str(reason)}


def _measured(browser: Any, folder: Path, quick: bool) -> section.Result:
    print(f"Chromium {browser.version}\n")
    runs = {
        "300 layers × 1,000 steps": page_worlds.round_robin(folder, quick=quick),
        "the same, a look at every step": page_worlds.every_step(folder, quick=quick),
    }
    reports = _reports(folder, runs)
    found: section.Result = {"chromium": browser.version, "reports": reports}
    addresses = {f"{name}, report": one.path.as_uri() for name, one in reports.items()}
    with Served(folder / "runs", folder / "keep") as served:
        with page_browser.page(browser, served.link) as opened:
            cookies = opened.page.context.storage_state()
        live = {
            f"{name}, live": f"{served.origin}#kind=run&run={path.parent.name}" for name, path in runs.items()
        }
        found["first paint"] = _paints(browser, addresses | live, cookies, 2 if quick else 7)
        scrubbed = {name: at for name, at in (addresses | live).items() if "MiniLM" not in name}
        found["frames"] = _frames(browser, scrubbed, cookies, 20 if quick else 200)
    found["live frames"] = _live_frames(browser, folder, 5 if quick else 40)
    found["plotly"] = page_peer.compared(browser, folder, next(iter(runs.values())), 2 if quick else 7)
    found["goals"] = _goals(found)
    found["reports"] = {name: {"MB": one.megabytes, "s": one.seconds} for name, one in reports.items()}
    return found


def _reports(folder: Path, runs: dict[str, Path]) -> dict[str, page_worlds.Report]:
    sources = dict(runs)
    if (minilm := page_worlds.minilm()) is not None:
        sources = {"MiniLM": minilm, **sources}
    made = {
        name: page_worlds.report(path, folder / f"{number}.html")
        for number, (name, path) in enumerate(sources.items())
    }
    section.table(
        ("report", "MB", "written in s"),
        [(name, f"{one.megabytes:.2f}", f"{one.seconds:.1f}") for name, one in made.items()],
    )
    print()
    return made


def _paints(browser: Any, addresses: dict[str, str], cookies: Any, rounds: int) -> dict[str, Any]:
    """Loads in turn; the first, which fills the caches of server and kernel, is told apart."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
    for _ in range(rounds + 1):
        for name, address in addresses.items():
            with page_browser.page(browser, address, storage_state=cookies) as opened:
                seen[name].append(opened.page.evaluate(_PAINT))
    found: dict[str, Any] = {
        name: {
            key: Timing.of([one[key] / 1000 for one in loads[1:] if one[key] is not None]).to_dict()
            for key in ("paint", "ready")
        }
        | {"first time": loads[0]["ready"] / 1000}
        for name, loads in seen.items()
    }
    section.table(
        ("opened", "first paint s", "ready s", "min–max", "first time"),
        [
            (
                name,
                f"{one['paint']['median']:.2f}",
                f"{one['ready']['median']:.2f}",
                f"{one['ready']['fastest']:.2f}–{one['ready']['slowest']:.2f}",
                f"{one['first time']:.2f}",
            )
            for name, one in found.items()
        ],
    )
    print()
    return found


def _frames(browser: Any, addresses: dict[str, str], cookies: Any, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rows = []
    for name, address in addresses.items():
        with page_browser.page(browser, address, storage_state=cookies) as opened:
            opened.wait("() => window.triplepoint.subject !== null")
            for view in VIEWS:
                opened.view(view)
                opened.page.wait_for_load_state("networkidle")
                opened.settle()
                seen = opened.page.evaluate(_SCRUB, count)
                one = {key: spread(seen[key]) for key in ("work", "intervals")}
                found[f"{name}, {view}"] = one
                rows.append((f"{name}, {view}", *_cells(one["work"]), *_cells(one["intervals"])))
    headers = ("one move of the cursor, ms", "work", "95 %", "max", "interval", "95 %", "max")
    section.table(headers, rows)
    print()
    return found


def _live_frames(browser: Any, folder: Path, count: int) -> dict[str, Any]:
    """What a new frame of a run costs an open page: 8 looks and 5 scalars, taken up and drawn."""
    size = {"layers": page_worlds.LAYERS, "width": page_worlds.WIDTH}
    whole = [*frames(steps=page_worlds.STEPS, **size)]
    found: dict[str, Any] = {}
    with writer(folder / "growing" / "now" / "run.db", **size) as made:
        began = len(whole) - count * len(VIEWS)
        made.write(whole[:began])
        with (
            Served(folder / "growing", folder / "keep") as served,
            page_browser.page(browser, served.link) as opened,
        ):
            opened.wait("() => window.triplepoint.subject !== null")
            opened.page.evaluate(_TAKE)
            at = began
            for view in VIEWS:
                opened.view(view)
                opened.page.wait_for_load_state("load")
                opened.page.evaluate("() => { window.took = []; }")
                for frame in whole[at : at + count]:
                    made.write([frame])
                    at += 1
                    opened.wait("(id) => Number(document.body.dataset.frame) >= id", at)
                opened.settle()
                found[view] = spread(opened.page.evaluate("() => window.took"))
    section.table(
        ("one new frame of a live run, ms", "work", "95 %", "max"),
        [(view, *_cells(one)) for view, one in found.items()],
    )
    print()
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the largest."""
    ordered = sorted(values)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))],
        "max": ordered[-1],
        "n": len(ordered),
    }


def _cells(one: dict[str, float]) -> tuple[str, str, str]:
    return f"{one['median']:.1f}", f"{one['p95']:.1f}", f"{one['max']:.1f}"


def _goals(found: section.Result) -> list[section.Result]:
    def goal(what: str, value: float, limit: float, unit: str) -> section.Result:
        return section.goal(what, value, limit, unit=unit, at_least=False)

    goals = [
        goal(f"report of {name}", one.megabytes, REPORT_MEGABYTES, " MB")
        for name, one in found["reports"].items()
    ]
    goals += [
        goal(f"{what} of {name}", one[key]["median"], READY_SECONDS, " s")
        for name, one in found["first paint"].items()
        for what, key in (("first paint", "paint"), ("drawn with data", "ready"))
    ]
    return goals + [
        goal(f"95 % of frames: {name}", one["work"]["p95"], FRAME_MS, " ms")
        for name, one in found["frames"].items()
    ]


if __name__ == "__main__":
    section.main("page", page)
