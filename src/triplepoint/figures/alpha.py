"""The exponent of every layer, with how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import canvas, foot
from triplepoint.figures.palette import PHASES, mixed
from triplepoint.records import Phase, Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND = (2.0, 6.0)
"""Of α in well-trained layers (Martin and Mahoney 2021, JMLR 22(165))."""
CAUTION = "hollow: cannot be told from noise of its shape. Compare like with like:\nshape and kind of a layer move α."


def alpha(scan: Scan, *, ax: Axes | None = None) -> Axes:
    """α with its 95 % interval by layer, in the order of the checkpoint, coloured by phase; the band 2–6 is shaded.

    Layers that cannot be told from noise of the same shape are hollow: of Gaussian 128 × 128 matrices 62 % have α
    between 2 and 6. Layers without α stand as ticks at the foot.
    """
    rows = layers.shown(scan)
    with canvas(ax, height=2.6) as axes:
        axes.axhspan(*BAND, color=PHASES[Phase.well_trained], alpha=0.10, linewidth=0, zorder=0)
        for at, row in enumerate(rows):
            value = row.metrics.get("alpha")
            colour, marker = PHASES[row.phase], phase_marks.MARKERS[row.phase]
            if value is None:
                axes.plot(at, 0.02, "|", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)
                continue
            low, high = row.metrics.get("alpha_low"), row.metrics.get("alpha_high")
            if low is not None and high is not None:
                axes.plot([at, at], [low, high], color=mixed(colour, 0.55), linewidth=1.0, zorder=1)
            noise = row.phase is Phase.under_trained and row.phase_confidence is None
            axes.plot(at, value, marker, color=colour, markerfacecolor="white" if noise else colour, zorder=2)
        axes.set_ylabel("α, 95 % interval")
        layers.axis(axes, rows)
        foot(axes, CAUTION, ncols=3, handles=phase_marks.points(row.phase for row in rows))
    return axes
