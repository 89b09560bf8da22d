"""The scalars of a run: loss, accuracy and whatever else it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.page.bounds import Bounds
from triplepoint.page.columns import column
from triplepoint.page.thinning import thinned
from triplepoint.store import Run, tables
from triplepoint.store.tables import ScalarTable

Document = dict[str, Any]
FEWEST = 20
"""Points of one scalar, however many scalars there are."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """{name: columns}, and what is not in them."""

    columns: Document
    missing: tuple[str, ...]


def scalars(run: Run, frame: int, bounds: Bounds) -> Scalars:
    """Those of the frames up to `frame`, thinned to the bounds; where there are too many, the first that came."""
    names = run.scalar_names
    shown = names[: max(1, bounds.all_points // FEWEST)]
    most = min(bounds.points, max(FEWEST, bounds.all_points // max(1, len(shown))))
    found, longest = {}, 0
    for name in shown:
        table = tables.scalar(run, name, frame)
        longest = max(longest, table.steps.size)
        found[name] = columns(thinned(table, most))
    missing = []
    if longest > most:
        missing.append(
            f"Scalars are drawn at up to {most:,} of {longest:,} points: means of blocks with their lowest and highest."
        )
    if len(shown) < len(names):
        missing.append(f"{len(shown):,} of {len(names):,} scalars are shown.")
    return Scalars(found, tuple(missing))


def columns(table: ScalarTable) -> Document:
    """One scalar; the ends of its blocks only where it has blocks."""
    blocks = bool(np.isfinite(table.low).any() or np.isfinite(table.high).any())
    return {
        "steps": column(table.steps, "f8"),
        "values": column(table.values, "f8"),
        "low": column(table.low, "f8") if blocks else None,
        "high": column(table.high, "f8") if blocks else None,
    }
