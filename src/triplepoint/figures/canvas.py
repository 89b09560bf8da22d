"""The only door to matplotlib: axes of the width of a paper's column, and the style of what is drawn on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from triplepoint.errors import MissingDependency
from triplepoint.figures.palette import FAINT, INK, LINES
from triplepoint.report.text import safe_text, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN = 3.3
"""Inches: one column of most two-column papers."""
STYLE: dict[str, Any] = {
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.dpi": 200,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
"""At least 6 pt at the width of a column; text stays text in PDF and SVG."""
_LEFT = 22.0
"""Points that what stands under the axes begins left of them, where tick labels and axis label are wide."""
SMALL = 6.0
"""Points: annotations and notes."""


@contextmanager
def canvas(ax: Axes | None, height: float = 2.3, width: float = COLUMN) -> Iterator[Axes]:
    """The axes that were given, in the style of their owner; or new ones in ours, `width` x `height` inches.

    New ones belong to pyplot, so that a notebook shows them, and are closed again if drawing fails. Given ones are
    drawn on without any state of pyplot.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    if ax is not None:
        yield ax
        return
    try:
        import matplotlib as mpl
        from cycler import cycler
        from matplotlib import pyplot
    except ImportError:
        raise MissingDependency(
            "draw a figure", "matplotlib is not installed", "Run: pip install 'triplepoint[figures]'"
        ) from None
    style: Any = {**STYLE, "axes.prop_cycle": cycler(color=LINES)}
    with mpl.rc_context(style):
        figure, made = pyplot.subplots(figsize=(width, height), layout="constrained")
        try:
            yield made
        except BaseException:
            pyplot.close(figure)
            raise


def words(text: str) -> str:
    """The text as it is: matplotlib takes what stands between dollars for a formula, and names come from a file."""
    return safe_text(text).replace("$", r"\$")


def name(row_label: str, most: int = 46) -> str:
    """A layer's name that fits above the axes, as `words`."""
    return words(shorten(row_label, most))


def tick_size(ax: Axes) -> float:
    """Points of the labels of the x axis."""
    return float(max((float(text.get_fontsize()) for text in ax.get_xticklabels()), default=SMALL))


def foot(ax: Axes, caution: str | None = None, ncols: int = 2, *, right: bool = False, **legend: Any) -> None:
    """Under the axes, where nothing can be hidden by it: a caution in small print, then the legend.

    Its distance is that of tick labels and axis label in the fonts of the axes; either may be absent. `right`: along
    the right end, for axes whose names of layers take the left half.
    """
    from matplotlib.transforms import ScaledTranslation

    figure = ax.figure
    down = 9.0 + 1.4 * tick_size(ax)
    if ax.get_xlabel():
        down += 1.4 * float(ax.xaxis.label.get_fontsize())
    if caution is not None:
        ax.annotate(
            caution,
            (1.0 if right else 0.0, 0.0),
            xycoords="axes fraction",
            xytext=(0.0 if right else -_LEFT, -down),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            fontsize=SMALL,
            color=FAINT,
            annotation_clip=False,
        )
        down += 4.0 + 1.35 * SMALL * (1 + caution.count("\n"))
    if not ax.get_legend_handles_labels()[0] and "handles" not in legend:
        return
    moved = ax.transAxes + ScaledTranslation(
        0.0 if right else -_LEFT / 72, -down / 72, figure.dpi_scale_trans
    )
    ax.legend(
        loc="upper right" if right else "upper left",
        bbox_to_anchor=(1.0 if right else 0.0, 0.0),
        bbox_transform=moved,
        ncols=ncols,
        borderaxespad=0.0,
        borderpad=0.0,
        columnspacing=1.2,
        **legend,
    )
