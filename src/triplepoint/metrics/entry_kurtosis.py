"""Kurtosis of the entries."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import EntryStatistics


def entry_kurtosis(entries: EntryStatistics) -> float | None:
    """⟨(w − ⟨w⟩)⁴⟩/σ⁴ over all entries: 3 for Gaussian ones, 1.8 for uniform ones, larger for heavy tails.

    It raises the noise edge by the factor 1 + (kurtosis − 3)/√(NM). Summed in the pass that forms the Gram matrix.
    """
    return entries.kurtosis


METRIC = Metric(
    entry_kurtosis,
    unit="1",
    valid=(1, None),
    reference="Pearson 1905, Biometrika 4",
    scale=0.0,
    misleads="A single huge entry can set it, and for tails heavier than w^−4 it grows with the size of the matrix.",
    examples=(((EntryStatistics(100, 0.1, 0.5, 2.0, 0.0, 3.5),), 3.5),),
)
