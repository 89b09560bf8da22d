"""Logarithm of the squared spectral norm."""

import math

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import Spectrum


def log_spectral_norm(spectrum: Spectrum) -> float:
    """log10 λmax, the squared spectral norm in the λ units of the row."""
    return math.log10(float(spectrum.eigenvalues[0]))


METRIC = Metric(
    log_spectral_norm,
    unit="log10 λ",
    valid=(None, None),
    reference="Martin & Mahoney 2021, JMLR 22(165); WeightWatcher 0.7.7",
    scale="log",
    study=Study(12, "log_spectral_norm", -0.95, 0.9),
    examples=(((Spectrum(np.array([10.0, 1.0]), (2, 2)),), 2.0),),
)
