"""The whole spectrum of one matrix over training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.figures import run_marks
from triplepoint.figures.canvas import canvas, foot, name
from triplepoint.figures.palette import NOISE, TAIL
from triplepoint.page import carried
from triplepoint.records import Trajectory
from triplepoint.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = (
    ("xmin", TAIL, "-", "xmin: the tail begins"),
    ("bulk_edge", NOISE, (0, (4, 1.5)), "λ₊: the noise ends"),
)


def spectra(run: Run, layer: str, *, ax: Axes | None = None) -> Axes:
    """Eigenvalues (up, on a log axis) by steps (across); the darker, the more of them. With xmin and bulk edge.

    A spectrum holds until the next whole look.

    Raises:
        UsageError: the run has no such layer, or no spectrum of it.
    """
    found = carried.spectra(run.spectra(layer))
    if found is None:
        raise UsageError(f"spectra of {layer!r} in run {run.name!r}", "no whole look yet", "See run.matrices")
    lines = [(_line(run, metric, layer), *style) for metric, *style in _LINES]
    with canvas(ax, height=2.6) as axes:
        from matplotlib.colors import PowerNorm

        axes.set_title(name(layer.removesuffix(".weight")))
        top = max(float(found.counts.max()), 1.0)
        image = axes.pcolormesh(
            carried.step_edges(found.steps),
            found.edges,
            np.where(found.counts > 0, found.counts, np.nan),
            cmap="Greys",
            norm=PowerNorm(0.5, 0.0, top),
            rasterized=True,
        )
        bar = axes.figure.colorbar(image, ax=axes, aspect=24, pad=0.02)
        bar.set_label("eigenvalues per row")
        bar.outline.set_visible(False)
        for line, colour, dash, words in lines:
            if line is not None:
                axes.step(
                    line.steps,
                    line.values,
                    where="post",
                    color=colour,
                    linestyle=dash,
                    linewidth=1.0,
                    label=words,
                )
        axes.set_yscale("log")
        axes.set_ylabel("eigenvalue λ of WᵀW")
        run_marks.steps(axes)
        foot(axes)
    return axes


def _line(run: Run, metric: str, layer: str) -> Trajectory | None:
    return run.trajectory(metric, layer) if metric in run.metric_names else None
