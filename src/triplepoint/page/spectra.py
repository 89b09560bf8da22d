"""Spectra as the browser draws them: counts between equal steps of log10 λ, and the largest eigenvalues one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.page.columns import column
from triplepoint.page.series import BITS
from triplepoint.page.thinning import rounded
from triplepoint.records import MatrixRow
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store.sketching import BINS, TAIL_LEAST, binned, tail_length

Document = dict[str, Any]


def spectra(sketches: Sequence[SpectrumSketch], *, coarse: bool = False) -> Document:
    """Those of one layer, steps ascending; `coarse`: the largest eigenvalues to four digits."""
    counts = [_of_bins(sketch) for sketch in sketches]
    tails = [sketch.tail_eigenvalues for sketch in sketches]
    tail = np.concatenate(tails) if tails else np.empty(0)
    return {
        "steps": column([sketch.step for sketch in sketches], "f8"),
        "low": column([sketch.low for sketch in sketches], "f8"),
        "high": column([sketch.high for sketch in sketches], "f8"),
        "counts": column(np.concatenate(counts) if counts else [], "u4"),
        "unresolved": column([sketch.unresolved for sketch in sketches], "i4"),
        "tail_offsets": column(np.cumsum([0, *(tail.size for tail in tails)]), "i4"),
        "tail": column(rounded(tail, BITS) if coarse else tail, "f4"),
    }


def cut(sketch: SpectrumSketch, most: int = TAIL_LEAST) -> SpectrumSketch:
    """The same with at most so many of the largest one by one."""
    return replace(sketch, tail=sketch.tail[:most])


def sketch(row: MatrixRow, sigma: np.ndarray[Any, Any], step: int = 0) -> SpectrumSketch | None:
    """The singular values of a row, or those of its shuffle, as a run would have kept them; None without any."""
    sigma = np.sort(np.asarray(sigma, dtype=np.float64))[::-1]
    if sigma.size == 0 or not np.isfinite(sigma).all():
        return None
    found = binned(sigma, row.scale, row.resolved_from or 0.0)
    return SpectrumSketch(
        matrix=row.id,
        step=step,
        num_eigenvalues=int(sigma.size),
        scale=row.scale,
        low=found.low,
        high=found.high,
        counts=found.counts,
        unresolved=found.unresolved,
        tail=sigma[: tail_length(sigma.size, row.metrics.get("num_tail"))],
    )


def _of_bins(sketch: SpectrumSketch) -> np.ndarray[Any, Any]:
    """(BINS,) counts; of a file with another number of bins the page can draw none."""
    known = sketch.counts.size == BINS and sketch.low is not None and math.isfinite(sketch.low)
    return sketch.counts if known else np.zeros(BINS, dtype=np.int64)
