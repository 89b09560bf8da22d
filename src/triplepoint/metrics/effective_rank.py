"""Effective rank."""

import numpy as np

from triplepoint.metrics._metric import Metric
from triplepoint.records import Spectrum


def effective_rank(spectrum: Spectrum) -> float:
    """exp(−Σ p ln p) with p = σ/Σσ: the exponential of the entropy of the normalised singular values.

    Between 1 and the rank. Cost O(M).
    """
    share = spectrum.singular_values / np.sum(spectrum.singular_values)
    share = share[share > 0]
    return float(np.exp(-np.sum(share * np.log(share))))


METRIC = Metric(
    effective_rank,
    unit="1",
    valid=(1, None),
    reference="Roy & Vetterli 2007, EUSIPCO",
    scale=0.0,
    misleads="Singular values, not eigenvalues: many small ones count for much, so rounding noise raises it.",
    examples=(((Spectrum(np.ones(4), (4, 4)),), 4.0), ((Spectrum(np.array([2.0, 0.0]), (2, 2)),), 1.0)),
)
