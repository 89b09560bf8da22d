"""How many layers of each kind are in each phase."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import SMALL, canvas, foot, words
from triplepoint.figures.palette import INK, PHASES
from triplepoint.records import Phase, Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER = "other"


def phases(scan: Scan, *, ax: Axes | None = None) -> Axes:
    """One bar a kind of layer, stacked by phase: kinds have ranges of their own, so they are counted apart."""
    rows = layers.shown(scan)
    counts = Counter((row.kind or OTHER, row.phase) for row in rows)
    kinds = [kind for kind, _ in Counter(row.kind or OTHER for row in rows).most_common()]
    with canvas(ax, height=0.95 + 0.2 * len(kinds)) as axes:
        left = [0] * len(kinds)
        for phase in phase_marks.present(row.phase for row in rows):
            sizes = [counts[kind, phase] for kind in kinds]
            bars = axes.barh(
                kinds, sizes, left=left, height=0.7, color=PHASES[phase], edgecolor="white", linewidth=0.5
            )
            ink = INK if phase is Phase.not_assessable else "white"
            axes.bar_label(
                bars, [str(n) if n else "" for n in sizes], label_type="center", color=ink, fontsize=SMALL
            )
            left = [start + size for start, size in zip(left, sizes, strict=True)]
        axes.invert_yaxis()
        axes.set_yticks(range(len(kinds)), [words(kind) for kind in kinds])
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("layers")
        foot(axes, ncols=3, handles=phase_marks.patches(row.phase for row in rows))
    return axes
