"""Exponent weighted by scale."""

import math

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import PowerLawFit, Spectrum

FIT = PowerLawFit(3.0, 0.2, 2.6, 3.4, 1.5, 100.0, 0.05, 100, 400, "closed:iid-pareto")


def alpha_weighted(fit: PowerLawFit, spectrum: Spectrum) -> float:
    """α̂ = α · log10 λmax, the exponent weighted by the scale of the layer."""
    return fit.alpha * math.log10(float(spectrum.eigenvalues[0]))


METRIC = Metric(
    alpha_weighted,
    unit="log10 λ",
    valid=(None, None),
    reference="Martin, Peng & Mahoney 2021, Nat. Commun. 12:4122",
    scale="other",
    misleads="Between models it mixes shape with scale; negative where λmax < 1.",
    study=Study(9, "alpha_weighted", -0.49, 0.35),
    kind="hybrid",
    examples=(((FIT, Spectrum(np.array([10.0, 1.0]), (2, 2))), 6.0),),
)
