"""Participation ratio of the eigenvalues."""

import numpy as np

from triplepoint.metrics._metric import Metric
from triplepoint.records import Spectrum


def participation_ratio(spectrum: Spectrum) -> float:
    """(Σλ)²/Σλ²: the number of equal eigenvalues with the same first two moments.

    Between 1 and the rank. Cost O(M).
    """
    values = np.square(spectrum.singular_values / spectrum.singular_values[0])
    return float(np.sum(values) ** 2 / np.sum(np.square(values)))


METRIC = Metric(
    participation_ratio,
    unit="1",
    valid=(1, None),
    reference="Bell & Dean 1970, Discuss. Faraday Soc. 50; Gao et al. 2017",
    scale=0.0,
    examples=(((Spectrum(np.ones(4), (4, 4)),), 4.0), ((Spectrum(np.array([2.0, 0.0]), (2, 2)),), 1.0)),
)
