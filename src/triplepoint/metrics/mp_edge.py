"""Upper edge of the noise bulk."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import BulkNull


def mp_edge(bulk: BulkNull) -> float:
    """σ²(√N + √M)², the largest eigenvalue a noise matrix of this shape and entry variance would have.

    In the λ units of the row.
    """
    return bulk.edge


METRIC = Metric(
    mp_edge,
    unit="λ",
    valid=(0, None),
    reference="Marchenko & Pastur 1967",
    scale=2.0,
    weightwatcher="bulk_max",
    examples=(((BulkNull(0.02, 0.001, 4.0),), 4.0),),
)
