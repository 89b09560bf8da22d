"""Exponent against the noise of the same shape."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import AlphaNull


def null_z_alpha(null: AlphaNull) -> float:
    """Normal score of α among the exponents of Gaussian matrices of the same shape.

    Negative: heavier tail than noise. Simulated to |z| = 2.58, continued linearly in log α to 10.
    """
    return null.z


METRIC = Metric(
    null_z_alpha,
    unit="σ",
    valid=(-10, 10),
    reference="Marchenko & Pastur 1967; null simulated by benchmarks/make_null_table.py",
    scale=0.0,
    misleads="It compares with Gaussian noise only; a heavy-tailed initialisation also scores negative.",
    examples=(((AlphaNull(-3.0),), -3.0),),
)
