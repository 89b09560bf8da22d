"""Noise level of the entries."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import EntryStatistics


def mp_sigma(entries: EntryStatistics) -> float:
    """Standard deviation of the entries of W as stored, the σ of the same-shape null."""
    return entries.std


METRIC = Metric(
    mp_sigma,
    unit="w",
    valid=(0, None),
    reference="Marchenko & Pastur 1967",
    scale=1.0,
    weightwatcher="sigma_mp (fitted to the bulk there, and after rescaling)",
    examples=(((EntryStatistics(100, 0.1, 0.5, 2.0),), 0.5),),
)
