"""The whole model at a glance: one cell a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import canvas, foot
from triplepoint.figures.palette import of_phase
from triplepoint.records import Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def strip(scan: Scan, *, ax: Axes | None = None) -> Axes:
    """One cell a layer, in the order of the checkpoint, coloured by phase; the paler, the less sure.

    Confidence is the share of the interval of α that lies in the phase. A layer that cannot be told from noise has its
    full colour: absence of evidence has no probability.
    """
    rows = layers.shown(scan)
    with canvas(ax, height=1.05) as axes:
        background = _background(axes)
        colours = [of_phase(row.phase, row.phase_confidence, background) for row in rows]
        gap = 0.12 if len(rows) <= 100 else 0.0
        # One artist: 2,000 bars took sixteen times as long to draw.
        places = [(at - (1 - gap) / 2, 1 - gap) for at in range(len(rows))]
        axes.broken_barh(places, (0, 1), facecolors=colours)
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        for side in ("left", "right", "top", "bottom"):
            axes.spines[side].set_visible(False)
        layers.axis(axes, rows)
        foot(axes, ncols=3, handles=phase_marks.patches(row.phase for row in rows))
    return axes


def _background(ax: Axes) -> str:
    """What the colours fade into: that of the axes, white where they have none."""
    from matplotlib.colors import to_hex, to_rgba

    colour = to_rgba(ax.patch.get_facecolor())
    return to_hex(colour) if colour[3] else "#ffffff"
