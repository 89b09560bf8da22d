"""Scalars of a run over steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.figures import run_marks
from triplepoint.figures.canvas import canvas, foot, words
from triplepoint.figures.metric import spread
from triplepoint.figures.palette import DASHES, LINES
from triplepoint.records import RESERVED_SCALARS
from triplepoint.store import Run, tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOSSES = tuple(name for name in RESERVED_SCALARS if name.endswith("loss"))


def scalars(run: Run, *names: str, log: bool | None = None, ax: Axes | None = None) -> Axes:
    """Scalars over steps; where a fast loop was thinned to blocks, their mean with smallest and largest as a band.

    Args:
        run: whose scalars are drawn, with the alerts of the whole run as triangles.
        names: which; by default train_loss and test_loss, or the first scalar where there is neither.
        log: whether the axis is logarithmic; by default where the values span more than two decades.
        ax: drawn on if given.

    Raises:
        UsageError: the run has no such scalar, or none at all.
    """
    known = run.scalar_names
    if not known:
        raise UsageError(
            f"draw scalars of run {run.name!r}", "it has none", "Give them to step(): train_loss=…"
        )
    names = names or tuple(name for name in _LOSSES if name in known) or known[:1]
    found = {name: tables.scalar(run, name) for name in names}
    with canvas(ax, height=2.1) as axes:
        for at, (name, table) in enumerate(found.items()):
            colour, dash = LINES[at % len(LINES)], DASHES[at % len(DASHES)]
            axes.plot(table.steps, table.values, color=colour, linestyle=dash, label=words(name))
            if np.isfinite(table.low).any():
                low, high = (np.where(np.isnan(side), table.values, side) for side in (table.low, table.high))
                axes.fill_between(table.steps, low, high, color=colour, alpha=0.18, linewidth=0)
        finite = [float(v) for table in found.values() for v in table.values[np.isfinite(table.values)]]
        if (spread(finite) > 100) if log is None else log:
            axes.set_yscale("log")
        axes.set_ylabel(words(names[0]) if len(names) == 1 else _common(names))
        run_marks.steps(axes)
        run_marks.alerts(axes, [alert for alert in run.alerts if alert.matrix is None])
        foot(axes, ncols=3)
    return axes


def _common(names: tuple[str, ...]) -> str:
    """`loss` of train_loss and test_loss; nothing where they share no last word."""
    last = {name.rpartition("_")[2] for name in names}
    return words(last.pop()) if len(last) == 1 else ""
