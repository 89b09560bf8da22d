"""Claim: every figure keeps the same promises, found by membership in `scan.plot` and `run.plot`.

It returns the axes it was given and then touches no state of pyplot; it can be written as PDF, SVG and PNG without a
display; it is one column wide and shows no text below 6 points; names are text, never formulas; without matplotlib the
error says what to install; when drawing fails no figure is left open.
"""

from __future__ import annotations

import inspect
import io
import subprocess
import sys
from dataclasses import replace

import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from tests.figures import worlds
from triplepoint.errors import MissingDependency
from triplepoint.figures.canvas import COLUMN, canvas
from triplepoint.figures.plots import RunPlots, ScanPlots
from triplepoint.records import Scan


def methods(kind):
    return [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")]


EVERY = [("scan", name) for name in methods(ScanPlots)] + [("run", name) for name in methods(RunPlots)]


def drawn(scan, run, which, ax=None):
    """The figure called with what its parameters ask for."""
    subject, name = which
    method = getattr((scan if subject == "scan" else run).plot, name)
    layer = worlds.TRAP if subject == "scan" else worlds.LAYERS[0]
    known = {"layer": layer, "other": scan, "metric_name": "stable_rank", "metric": "alpha"}
    taken = [p for p in inspect.signature(method).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return method(*[known[p.name] for p in taken], ax=ax)


@pytest.mark.parametrize("which", EVERY)
def test_given_axes_are_drawn_on_and_pyplot_is_left_alone(scan, run, which):
    ax = Figure().subplots()
    assert drawn(scan, run, which, ax) is ax
    assert ax.has_data()
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("which", EVERY)
def test_a_new_figure_is_one_column_wide_and_legible(scan, run, which):
    ax = drawn(scan, run, which)
    assert isinstance(ax, Axes)
    figure = ax.figure
    assert figure.get_figwidth() == COLUMN
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible() and text.get_window_extent().width:
            assert text.get_fontsize() >= 6.0, text.get_text()
    # Nothing is cut off: title, labels and legend lie on the page.
    legend = ax.get_legend()
    texts = (ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label)
    named = [text for text in texts if text.get_text()]
    for artist in [*named, *([legend] if legend else [])]:
        box = artist.get_window_extent()
        assert -1 <= box.x0 <= box.x1 <= width + 1, artist
        assert -1 <= box.y0 <= box.y1 <= height + 1, artist


# Bars, lines and areas, meshes: a PDF takes half a second.
@pytest.mark.parametrize("which", [("scan", "esd"), ("scan", "alpha"), ("run", "spectra")])
def test_it_can_be_written_as_vectors(scan, run, which):
    figure = drawn(scan, run, which).figure
    for kind in ("pdf", "svg"):
        written = io.BytesIO()
        figure.savefig(written, format=kind)
        assert written.tell() > 1000


@pytest.mark.parametrize("which", EVERY)
def test_without_matplotlib_it_says_what_to_install(scan, run, which, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match=r"pip install 'triplepoint\[figures\]'"):
        drawn(scan, run, which)


def test_names_are_text_and_no_formulas(scan):
    name = r"a$\frac{$b_$x$.weight"
    row = replace(scan[worlds.HEAVY], id=name)
    one = replace(scan, matrices=(row,))
    for ax in (one.plot.esd(name), one.plot.rank(name), one.plot.alpha(), one.plot.dumbbells(one)):
        ax.figure.canvas.draw()
    assert one.plot.esd(name).get_title(loc="left") == r"a\$\frac{\$b_\$x\$"


def test_plots_name_their_figures(scan, run):
    assert repr(scan.plot).startswith("<ScanPlots: alpha, compare, dumbbells, esd")
    assert repr(run.plot) == "<RunPlots: esd, heatmap, phases, scalars, spectra, trajectory>"


def test_a_figure_that_fails_is_closed():
    def fail():
        with canvas(None):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert pyplot.get_fignums() == []


def test_the_style_of_others_is_left_as_it_was(scan):
    before = dict(pyplot.rcParams)
    scan.plot.alpha()
    assert dict(pyplot.rcParams) == before


def test_a_loaded_scan_shows_itself_too(scan, tmp_path):
    scan.save(tmp_path / "scan.json")
    loaded = Scan.load(tmp_path / "scan.json")
    ax = loaded.plot.esd(worlds.HEAVY)
    assert sum(bar.get_height() for bar in ax.containers[0]) == 200
    assert loaded._repr_html_().startswith("<div")


def test_neither_importing_nor_scanning_nor_a_notebook_imports_matplotlib_or_pandas(tmp_path):
    code = (
        "import sys, numpy as np, triplepoint;"
        "scan = triplepoint.scan({'w': np.random.default_rng(0).standard_normal((40, 30))}, workers=1);"
        "scan.plot; scan._repr_html_();"
        "from triplepoint.store import RunWriter; RunWriter('run.db').close();"
        "run = triplepoint.open_run('run.db'); run.plot; assert run._repr_html_();"
        "print(sorted({'matplotlib', 'pandas', 'polars', 'pyarrow', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"
