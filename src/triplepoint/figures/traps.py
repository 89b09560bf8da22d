"""Correlation traps of one matrix: how far each stands out, and which entries carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.figures.canvas import SMALL, canvas, name
from triplepoint.figures.palette import FAINT, LINES, mixed
from triplepoint.records import MatrixRow, Trap
from triplepoint.report import order

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def traps(row: MatrixRow, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Each outlier of the shuffled matrix at its strength λ/λ₊, the strongest first, with cause and largest entries.

    1 is the edge of the noise. Full: the part of the singular value that the named entries carry, at most three; pale:
    what is left for all others. A row without traps says so.
    """
    with canvas(ax, height=0.75 + 0.3 * max(len(row.traps), 1)) as axes:
        axes.set_title(name(order.label(row)) if title is None else title)
        axes.set_xlabel("strength: λ of the shuffled matrix over noise edge λ₊")
        if not row.traps:
            axes.text(0.5, 0.5, _none(row), transform=axes.transAxes, ha="center", va="center")
            axes.set_yticks([])
            return axes
        for at, trap in enumerate(row.traps):
            share = min(max(sum(entry.share for entry in trap.entries), 0.0), 1.0)
            axes.barh(at, trap.strength, height=0.34, color=mixed(LINES[2], 0.3))
            axes.barh(at, trap.strength * share, height=0.34, color=LINES[2])
            axes.annotate(
                _words(trap), (0, at), xytext=(2, 7), textcoords="offset points", va="center", fontsize=SMALL
            )
        axes.axvline(1.0, color=FAINT, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.set_yticks(range(len(row.traps)), [str(at + 1) for at in range(len(row.traps))])
        axes.set_ylim(len(row.traps) - 0.5, -0.8)
        axes.tick_params(axis="y", length=0)
    return axes


def _words(trap: Trap) -> str:
    cause = trap.cause.value.replace("_", " ")
    places = [
        f"({entry.row}, {entry.column}) {entry.share:.0%}".replace("%", " %")
        for entry in trap.entries
        if entry.share >= 0.01
    ]
    return f"{cause}: {'; '.join(places)}" if places else cause


def _none(row: MatrixRow) -> str:
    reason = row.reason or row.metric_status.get("num_traps")
    return "no traps" if reason is None else reason.sentence
