"""Any metric of a scan by layer."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from triplepoint.errors import UsageError
from triplepoint.figures import layers, phase_marks
from triplepoint.figures.canvas import canvas, foot
from triplepoint.metrics import METRICS
from triplepoint.records import MatrixRow, Scan

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def metric(scan: Scan, name: str, *, log: bool | None = None, ax: Axes | None = None) -> Axes:
    """One metric by layer, in the order of the checkpoint, coloured by phase.

    Args:
        scan: whose rows are drawn; those without a value stand as ticks at the foot.
        name: of a metric that the scan has.
        log: whether the axis is logarithmic; by default where the values span more than two decades.
        ax: drawn on if given.

    Raises:
        UsageError: the scan has no such metric.
    """
    rows = layers.shown(scan)
    values = values_of(rows, name)
    known = [value for value in values if value is not None]
    with canvas(ax, height=2.2) as axes:
        found = [(at, value, row) for at, (row, value) in enumerate(zip(rows, values, strict=True))]
        phase_marks.missing(axes, ((at, row) for at, value, row in found if value is None))
        phase_marks.scatter(axes, ((at, value, row) for at, value, row in found if value is not None))
        if (spread(known) > 100) if log is None else log:
            axes.set_yscale("log")
        axes.set_ylabel(layers.metric_words(name))
        layers.axis(axes, rows)
        foot(axes, ncols=3, handles=phase_marks.points(row.phase for row in rows))
    return axes


def values_of(rows: Sequence[MatrixRow], name: str) -> list[float | None]:
    """One a row; UsageError where no row has the metric."""
    if any(name in row.metrics for row in rows):
        return [row.metrics.get(name) for row in rows]
    known = sorted({metric for row in rows for metric in row.metrics})
    if name in METRICS:
        raise UsageError(
            f"draw {name!r}", "the scan did not measure it", f"Scan again with metrics=[{name!r}]"
        )
    near = difflib.get_close_matches(name, known, n=3) or known[:6]
    raise UsageError(f"draw {name!r}", "no such metric", f"Did you mean {', '.join(near)}?")


def spread(values: Sequence[float]) -> float:
    """Largest over smallest; 1 where one is not positive."""
    return max(values) / min(values) if values and min(values) > 0 else 1.0
