"""Normalised entropy of the eigenvalues."""

import math

import numpy as np

from triplepoint.metrics._metric import Metric
from triplepoint.metrics.matrix_rank import matrix_rank
from triplepoint.records import Spectrum


def entropy(spectrum: Spectrum) -> float | None:
    """−Σ p ln p / ln(rank) with p = λ/Σλ: 1 when all directions carry the same weight.

    No value at rank 1, where both sides are zero. Cost O(M).
    """
    share = np.square(spectrum.singular_values / spectrum.singular_values[0])
    share = share / np.sum(share)
    share = share[share > 0]
    rank = matrix_rank(spectrum)
    if rank < 2:
        return None
    return float(-np.sum(share * np.log(share)) / math.log(rank))


METRIC = Metric(
    entropy,
    unit="1",
    valid=(0, None),
    reference="Martin & Mahoney 2021, JMLR 22(165); WeightWatcher 0.7.7",
    misleads="It divides by ln(matrix_rank): where WeightWatcher counts rounding noise as rank, its value is smaller.",
    needs_precise=True,
    examples=(((Spectrum(np.ones(4), (4, 4)),), 1.0),),
)
