"""The layers of a model along an axis: which rows, in which order, with which marks between blocks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from triplepoint.errors import UsageError
from triplepoint.figures.canvas import SMALL, tick_size, words
from triplepoint.figures.palette import FAINT
from triplepoint.metrics import METRICS
from triplepoint.page.layers import blocks_of
from triplepoint.records import MatrixRow, Scan, primary
from triplepoint.report import order
from triplepoint.report.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 12
"""Layers that have room for a name each."""
_CHARACTER = 0.54
"""Width of a character over the size of its font."""


def shown(scan: Scan) -> tuple[MatrixRow, ...]:
    """Analysed and failed matrices in the order of the checkpoint; no slices, no wholes whose parts are there."""
    rows = tuple(row for row in primary(scan.matrices) if row.status != "skipped")
    if not rows:
        raise UsageError(
            f"draw the layers of {scan.provenance.source!r}",
            "no matrix was analysed",
            "See scan.summary.skipped for the reasons",
        )
    return rows


def axis(ax: Axes, rows: Sequence[MatrixRow]) -> None:
    """The x axis: a name each where there is room, else the blocks, with thin lines between them."""
    labels = [words(shorten(order.label(row), 24)) for row in rows]
    ax.set_xlim(-0.7, len(rows) - 0.3)
    if len(rows) <= FEW:
        ax.set_xticks(
            range(len(rows)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=SMALL
        )
        return
    found = blocks_of([row.id for row in rows])
    spans: list[tuple[str | None, int, int]] = []
    for block, members in groupby(found[row.id] for row in rows):
        spans.append((block, sum(span[2] for span in spans), len(list(members))))
    wide = [span for span in spans if span[0] is not None and span[2] > 1]
    every = -(-len(wide) // FEW) or 1
    ticks = {
        at + (size - 1) / 2: _fitted(ax, block or "", size * every, len(rows))
        for block, at, size in wide[::every]
    }
    ax.set_xticks([*ticks], [*ticks.values()])
    ax.tick_params(axis="x", length=0)
    if len(spans) <= 4 * FEW:
        for _, at, _ in spans[1:]:
            ax.axvline(at - 0.5, color=FAINT, linewidth=0.3, zorder=0)
    ax.set_xlabel("layers by block, in the order of the checkpoint")


def metric_words(name: str) -> str:
    """`stable_rank`, with its unit where it has one."""
    metric = METRICS.get(name)
    if name == "alpha":
        return "α"
    return words(name if metric is None or metric.unit == "1" else f"{name} ({metric.unit})")


def _fitted(ax: Axes, block: str, size: int, of: int) -> str:
    """The last word of a block, cut to the width of its `size` layers among `of`."""
    last = block.replace("/", ".").rpartition(".")[2]
    points = ax.get_window_extent().width / ax.figure.dpi * 72
    room = int(points * size / of / (_CHARACTER * tick_size(ax)))
    return words(last if len(last) <= room else f"{last[: max(room - 1, 1)]}…")
