"""Stable rank."""

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import Spectrum


def stable_rank(spectrum: Spectrum) -> float:
    """Σλ/λmax = ‖W‖_F²/‖W‖₂²: a smooth count of the directions that carry weight.

    Between 1 and the rank. Cost O(M).
    """
    values = np.square(spectrum.singular_values / spectrum.singular_values[0])
    return float(np.sum(values))


METRIC = Metric(
    stable_rank,
    unit="1",
    valid=(1, None),
    reference="Rudelson & Vershynin 2007, J. ACM 54(4)",
    scale=0.0,
    misleads="It depends on the shape: a Gaussian M x N matrix has about MN/(√M+√N)²; compare equal shapes only.",
    study=Study(7, "stable_rank", 0.34, -0.1),
    examples=(((Spectrum(np.ones(4), (4, 4)),), 4.0), ((Spectrum(np.array([5.0, 0.0, 0.0]), (3, 3)),), 1.0)),
)
