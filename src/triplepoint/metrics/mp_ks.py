"""Distance from the noise law."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import BulkNull


def mp_ks(bulk: BulkNull) -> float:
    """D = sup |F − F_MP| between the whole spectrum and Marchenko–Pastur with σ from the entries."""
    return bulk.ks_distance


METRIC = Metric(
    mp_ks,
    unit="1",
    valid=(0, 1),
    reference="Marchenko & Pastur 1967; null simulated by benchmarks/make_null_table.py",
    scale=0.0,
    misleads="Compare with other shapes only through null_p.",
    examples=(((BulkNull(0.02, 0.001, 4.0),), 0.02),),
)
