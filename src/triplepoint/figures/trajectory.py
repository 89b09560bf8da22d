"""One number along a run, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from triplepoint.figures import layers, run_marks
from triplepoint.figures.alpha import BAND
from triplepoint.figures.canvas import canvas, foot, name
from triplepoint.figures.palette import FAINT, LINES, PHASES
from triplepoint.records import Alert, ChangePoints, Phase, Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trajectory(
    found: Trajectory,
    alerts: Sequence[Alert] = (),
    *,
    changes: ChangePoints | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Values over steps as points and a line; shaded: the 95 % interval, or one standard error where that is all.

    Args:
        found: from `Run.trajectory`.
        alerts: triangles at the top, where a rule began to hold.
        changes: from `triplepoint.trajectories.change_points`: a dashed line each, its 95 % interval shaded.
        ax: drawn on if given.
    """
    with canvas(ax, height=2.1) as axes:
        axes.set_title(name((found.matrix or found.name).removesuffix(".weight")))
        axes.plot(found.steps, found.values, color=LINES[0], linewidth=0.9, marker=".", markersize=2.5)
        if found.low is not None and found.high is not None:
            axes.fill_between(
                found.steps,
                found.low,
                found.high,
                color=LINES[0],
                alpha=0.2,
                linewidth=0,
                label="95 % interval",
            )
        elif found.sem is not None:
            low, high = found.values - found.sem, found.values + found.sem
            axes.fill_between(
                found.steps, low, high, color=LINES[0], alpha=0.2, linewidth=0, label="standard error"
            )
        if found.name == "alpha" and found.matrix is not None:
            _band(axes)
        axes.set_ylabel(layers.metric_words(found.name))
        run_marks.steps(axes)
        run_marks.changes(axes, changes)
        run_marks.alerts(axes, alerts)
        foot(axes)
    return axes


def _band(ax: Axes) -> None:
    """The ends of 2–6, as far as they lie within what is drawn."""
    low, high = ax.get_ylim()
    for at in BAND:
        if low < at < high:
            ax.axhline(at, color=FAINT, linewidth=0.6, linestyle=(0, (1, 1)))
    ax.axhspan(max(BAND[0], low), min(BAND[1], high), color=PHASES[Phase.well_trained], alpha=0.05, zorder=0)
    ax.set_ylim(low, high)
