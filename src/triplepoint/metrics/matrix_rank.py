"""Numerical rank."""

import numpy as np

from triplepoint.metrics._metric import Metric
from triplepoint.records import Spectrum


def matrix_rank(spectrum: Spectrum) -> float:
    """Number of σ > σmax · max(N, M) · ε, ε = 2⁻²³ for storage of 32 bits or fewer and 2⁻⁵² for float64.

    Pooled slices: the sum of the ranks of the slices by the largest σ of all. Cost O(M).
    """
    sigma = spectrum.singular_values
    floor = sigma[0] * spectrum.shape[0] * spectrum.storage_epsilon
    return float(np.count_nonzero(sigma > floor))


METRIC = Metric(
    matrix_rank,
    unit="count",
    valid=(0, None),
    reference="Golub & Van Loan 2013, section 5.4",
    scale=0.0,
    misleads="WeightWatcher uses 2⁻⁵² for every storage type and gives low-rank float32 products full rank.",
    needs_precise=True,
    examples=(((Spectrum(np.array([5.0, 1.0, 1e-9]), (3, 3)),), 2.0),),
)
