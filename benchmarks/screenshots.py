"""Pictures of every view, to be looked at: a report of MiniLM, a run of 300 layers, live, on a phone, dark, on paper.

python -m benchmarks.screenshots FOLDER [NAME …]

NAME chooses pictures whose name holds it. PDF becomes PNG where `pdftoppm` is there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.page.chromium import PHONE
from tests.page.served import Served
from tests.page.worlds import Way, frames, writer

from benchmarks import page_browser, page_worlds

SHARP = {"device_scale_factor": 2}
DARK = {"color_scheme": "dark"}
HAND = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@dataclass(frozen=True, slots=True)
class Picture:
    """One view of one address."""

    name: str
    address: str
    options: dict[str, Any] = field(default_factory=dict)
    hover: str | None = None
    """A chart that the pointer rests on, by its role."""
    whole: bool = True
    """All of the page, not what the window shows."""
    paper: bool = False


def pictures(minilm: str | None, large: str, live: str) -> Iterator[Picture]:
    """All of them."""
    if minilm is not None:
        yield Picture("minilm-overview", minilm, SHARP)
        yield Picture("minilm-overview-dark", minilm, SHARP | DARK)
        yield Picture(
            "minilm-layer", f"{minilm}#view=layer&layer=encoder.layer.2.attention.self.key.weight", SHARP
        )
        yield Picture("minilm-layer-ranks", f"{minilm}#view=layer&spectrum=rank", SHARP)
        yield Picture("minilm-layer-dark", f"{minilm}#view=layer", SHARP | DARK)
        yield Picture("minilm-phone", minilm, HAND)
        yield Picture("minilm-phone-layer", f"{minilm}#view=layer", HAND)
        yield Picture("minilm-paper", minilm, paper=True)
    yield Picture("large-overview", large, SHARP)
    yield Picture("large-overview-early", f"{large}#step=2500", SHARP)
    yield Picture("large-layer", f"{large}#view=layer&step=6000", SHARP)
    yield Picture("large-time", f"{large}#view=time&step=4000&layer=blocks.7.attention.query.weight", SHARP)
    yield Picture("large-time-window", f"{large}#view=time&step=4000", SHARP, "scalars", whole=False)
    yield Picture("large-time-log", f"{large}#view=time&scale=log&map=metric", SHARP)
    yield Picture("large-time-dark", f"{large}#view=time&step=5500", SHARP | DARK)
    yield Picture("large-compare", f"{large}#view=compare&againstStep=3000", SHARP)
    yield Picture("large-phone-time", f"{large}#view=time", HAND)
    yield Picture("large-phone-compare", f"{large}#view=compare", HAND)
    yield Picture("live-runs", live, SHARP)
    yield Picture("live-runs-phone", live, HAND)
    yield Picture("live-time", f"{live}#run=growing&kind=run&view=time", SHARP, whole=False)
    yield Picture("live-overview", f"{live}#run=growing&kind=run", SHARP)


def main() -> None:
    """Make those that are asked for."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="triplepoint-pictures-") as name,
        page_browser.started() as browser,
    ):
        work = Path(name)
        large = page_worlds.round_robin(work, quick=False)
        model = page_worlds.minilm()
        minilm = None if model is None else page_worlds.report(model, work / "minilm.html").path.as_uri()
        report = page_worlds.report(large, work / "large.html").path.as_uri()
        with writer(work / "runs" / "growing" / "run.db", layers=60, width=page_worlds.WIDTH) as growing:
            # In the middle of it, and its writer is here.
            way = Way(began=time.time() - 440)
            growing.write([*frames(layers=60, steps=400, width=page_worlds.WIDTH, way=way)][:220])
            with Served(work / "runs", work / "keep") as served:
                with page_browser.page(browser, served.link) as opened:
                    cookies = opened.page.context.storage_state()
                for picture in pictures(minilm, report, served.origin):
                    if not wanted or any(part in picture.name for part in wanted):
                        _take(browser, picture, folder, cookies)


def _take(browser: Any, picture: Picture, folder: Path, cookies: Any) -> None:
    with page_browser.page(browser, picture.address, storage_state=cookies, **picture.options) as opened:
        opened.page.wait_for_load_state("networkidle")
        opened.settle()
        if picture.hover is not None:
            opened.page.locator(f"[data-role={picture.hover}] .u-over").first.hover()
        opened.settle()
        path = folder / f"{picture.name}.png"
        if picture.paper:
            path = path.with_suffix(".pdf")
            opened.page.pdf(path=path, format="A4", print_background=True)
            if shutil.which("pdftoppm"):
                subprocess.run(["pdftoppm", "-r", "60", "-png", path, path.with_suffix("")], check=True)
        else:
            if picture.whole:  # a window as high as the page: what sticks to its foot stays there
                height = opened.page.evaluate("document.documentElement.scrollHeight")
                opened.page.set_viewport_size({"width": opened.page.viewport_size["width"], "height": height})
                opened.settle()
            opened.page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
