"""Can the spectrum be told from noise?"""

from triplepoint.metrics._metric import Metric
from triplepoint.records import BulkNull


def null_p(bulk: BulkNull) -> float:
    """P that a Gaussian matrix of the same shape lies as far from Marchenko–Pastur: n·D against its simulated null.

    Simulated down to 0.002, continued as an exponential down to 1e-9. Small: it has learned something. Of an adapter
    among products of two Gaussian factors of its shape and rank, by 199 to 999 draws.
    """
    return bulk.p_value


METRIC = Metric(
    null_p,
    unit="1",
    valid=(0, 1),
    reference="Marchenko & Pastur 1967; null simulated by benchmarks/make_null_table.py",
    scale=0.0,
    misleads="Any departure counts: a heavy-tailed or uneven initialisation rejects it without learning, and one weak "
    "spike in a large matrix does not.",
    examples=(((BulkNull(0.02, 0.001, 4.0),), 0.001),),
)
