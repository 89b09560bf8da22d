"""Logarithm of the squared Frobenius norm."""

import math

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import Spectrum


def log_norm(spectrum: Spectrum) -> float:
    """log10 Σλ, the squared Frobenius norm in the λ units of the row."""
    return math.log10(float(np.sum(spectrum.eigenvalues)))


METRIC = Metric(
    log_norm,
    unit="log10 λ",
    valid=(None, None),
    reference="Martin & Mahoney 2021, JMLR 22(165); WeightWatcher 0.7.7",
    scale="log",
    misleads="A scale metric: within a series it follows the generalisation gap, across sizes it opposes quality.",
    study=Study(11, "log_norm", -0.95, 0.9),
    examples=(((Spectrum(np.array([8.0, 6.0]), (2, 2)),), 2.0),),
)
