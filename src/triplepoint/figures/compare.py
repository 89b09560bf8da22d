"""Two scans on matched rows: never two means over different layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.errors import UsageError
from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import canvas, foot, words
from triplepoint.figures.metric import spread, values_of
from triplepoint.figures.palette import FAINT, PHASES, mixed
from triplepoint.records import MatrixRow, Scan
from triplepoint.report import order
from triplepoint.report.text import plural, shorten_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pair = tuple[MatrixRow, MatrixRow, float, float]


def compare(
    scan: Scan,
    other: Scan,
    metric: str = "alpha",
    *,
    names: tuple[str, str] = ("this", "other"),
    ax: Axes | None = None,
) -> Axes:
    """Each matched layer as a point: its value here across, its value there up, the diagonal for no change.

    Rows are matched by id; a row without a value on either side is left out and counted in the title. Of α the 95 %
    intervals are crosses. Colour and marker are the phase in `other`.
    """
    pairs, left_out = matched(scan, other, metric)
    with canvas(ax, height=3.3) as axes:
        if metric == "alpha":
            _intervals(axes, pairs)
        phase_marks.scatter(axes, ((x, y, second) for _, second, x, y in pairs))
        values = [value for pair in pairs for value in pair[2:]]
        if spread(values) > 100:
            axes.set_xscale("log")
            axes.set_yscale("log")
        else:
            axes.locator_params(nbins=6)
        axes.set_box_aspect(1)
        ends = min(*axes.get_xlim(), *axes.get_ylim()), max(*axes.get_xlim(), *axes.get_ylim())
        axes.set(xlim=ends, ylim=ends)
        axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.set_title(_title(pairs, left_out))
        axes.set_xlabel(f"{layers.metric_words(metric)}, {words(names[0])}")
        axes.set_ylabel(f"{layers.metric_words(metric)}, {words(names[1])}")
        foot(axes, ncols=3, handles=phase_marks.points(second.phase for _, second, _, _ in pairs))
    return axes


def dumbbells(
    scan: Scan,
    other: Scan,
    metric: str = "alpha",
    *,
    names: tuple[str, str] = ("this", "other"),
    most: int = 60,
    ax: Axes | None = None,
) -> Axes:
    """Each matched layer as a line from its value here (hollow) to its value there (full), in checkpoint order.

    Of more than `most` layers those that moved most are shown. Colour and marker are the phase in each scan.
    """
    pairs, left_out = matched(scan, other, metric)
    if len(pairs) > most:
        moved = sorted(range(len(pairs)), key=lambda at: -abs(pairs[at][3] - pairs[at][2]))[:most]
        left_out += len(pairs) - most
        pairs = [pairs[at] for at in sorted(moved)]
    labels = shorten_all([order.label(first) for first, *_ in pairs], 34)
    with canvas(ax, height=0.9 + 0.125 * len(pairs)) as axes:
        for at, (first, second, x, y) in enumerate(pairs):
            axes.plot([x, y], [at, at], color=mixed(PHASES[second.phase], 0.5), linewidth=1.0, zorder=1)
            before, after = phase_marks.MARKERS[first.phase], phase_marks.MARKERS[second.phase]
            axes.plot(x, at, before, color=PHASES[first.phase], markerfacecolor="white")
            axes.plot(y, at, after, color=PHASES[second.phase])
        if spread([value for pair in pairs for value in pair[2:]]) > 100:
            axes.set_xscale("log")
        axes.set_yticks(range(len(pairs)), [words(label) for label in labels], fontsize=6.0)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_title(_title(pairs, left_out), loc="right")
        axes.set_xlabel(layers.metric_words(metric))
        phases = [row.phase for pair in pairs for row in pair[:2]]
        caution = f"hollow: {words(names[0])}; full: {words(names[1])}"
        foot(axes, caution, ncols=3, right=True, handles=phase_marks.points(phases))
    return axes


def matched(scan: Scan, other: Scan, metric: str) -> tuple[list[Pair], int]:
    """(row, row there, value, value there) of every id with a value on both sides, and how many have none.

    Raises:
        UsageError: no row has a value on both sides, or a scan lacks the metric.
    """
    rows = layers.shown(scan)
    there = {row.id: row for row in layers.shown(other)}
    values_of(tuple(there.values()), metric)
    pairs: list[Pair] = []
    for row, value in zip(rows, values_of(rows, metric), strict=True):
        found = there.get(row.id)
        opposite = None if found is None else found.metrics.get(metric)
        if found is not None and value is not None and opposite is not None:
            pairs.append((row, found, value, opposite))
    if not pairs:
        raise UsageError(
            f"compare {metric!r} of {scan.provenance.source!r} and {other.provenance.source!r}",
            "no row with the same id has it in both",
            "Compare two checkpoints of one architecture",
        )
    return pairs, len({row.id for row in rows} | set(there)) - len(pairs)


def _title(pairs: list[Pair], left_out: int) -> str:
    return f"{plural(len(pairs), 'matched layer')}" + (f", {left_out} not shown" if left_out else "")


def _intervals(ax: Axes, pairs: list[Pair]) -> None:
    """Of α, across for the first scan and upright for the second."""
    across = [(first, y, second) for first, second, _, y in pairs]
    upright = [(second, x, second) for _, second, x, _ in pairs]
    for rows, draw in ((across, ax.hlines), (upright, ax.vlines)):
        bars = [
            (place, low, high, mixed(PHASES[shown.phase], 0.4))
            for row, place, shown in rows
            if (low := row.metrics.get("alpha_low")) is not None
            and (high := row.metrics.get("alpha_high")) is not None
        ]
        if bars:
            places, lows, highs, colours = zip(*bars, strict=True)
            draw(places, lows, highs, colors=colours, linewidth=0.6, zorder=2)
