"""The empirical spectral density: how many eigenvalues lie where, against noise and against its own tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from triplepoint.figures import spectral_marks
from triplepoint.figures.canvas import canvas, foot, name
from triplepoint.figures.palette import NOISE, SHUFFLED, SPECTRUM, TAIL
from triplepoint.page import spectral_picture
from triplepoint.page.spectral_picture import NoiseLaw, SpectralPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NULL = "nothing learned, 95 %"
_FLOOR = 0.6
"""Of the count axis: an empty bin lies below it, a single eigenvalue stands above."""


def esd(
    picture: SpectralPicture,
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Counts in bins of equal width in log10 λ, on log axes, where the power law is a line of slope 1 − α.

    Bars: the eigenvalues. Band: 95 % of the counts of a matrix of this shape and variance that has learned nothing.
    Dashed: the Marchenko–Pastur law that was fitted to the bulk, with its upper edge λ₊. Line: the fitted tail from
    xmin to the largest eigenvalue, with the 95 % interval of α as a fan. Steps: the spectrum of the shuffled entries,
    where it was kept. Triangles: correlation traps.

    Args:
        picture: from `page.spectral_picture`.
        title: by default the name of the matrix.
        ax: drawn on if given.
    """
    with canvas(ax, height=2.5) as axes:
        axes.set_title(name(picture.label) if title is None else title)
        spectral_marks.label(axes, "eigenvalues per bin")
        if picture.counts.size == 0:
            axes.text(0.5, 0.5, "no eigenvalue above rounding noise", transform=axes.transAxes, ha="center")
            return axes
        axes.bar(
            picture.edges[:-1],
            picture.counts,
            width=np.diff(picture.edges),
            align="edge",
            color=SPECTRUM,
            label=f"{int(picture.counts.sum())} eigenvalues",
        )
        if picture.shuffled is not None:
            counts, edges = picture.shuffled
            axes.stairs(counts, edges, color=SHUFFLED, linewidth=0.9, label="entries shuffled")
        top = float(picture.counts.max())
        if picture.null is not None:
            along, expected = _curve(picture.null, picture.width)
            low, high = (np.maximum(side, _FLOOR) for side in spectral_picture.band(expected))
            axes.fill_between(along, low, high, color=NOISE, alpha=0.35, linewidth=0, zorder=2, label=_NULL)
            top = max(top, float(high.max()))
        if picture.bulk is not None:
            along, expected = _curve(picture.bulk, picture.width)
            axes.plot(along, expected, color=NOISE, linestyle=(0, (4, 1.5)), label="noise of the bulk")
        if picture.tail is not None:
            _tail(axes, picture)
        axes.set_ylim(_FLOOR, 1.6 * top)
        spectral_marks.verticals(axes, picture.bulk, picture.tail)
        spectral_marks.traps(axes, picture.traps)
        foot(axes)
    return axes


def _curve(law: NoiseLaw, width: float) -> tuple[Any, Any]:
    """Smooth, though each point is a count in a bin: the bin slides."""
    low, high = law.ends
    reach = 10.0 ** (width / 2)
    # A square matrix has its lower end at 0: five decades below the upper one there is nothing left to count.
    along = np.geomspace(max(low, 1e-5 * high) / reach, high * reach, 200)
    return along, law.around(along, width)


def _tail(ax: Axes, picture: SpectralPicture) -> None:
    tail = picture.tail
    assert tail is not None, "asked only where there is one"
    # Straight on log axes: the two ends are the line.
    ends = np.array([tail.xmin, tail.xmax])
    ax.plot(
        ends,
        tail.counts(ends, picture.width),
        color=TAIL,
        linewidth=1.4,
        label=spectral_marks.alpha_words(tail),
    )
    if tail.low is not None and tail.high is not None:
        along = np.geomspace(tail.xmin, tail.xmax, 40)
        flat, steep = (tail.counts(along, picture.width, alpha) for alpha in (tail.low, tail.high))
        ax.fill_between(along, steep, flat, color=TAIL, alpha=0.18, linewidth=0)
