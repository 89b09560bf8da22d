"""Claim: what is written runs. Docstring examples, the Python and the command lines of the pages are executed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import triplepoint
from triplepoint.cli.app import app
from triplepoint.diagnosis import RULES
from triplepoint.metrics import METRICS, MODEL_METRICS, TRAJECTORY_METRICS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
MODULES = sorted(m.name for m in pkgutil.walk_packages(triplepoint.__path__, "triplepoint."))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page, block)
        for page, text in PAGES.items()
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)
    ]


# The gallery is one story: tests/figures/test_gallery.py runs its blocks from top to bottom.
@pytest.mark.parametrize(("page", "code"), [found for found in blocks("python") if found[0] != "gallery.md"])
def test_python_in_the_pages_runs(page, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some of it writes a file
    exec(compile(code, page, "exec"), {})


COMMANDS = [
    line.split("#")[0].strip()
    for _, block in blocks("")
    for line in block.splitlines()
    if line.startswith("triplepoint ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_in_the_pages_are_understood(line, tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.chdir(tmp_path)  # some of them write a file
    path = tmp_path / "m.npz"
    names = ("block.mlp.weight", "block.attn.qkv.weight", "block.mask")
    np.savez(path, **{name: np.random.default_rng(0).standard_normal((42, 30)) for name in names})
    words = [str(path) if w in {"PATH", "model.safetensors"} else w for w in shlex.split(line)[1:]]
    done = CliRunner().invoke(app, words)
    assert done.exit_code in {0, 1}, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_the_readme_counts_the_metrics_right():
    assert f"| **metrics** | {len(METRICS)} of them" in README


def test_the_page_of_metrics_is_that_of_this_version():
    """Make it again: triplepoint explain --format md > docs/metrics.md."""
    assert PAGES["metrics.md"] == CliRunner().invoke(app, ["explain", "--format", "md"]).output


@pytest.mark.parametrize("name", [*METRICS, *MODEL_METRICS, *TRAJECTORY_METRICS, *RULES])
def test_everything_can_be_explained(name):
    done = CliRunner().invoke(app, ["explain", name])
    assert done.exit_code == 0
    assert name in done.output


def test_public_functions_have_docstrings():
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__doc__, name
