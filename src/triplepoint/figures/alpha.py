"""The exponent of every layer, with how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import canvas, foot
from triplepoint.figures.palette import PHASES, mixed
from triplepoint.records import MatrixRow, Phase, Scan

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
        values = [(at, row.metrics.get("alpha"), row) for at, row in enumerate(rows)]
        phase_marks.missing(axes, ((at, row) for at, value, row in values if value is None))
        known = [(at, value, row) for at, value, row in values if value is not None]
        _intervals(axes, known)
        phase_marks.scatter(axes, known, hollow=True)
        axes.set_ylabel("α, 95 % interval")
        layers.axis(axes, rows)
        foot(axes, CAUTION, ncols=3, handles=phase_marks.points(row.phase for row in rows))
    return axes


def _intervals(ax: Axes, known: list[tuple[int, float, MatrixRow]]) -> None:
    bars = [
        (at, low, high, mixed(PHASES[row.phase], 0.55))
        for at, _, row in known
        if (low := row.metrics.get("alpha_low")) is not None
        and (high := row.metrics.get("alpha_high")) is not None
    ]
    if bars:
        places, lows, highs, colours = zip(*bars, strict=True)
        ax.vlines(places, lows, highs, colors=colours, linewidth=1.0, zorder=1)
