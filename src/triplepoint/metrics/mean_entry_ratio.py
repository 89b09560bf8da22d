"""Mean of the entries against the noise level."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import EntryStatistics


def mean_entry_ratio(entries: EntryStatistics) -> float | None:
    """|μ|/σ with μ and σ the mean and standard deviation of the entries.

    Above (MN)^(−¼) the mean alone makes an eigenvalue outside the noise bulk.
    """
    return abs(entries.mean) / entries.std if entries.std > 0 else None


METRIC = Metric(
    mean_entry_ratio,
    unit="σ",
    valid=(0, None),
    reference="rank-one perturbation theory: Baik, Ben Arous & Péché 2005",
    scale=0.0,
    examples=(((EntryStatistics(100, 0.1, 0.5, 2.0),), 0.2),),
)
