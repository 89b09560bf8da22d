"""What a picture of one spectrum shows, as numbers: counts by size, the noise law, the fitted tail.

Eigenvalues λ are counted in bins of equal width in log10 λ, where a power law of exponent α is a straight line of slope
1 − α, since a bin at λ is as wide as λ is large. The laws are counts in the same bins, so that nothing has to be scaled
to fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.errors import UsageError
from triplepoint.nulls import marchenko_pastur
from triplepoint.nulls.band import rigidity
from triplepoint.page.layers import factored
from triplepoint.records import MatrixRow
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.report import order
from triplepoint.store import sketching

Numbers = np.ndarray[Any, np.dtype[np.float64]]

FEWEST_BINS = 16


@dataclass(frozen=True, slots=True)
class TailLine:
    """A fitted power law p(λ) ∝ λ^(−α) between xmin and xmax, with its 95 % interval."""

    alpha: float
    low: float | None
    high: float | None
    xmin: float
    """λ units of the row."""
    xmax: float
    num_tail: float

    def share(self, eigenvalues: Numbers, alpha: float | None = None) -> Numbers:
        """Share of the tail at or above each λ: (λ/xmin)^(1 − α)."""
        exponent = 1.0 - (self.alpha if alpha is None else alpha)
        return np.asarray((np.asarray(eigenvalues, dtype=np.float64) / self.xmin) ** exponent)

    def counts(self, centres: Numbers, width: float, alpha: float | None = None) -> Numbers:
        """Expected eigenvalues in bins of `width` decades around each λ: a straight line on log axes."""
        half = 10.0 ** (width / 2)
        below = self.share(np.asarray(centres) / half, alpha)
        return np.asarray(self.num_tail * (below - self.share(np.asarray(centres) * half, alpha)))


@dataclass(frozen=True, slots=True, eq=False)
class NoiseLaw:
    """The Marchenko–Pastur law of `count` eigenvalues, in λ units of the row."""

    count: float
    scale: float
    sigma: float
    shape: tuple[int, int]
    """(N, M), N ≥ M, less the spikes."""

    def below(self, eigenvalues: Numbers) -> Numbers:
        """Share of the eigenvalues below each λ."""
        return marchenko_pastur.cdf(np.asarray(eigenvalues) / self.scale, self.shape, self.sigma)

    @property
    def ends(self) -> tuple[float, float]:
        """(λ₋, λ₊) in λ units of the row."""
        low, high = marchenko_pastur.edges(self.shape, self.sigma)
        return self.scale * low, self.scale * high

    def counts(self, edges: Numbers) -> Numbers:
        """Expected eigenvalues between each two neighbours of `edges` (λ, ascending)."""
        return np.asarray(self.count * np.diff(self.below(edges)))

    def around(self, centres: Numbers, width: float) -> Numbers:
        """Expected eigenvalues in bins of `width` decades around each λ."""
        half = 10.0 ** (width / 2)
        above = self.below(np.asarray(centres) * half)
        return np.asarray(self.count * (above - self.below(np.asarray(centres) / half)))


@dataclass(frozen=True, slots=True, eq=False)
class SpectralPicture:
    """One spectrum in bins, with the laws that belong to it."""

    label: str
    """Of the matrix, as reports have it."""
    edges: Numbers
    """(bins + 1,) λ, equally far apart in log10 λ; empty where no eigenvalue is resolved."""
    counts: np.ndarray[Any, np.dtype[np.int64]]
    """(bins,)."""
    unresolved: int
    """Eigenvalues below the first edge: rounding noise or 0."""
    bulk: NoiseLaw | None
    """Fitted to the bulk: the noise beside the spikes."""
    null: NoiseLaw | None
    """Of all entries: what a matrix of this shape and variance shows that has learned nothing."""
    tail: TailLine | None
    traps: tuple[float, ...] = ()
    """λ of the outliers of the shuffled matrix."""
    shuffled: tuple[np.ndarray[Any, np.dtype[np.int64]], Numbers] | None = None
    """(counts, edges) of the shuffled matrix, in bins of the same width; None where it was not kept."""

    @property
    def width(self) -> float:
        """Of a bin, decades of λ."""
        return float(np.log10(self.edges[1] / self.edges[0])) if self.edges.size > 1 else math.nan

    @property
    def centres(self) -> Numbers:
        """(bins,) λ, geometric."""
        return np.asarray(np.sqrt(self.edges[:-1] * self.edges[1:]))


def of_row(row: MatrixRow) -> SpectralPicture:
    """The picture of a row of a scan that kept its singular values.

    Raises:
        UsageError: it has none.
    """
    sigma = singular_values(row)
    found = sketching.binned(sigma, row.scale, row.resolved_from or 0.0)
    picture = _picture(row, found.low, found.high, found.counts, found.unresolved)
    if row.shuffled_singular_values is None or picture.counts.size == 0:
        return picture
    eigenvalues = row.scale * np.square(row.shuffled_singular_values)
    eigenvalues = eigenvalues[(eigenvalues > 0) & (eigenvalues >= (row.resolved_from or 0.0))]
    # The same bins, as many more on both sides as it needs: counts can be compared as they stand.
    start, width = np.log10(picture.edges[0]), picture.width
    places = np.floor((np.log10(eigenvalues) - start) / width).astype(np.int64)
    low, high = int(places.min()), int(places.max())
    edges = np.power(10.0, start + width * np.arange(low, high + 2))
    return replace(picture, shuffled=(np.bincount(places - low, minlength=high - low + 1), edges))


def of_sketch(sketch: SpectrumSketch, row: MatrixRow) -> SpectralPicture:
    """The same of a visit in a run: its sketch, and its row for the laws."""
    return _picture(row, sketch.low, sketch.high, sketch.counts, sketch.unresolved)


def singular_values(row: MatrixRow) -> Numbers:
    """Those of the row; UsageError where it has none, with what to do."""
    if row.singular_values is not None:
        return row.singular_values
    if row.status != "ok":
        why = f"it {'was left out' if row.status == 'skipped' else 'failed'}" + (
            f" ({row.reason.value})" if row.reason else ""
        )
        raise UsageError(f"spectrum of {row.id!r}", why, "Choose a matrix that was analysed")
    raise UsageError(
        f"spectrum of {row.id!r}",
        "the scan kept no singular values",
        "Scan again with spectra=True (on the command line: --spectra)",
    )


def band(expected: Numbers) -> tuple[Numbers, Numbers]:
    """(low, high): 95 % of the counts of a matrix that has learned nothing, where `expected` are expected."""
    found = rigidity()
    return np.interp(expected, found.mean, found.low), np.interp(expected, found.mean, found.high)


def bulk_law(row: MatrixRow) -> NoiseLaw | None:
    """The law that was fitted to the bulk; None where none was."""
    spikes = row.metrics.get("num_spikes")
    return None if spikes is None else _law(row, row.metrics.get("bulk_sigma"), int(spikes))


def null_law(row: MatrixRow) -> NoiseLaw | None:
    """The law of independent entries with the variance of these."""
    return _law(row, row.metrics.get("mp_sigma"), 0)


def _law(row: MatrixRow, sigma: float | None, spikes: int) -> NoiseLaw | None:
    # The noise of a product of factors is no matrix of independent entries: 12 of 16 bins of a random one are outside.
    if row.shape is None or not row.num_eigenvalues or not sigma or factored(row):
        return None
    n, m = max(row.shape), min(row.shape)
    slices, rest = divmod(row.num_eigenvalues, m)
    if rest:
        return None
    taken = spikes if slices == 1 else 0
    return (
        NoiseLaw(row.num_eigenvalues - spikes, row.scale, sigma, (n - taken, m - taken))
        if taken < m
        else None
    )


def tail_line(row: MatrixRow) -> TailLine | None:
    """The fitted power law of a row; None where there is none."""
    found = [row.metrics.get(name) for name in ("alpha", "xmin", "xmax", "num_tail")]
    if any(value is None for value in found):
        return None
    alpha, xmin, xmax, num_tail = (float(value) for value in found if value is not None)
    return TailLine(alpha, row.metrics.get("alpha_low"), row.metrics.get("alpha_high"), xmin, xmax, num_tail)


def _picture(
    row: MatrixRow, low: float | None, high: float | None, counts: Any, unresolved: int
) -> SpectralPicture:
    if low is None or high is None:
        edges, counts = np.empty(0), np.empty(0, np.int64)
    else:
        if high <= low:  # all eigenvalues alike: one bin, a twentieth of a decade wide
            low, high, counts = low - 0.025, high + 0.025, np.array([counts.sum()])
        counts = _coarser(counts)
        edges = np.logspace(low, high, counts.size + 1)
    traps = tuple(trap.eigenvalue for trap in row.traps)
    return SpectralPicture(
        order.label(row), edges, counts, unresolved, bulk_law(row), null_law(row), tail_line(row), traps
    )


def _coarser(counts: Any) -> Any:
    """Neighbours added up until there are no more than 2√n bins, but at least `FEWEST_BINS`."""
    most = max(FEWEST_BINS, 2 * math.sqrt(float(counts.sum())))
    while counts.size > most and counts.size % 2 == 0:
        counts = counts.reshape(-1, 2).sum(axis=1)
    return counts
