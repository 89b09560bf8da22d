"""The same spectrum without bins: the share of eigenvalues at or above each λ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triplepoint.figures import spectral_marks
from triplepoint.figures.canvas import canvas, foot, name
from triplepoint.figures.palette import INK, NOISE, TAIL
from triplepoint.page import spectral_picture
from triplepoint.records import MatrixRow
from triplepoint.report import order

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rank(row: MatrixRow, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Complementary cumulative distribution on log axes: the k-th largest eigenvalue at height k/n.

    Nothing is binned, so a tail of ten eigenvalues can be judged by eye; the fitted power law is a line of slope 1 − α
    that begins at (xmin, num_tail/n), with the 95 % interval of α as a fan. The thin curve is what a matrix of this
    shape and variance shows that has learned nothing, the dashed one the noise fitted to the bulk.

    Raises:
        UsageError: the scan kept no singular values.
    """
    sigma = spectral_picture.singular_values(row)
    eigenvalues = row.scale * np.square(sigma)
    eigenvalues = eigenvalues[(eigenvalues > 0) & (eigenvalues >= (row.resolved_from or 0.0))]
    heights = np.arange(1, eigenvalues.size + 1) / sigma.size
    null, bulk = spectral_picture.null_law(row), spectral_picture.bulk_law(row)
    tail = spectral_picture.tail_line(row)
    with canvas(ax, height=2.7) as axes:
        axes.set_title(name(order.label(row)) if title is None else title)
        spectral_marks.label(axes, "share at or above λ")
        axes.plot(
            eigenvalues,
            heights,
            ".",
            color=INK,
            markersize=2.2,
            label=f"{eigenvalues.size} eigenvalues",
            zorder=3,
        )
        for law, dash, words in ((null, "-", "nothing learned"), (bulk, (0, (4, 1.5)), "noise of the bulk")):
            if law is not None:
                along = np.geomspace(max(law.ends[0], 1e-5 * law.ends[1]), law.ends[1], 300)
                above = law.count / sigma.size * (1 - law.below(along))
                shown = np.where(above >= 0.3 / sigma.size, above, np.nan)
                axes.plot(along, shown, color=NOISE, linewidth=0.9, linestyle=dash, label=words)
        if tail is not None:
            start = tail.num_tail / sigma.size
            ends = np.array([tail.xmin, tail.xmax])
            axes.plot(ends, start * tail.share(ends), color=TAIL, label=spectral_marks.alpha_words(tail))
            if tail.low is not None and tail.high is not None:
                along = np.geomspace(tail.xmin, tail.xmax, 40)
                steep, flat = (start * tail.share(along, alpha) for alpha in (tail.high, tail.low))
                axes.fill_between(along, steep, flat, color=TAIL, alpha=0.18, linewidth=0)
        axes.set_ylim(0.5 / sigma.size, 1.6)
        spectral_marks.verticals(axes, bulk, tail)
        foot(axes)
    return axes
