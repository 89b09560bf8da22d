"""What figures over training share: the step axis, alerts, change points, layers along the side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from triplepoint.figures.canvas import SMALL, words
from triplepoint.figures.palette import FAINT, SEVERITIES
from triplepoint.page.layers import blocks_of
from triplepoint.records import Alert, AlertState, ChangePoints
from triplepoint.report.text import plural, safe_text, shorten, shorten_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 24
"""Layers along the side that have room for a name each."""


def alerts(ax: Axes, found: Sequence[Alert]) -> None:
    """Triangles at the top, where a rule began to hold, by severity; the legend counts them."""
    for severity, colour in SEVERITIES.items():
        steps = [a.step for a in found if a.state is AlertState.raised and a.severity is severity]
        if steps:
            ax.plot(
                steps,
                [0.97] * len(steps),
                "v",
                color=colour,
                markersize=4,
                transform=ax.get_xaxis_transform(),
                label=f"{plural(len(steps), 'alert')} ({severity.value})",
                linestyle="",
            )


def changes(ax: Axes, found: ChangePoints | None) -> None:
    """A line at the first step of each new level, its 95 % interval shaded."""
    if found is None:
        return
    for at, point in enumerate(found.points):
        label = plural(len(found.points), "change point") if at == 0 else None
        ax.axvline(point.step, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)), label=label)
        ax.axvspan(point.low, point.high, color=FAINT, alpha=0.15, linewidth=0)


def side(ax: Axes, ids: Sequence[str]) -> None:
    """The y axis: one row a layer from the top down, a name each where there is room, else the blocks."""
    ax.set_ylim(len(ids), 0)
    ax.tick_params(axis="y", length=0)
    if len(ids) <= NAMED:
        labels = shorten_all([safe_text(id.removesuffix(".weight")) or "(no name)" for id in ids], 26)
        ax.set_yticks(
            [at + 0.5 for at in range(len(ids))], [words(label) for label in labels], fontsize=SMALL
        )
        return
    found, start, ticks = blocks_of(ids), 0, {}
    for block, members in groupby(found[id] for id in ids):
        size = len(list(members))
        if block is not None and size > 1:
            ticks[start + size / 2] = words(shorten(block, 18))
        start += size
    every = -(-len(ticks) // NAMED) or 1
    kept = [*ticks.items()][::every]
    ax.set_yticks([at for at, _ in kept], [name for _, name in kept], fontsize=SMALL)


def steps(ax: Axes) -> None:
    """The x axis."""
    ax.set_xlabel("optimiser step")
