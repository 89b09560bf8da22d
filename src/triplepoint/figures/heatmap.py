"""One metric of every layer over training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.figures import layers, run_marks
from triplepoint.figures.canvas import canvas
from triplepoint.page import carried
from triplepoint.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE = 2.0
"""Per cent of the values at either end that may lie beyond the colours; the bar then ends in an arrow."""


def heatmap(run: Run, metric: str = "alpha", *, log: bool | None = None, ax: Axes | None = None) -> Axes:
    """Layers (down, in the order of the model) by steps (across); the last value holds until the next look.

    Args:
        run: whose visits are drawn.
        metric: of a matrix.
        log: whether the colours are logarithmic; by default where the middle 96 % of the values span two decades.
        ax: drawn on if given.

    Raises:
        UsageError: the run has no such metric, or no value of it.
    """
    found = carried.metric(run, metric)
    known = found.values[np.isfinite(found.values)]
    if known.size == 0:
        raise UsageError(
            f"draw {metric!r} of run {run.name!r}", "no layer has a value yet", "See run.metric_names"
        )
    low, high = (float(end) for end in np.percentile(known, [_SHARE, 100 - _SHARE]))
    log = low > 0 and high / low > 100 if log is None else log
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    with canvas(ax, height=_height(len(found.ids))) as axes:
        from matplotlib.colors import LogNorm, Normalize

        norm = (LogNorm if log else Normalize)(low, high)
        sides = np.arange(len(found.ids) + 1)
        image = axes.pcolormesh(found.edges, sides, found.values, cmap="cividis", norm=norm, rasterized=True)
        extend = ends[bool(known.min() < low), bool(known.max() > high)]
        bar = axes.figure.colorbar(image, ax=axes, extend=extend, aspect=24, pad=0.02)
        bar.set_label(layers.metric_words(metric))
        bar.outline.set_visible(False)
        run_marks.side(axes, found.ids)
        run_marks.steps(axes)
    return axes


def _height(count: int) -> float:
    return 0.75 + min(2.6, max(0.7, 0.13 * count))
