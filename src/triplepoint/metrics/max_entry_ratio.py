"""Largest entry against the noise level."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import EntryStatistics


def max_entry_ratio(entries: EntryStatistics) -> float | None:
    """max|W|/σ with σ the standard deviation of the entries.

    About √(2 ln MN) for Gaussian entries; an entry above (MN)^¼ makes an eigenvalue of its own.
    """
    return entries.max_abs / entries.std if entries.std > 0 else None


METRIC = Metric(
    max_entry_ratio,
    unit="σ",
    valid=(0, None),
    reference="rank-one perturbation theory: Baik, Ben Arous & Péché 2005",
    scale=0.0,
    examples=(((EntryStatistics(100, 0.1, 0.5, 2.0),), 4.0),),
)
