"""Squared Frobenius norm of the stored weights."""

import numpy as np

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import Spectrum


def param_norm(spectrum: Spectrum) -> float:
    """‖W‖_F² = Σσ² of the weights as stored, without the λ scale of convolutions."""
    return float(np.sum(np.square(spectrum.singular_values)))


METRIC = Metric(
    param_norm,
    unit="w²",
    valid=(0, None),
    reference="Generalization metrics for NLP, arXiv 2202.02842",
    scale=2.0,
    weightwatcher="norm (which includes the scale of convolutions)",
    study=Study(13, "param_norm", -0.92, 0.9),
    total=True,
    examples=(((Spectrum(np.array([3.0, 4.0]), (2, 2), scale=0.5),), 25.0),),
)
