"""How a phase looks in every figure: colour, marker and word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from triplepoint.figures.palette import PHASES
from triplepoint.records import MatrixRow, Phase
from triplepoint.report.verdict import phase_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

MARKERS: dict[Phase | None, str] = {
    Phase.under_trained: "^",
    Phase.well_trained: "o",
    Phase.over_trained: "s",
    Phase.undecided: "D",
    Phase.not_assessable: "X",
    None: "x",
}
"""So that phases can be told apart in grey."""


def present(phases: Iterable[Phase | None]) -> tuple[Phase | None, ...]:
    """Those that occur, in the order of the palette."""
    found = set(phases)
    return tuple(phase for phase in PHASES if phase in found)


def scatter(ax: Axes, found: Iterable[tuple[float, float, MatrixRow]], hollow: bool = False) -> None:
    """A marker at each (x, y) in the phase of its row; one artist a phase, since 2,000 of them take seconds to draw.

    `hollow`: those that cannot be told from noise are empty.
    """
    groups: dict[tuple[Phase | None, bool], list[tuple[float, float]]] = {}
    for x, y, row in found:
        empty = hollow and row.phase is Phase.under_trained and row.phase_confidence is None
        groups.setdefault((row.phase, empty), []).append((x, y))
    for (phase, empty), group in groups.items():
        colour = PHASES[phase]
        ax.plot(
            *zip(*group, strict=True),
            MARKERS[phase],
            color=colour,
            markerfacecolor="white" if empty else colour,
            zorder=3,
        )


def missing(ax: Axes, found: Iterable[tuple[float, MatrixRow]]) -> None:
    """A tick at the foot at each x: a layer without the number."""
    for x, row in found:
        ax.plot(x, 0.02, "|", color=PHASES[row.phase], transform=ax.get_xaxis_transform(), clip_on=False)


def points(phases: Iterable[Phase | None]) -> list[Line2D]:
    """Legend of markers."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=PHASES[p], marker=MARKERS[p], linestyle="", label=phase_words(p))
        for p in present(phases)
    ]


def patches(phases: Iterable[Phase | None]) -> list[Patch]:
    """Legend of areas."""
    from matplotlib.patches import Patch

    return [Patch(color=PHASES[p], label=phase_words(p)) for p in present(phases)]
