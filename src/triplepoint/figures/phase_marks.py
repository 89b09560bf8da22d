"""How a phase looks in every figure: colour, marker and word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from triplepoint.figures.palette import PHASES
from triplepoint.records import Phase
from triplepoint.report.verdict import phase_words

if TYPE_CHECKING:
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
