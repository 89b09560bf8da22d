"""What noise would look like, for the shapes of a document: the law of the bulk and the band about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.nulls.band import law, rigidity
from triplepoint.page.columns import column
from triplepoint.records import MatrixRow

MOST_SHAPES = 256
"""Laws in one document; a network has some twenty."""


def laws(rows: Sequence[MatrixRow]) -> dict[str, Any]:
    """{"NxM": {x, cdf}} of the shapes of analysed matrices, N ≥ M, in the order in which they come."""
    found: dict[str, Any] = {}
    for shape in _shapes(rows)[:MOST_SHAPES]:
        x, cdf = law(shape)
        found[f"{shape[0]}x{shape[1]}"] = {"x": column(x, "f4"), "cdf": column(cdf, "f4")}
    return found


def unlawful(rows: Sequence[MatrixRow]) -> tuple[str, ...]:
    """The sentence for shapes beyond the most that a document has laws of."""
    count = len(_shapes(rows))
    return (
        () if count <= MOST_SHAPES else (f"The law of noise is drawn for {MOST_SHAPES} of {count:,} shapes.",)
    )


def _shapes(rows: Sequence[MatrixRow]) -> list[tuple[int, int]]:
    found = ((max(row.shape), min(row.shape)) for row in rows if row.status == "ok" and row.shape is not None)
    return [shape for shape in dict.fromkeys(found) if shape[1] >= 1]


def band() -> dict[str, list[float]]:
    """The band of the count of eigenvalues in an interval, over the expected count; see `nulls.band`."""
    found = rigidity()
    columns = {"mean": found.mean, "low": found.low, "high": found.high, "variance": found.variance}
    return {name: [float(f"{value:.5g}") for value in np.asarray(values)] for name, values in columns.items()}
