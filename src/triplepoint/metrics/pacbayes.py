"""PAC-Bayes bounds and the flatness in them: how much Gaussian noise in the weights the training loss bears.

σ is the standard deviation that every parameter bears, σ' the share of its own size; `generalization.search` says how
they are found and how exactly they are known.
"""

import math

from triplepoint.metrics._metric import Metric, Study
from triplepoint.metrics.weight_norms import DISTANCES, NORMS
from triplepoint.records import (
    AbsoluteTolerance,
    MagnitudeSum,
    MagnitudeTolerance,
    SampleSize,
    Tolerance,
    WeightDistances,
    WeightNorms,
)

MCALLESTER = "McAllester 1999; Jiang et al. 2019, arXiv 1912.02178, equations 48 to 61"

CONSTANT = 10.0
"""What the published bounds add."""


def pacbayes_init(
    distances: WeightDistances, tolerance: AbsoluteTolerance, samples: SampleSize
) -> float | None:
    """‖w − w⁰‖²/4σ² + ln(m/σ) + 10: the bound with a prior around the initial weights."""
    return _bound(distances.squared, tolerance, samples)


def pacbayes_orig(norms: WeightNorms, tolerance: AbsoluteTolerance, samples: SampleSize) -> float | None:
    """‖w‖²/4σ² + ln(m/σ) + 10: the bound with a prior around zero."""
    return _bound(sum(norms.frobenius), tolerance, samples)


def pacbayes_flatness(tolerance: AbsoluteTolerance) -> float:
    """1/σ², σ the largest deviation of weight noise for which the training loss rises by at most the target."""
    return tolerance.sigma**-2


def pacbayes_mag_init(
    norms: WeightNorms,
    distances: WeightDistances,
    tolerance: MagnitudeTolerance,
    terms: MagnitudeSum,
    samples: SampleSize,
) -> float | None:
    """¼Σ_j ln[(ε² + (σ'² + 1)‖w − w⁰‖²/ω)/(ε² + σ'²(w_j − w⁰_j)²)] + ln(m/σ') + 10.

    The bound for noise in proportion to each weight, with a prior around the initial weights; ε = 10⁻³.
    """
    return _magnitude_bound(distances.squared, norms, tolerance, terms, samples)


def pacbayes_mag_orig(
    norms: WeightNorms, tolerance: MagnitudeTolerance, terms: MagnitudeSum, samples: SampleSize
) -> float | None:
    """¼Σ_j ln[(ε² + (σ'² + 1)‖w‖²/ω)/(ε² + σ'²(w_j − w⁰_j)²)] + ln(m/σ') + 10.

    As published: ‖w‖ above, and below still the distance from the initial weights.
    """
    return _magnitude_bound(sum(norms.frobenius), norms, tolerance, terms, samples)


def pacbayes_mag_flatness(tolerance: MagnitudeTolerance) -> float:
    """1/σ'², σ' the largest weight noise, relative to each weight, that the training loss bears."""
    return tolerance.sigma**-2


def _bound(squared: float, tolerance: AbsoluteTolerance, samples: SampleSize) -> float:
    sigma = tolerance.sigma
    return squared / (4.0 * sigma**2) + math.log(samples.m / sigma) + CONSTANT


def _magnitude_bound(
    squared: float,
    norms: WeightNorms,
    tolerance: MagnitudeTolerance,
    terms: MagnitudeSum,
    samples: SampleSize,
) -> float:
    sigma, omega = tolerance.sigma, norms.num_weights
    top = tolerance.epsilon**2 + (sigma**2 + 1.0) * squared / omega
    return 0.25 * (omega * math.log(top) - terms.log_sum) + math.log(samples.m / sigma) + CONSTANT


_TOLERANCE = Tolerance(0.5, 0.51, 2.0, False, 0.5, "loss", 0.49, 0.02, 0.01, 10, 150)
_ABSOLUTE = AbsoluteTolerance(_TOLERANCE)
_MAGNITUDE = MagnitudeTolerance(_TOLERANCE, 1e-3)
_SIZE = SampleSize(1000)
_TERMS = MagnitudeSum(-50.0)
_TAIL = math.log(2000.0) + 10.0

_SIGMA = (
    "σ is known to a few per cent only (its standard error is given), and depends on the data, the target and the "
    "scale of layers that a later one undoes. In the study it followed the gap and opposed quality; between learning "
    "rates and batch sizes of perceptrons σ and σ' went with quality (benchmarks/generalization)."
)


METRICS = (
    Metric(
        pacbayes_init,
        "1",
        (None, None),
        MCALLESTER,
        scale="other",
        misleads=_SIGMA,
        needs=("data", "init"),
        study=Study(23, "pacbayes_init", -0.93, 0.9),
        level="model",
        examples=(((DISTANCES, _ABSOLUTE, _SIZE), 25.0 + _TAIL),),
    ),
    Metric(
        pacbayes_orig,
        "1",
        (None, None),
        MCALLESTER,
        scale="other",
        misleads=_SIGMA,
        needs=("data",),
        study=Study(24, "pacbayes_orig", -0.93, 0.9),
        level="model",
        examples=(((NORMS, _ABSOLUTE, _SIZE), 26.0 + _TAIL),),
    ),
    Metric(
        pacbayes_flatness,
        "1/w²",
        (0, None),
        MCALLESTER,
        scale="other",
        misleads=_SIGMA,
        needs=("data",),
        study=Study(25, "pacbayes_flatness", -0.91, 0.9),
        level="model",
        examples=(((_ABSOLUTE,), 4.0),),
    ),
    Metric(
        pacbayes_mag_init,
        "1",
        (None, None),
        MCALLESTER,
        scale="other",
        misleads=_SIGMA,
        needs=("data", "init"),
        study=Study(26, "pacbayes_mag_init", -0.9, 0.8),
        level="model",
        examples=(
            (
                (NORMS, DISTANCES, _MAGNITUDE, _TERMS, _SIZE),
                25.0 * math.log(1e-6 + 1.25 * 25.0 / 100.0) + 12.5 + _TAIL,
            ),
        ),
    ),
    Metric(
        pacbayes_mag_orig,
        "1",
        (None, None),
        MCALLESTER,
        scale="other",
        misleads=f"Its numerator and denominator measure from different points. {_SIGMA}",
        needs=("data", "init"),
        study=Study(27, "pacbayes_mag_orig", -0.5, 0.35),
        level="model",
        examples=(
            (
                (NORMS, _MAGNITUDE, _TERMS, _SIZE),
                25.0 * math.log(1e-6 + 1.25 * 26.0 / 100.0) + 12.5 + _TAIL,
            ),
        ),
    ),
    Metric(
        pacbayes_mag_flatness,
        "1",
        (0, None),
        MCALLESTER,
        scale="other",
        misleads=_SIGMA,
        needs=("data",),
        study=Study(28, "pacbayes_mag_flatness", -0.94, 0.9),
        level="model",
        examples=(((_MAGNITUDE,), 4.0),),
    ),
)
