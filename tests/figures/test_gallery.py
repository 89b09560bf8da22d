"""Claim: the gallery shows every figure, its blocks run from top to bottom, and every picture is there and small."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from tests.figures import worlds
from tests.store import frames
from tests.worlds import heavy_tailed
from triplepoint.figures.plots import RunPlots, ScanPlots
from triplepoint.records import ScalarPoint
from triplepoint.store import RunWriter

DOCS = Path(__file__).parents[2] / "docs"


def gallery():
    spec = importlib.util.spec_from_file_location("make_gallery", DOCS / "make_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BLOCKS = gallery().blocks()


@pytest.mark.parametrize(("subject", "kind"), [("scan", ScanPlots), ("run", RunPlots)])
def test_every_figure_has_a_picture(subject, kind):
    pictured = {
        call
        for code, image in BLOCKS
        if image
        for call in re.findall(rf"ax = {subject}\.plot\.(\w+)\(", code)
    }
    names = {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}
    assert pictured == names


def test_every_picture_is_there_and_small():
    images = {image for _, image in BLOCKS if image}
    assert images == {f"images/gallery/{path.name}" for path in (DOCS / "images/gallery").iterdir()}
    for image in images:
        data = (DOCS / image).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) < 60_000, image


def test_the_blocks_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = re.findall(r'"([\w.]+\.weight)"', "".join(code for code, _ in BLOCKS if "scan.plot" in code))
    rng = np.random.default_rng(0)
    weights = {
        name: (3 * heavy_tailed((120, 80), 2.5, seed=at) + 0.1 * rng.standard_normal((120, 80))).astype(
            np.float32
        )
        for at, name in enumerate(sorted(set(names)))
    }
    weights["embeddings.position_embeddings.weight"][3, 4] = 1000.0
    numpy_files = pytest.importorskip("safetensors.numpy")
    Path("all-MiniLM-L6-v2").mkdir()
    numpy_files.save_file(weights, "all-MiniLM-L6-v2/model.safetensors")
    written_run(Path("runs/perceptron/run.db"))
    space = {}
    for code, image in BLOCKS:
        space.pop("ax", None)
        exec(compile(code, "gallery.md", "exec"), space)
        if image:
            assert isinstance(space["ax"], Axes), code
            assert space["ax"].has_data(), code
    space["run"].close()


def written_run(path):
    path.parent.mkdir(parents=True)
    with RunWriter(path) as writer:
        for step in range(0, 1200, 100):
            alpha = 7.0 - step / 200
            rows = [
                frames.row(id, alpha=alpha, metrics={"num_spikes": step / 100})
                for id in ("2.weight", "4.weight")
            ]
            points = [ScalarPoint("train_loss", step + 1, 3.0 - step / 600)]
            writer.write(
                [frames.frame(step + 1, scalars=points, visits=[frames.full(step + 1, row) for row in rows])]
            )


def test_the_world_of_these_tests_has_something_for_every_figure(scan):
    assert scan[worlds.TRAP].traps
