"""The phase of every layer over training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.figures import phase_marks, run_marks
from triplepoint.figures.canvas import canvas, foot
from triplepoint.figures.palette import PALEST, PHASES
from triplepoint.page import carried
from triplepoint.page.codes import PHASES as CODES
from triplepoint.records import Phase
from triplepoint.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def phase_history(run: Run, *, ax: Axes | None = None) -> Axes:
    """Layers (down, in the order of the model) by steps (across), coloured by phase, the paler the less sure.

    A phase holds until the next whole look. Before its first look a layer has no colour.

    Raises:
        UsageError: no layer was looked at in full yet.
    """
    found, sure = carried.phases(run)
    seen = ~np.isnan(found.values)
    if not seen.any():
        raise UsageError(f"draw phases of run {run.name!r}", "no whole look yet", "Wait for the first")
    phases: dict[int, Phase | None] = {
        code: None if word is None else Phase(word) for word, code in CODES.items()
    }
    codes = np.where(seen, found.values, 0).astype(int)
    shares = np.where(seen, PALEST + (1 - PALEST) * np.where(np.isnan(sure.values), 1.0, sure.values), 0.0)
    with canvas(ax, height=1.0 + min(2.6, max(0.5, 0.13 * len(found.ids)))) as axes:
        from matplotlib.colors import to_rgb

        colours = np.array([to_rgb(PHASES[phases[code]]) for code in range(len(phases))])
        image = np.concatenate([colours[codes], shares[..., None]], axis=-1)
        axes.pcolormesh(found.edges, np.arange(len(found.ids) + 1), image, rasterized=True)
        run_marks.side(axes, found.ids)
        run_marks.steps(axes)
        handles = phase_marks.patches(phases[code] for code in set(codes[seen].tolist()))
        foot(axes, ncols=3, right=len(found.ids) <= run_marks.NAMED, handles=handles)
    return axes
