"""Logarithm of the α-Schatten norm."""

import math

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import PowerLawFit, Spectrum

FIT = PowerLawFit(2.0, 0.2, 1.6, 2.4, 1.5, 100.0, 0.05, 100, 400, "closed:iid-pareto")


def log_alpha_norm(fit: PowerLawFit, spectrum: Spectrum) -> float:
    """log10 Σ λ^α over all eigenvalues; summed relative to λmax, so that large α cannot overflow. Cost O(M)."""
    values = spectrum.eigenvalues
    top = float(values[0])
    return fit.alpha * math.log10(top) + math.log10(float(np.sum((values / top) ** fit.alpha)))


METRIC = Metric(
    log_alpha_norm,
    unit="log10 λ",
    valid=(None, None),
    reference="Martin, Peng & Mahoney 2021, Nat. Commun. 12:4122",
    scale="other",
    study=Study(10, "log_alpha_norm", -0.49, 0.35),
    kind="hybrid",
    examples=(((FIT, Spectrum(np.array([3.0, 1.0]), (2, 2))), math.log10(82.0)),),
)
