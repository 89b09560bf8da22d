"""Norms over the margin: how sharply the network could turn, in units of how far its answers are from turning.

All but `margin` need γ > 0. Where the 10th percentile of the margins is not positive, that is where a tenth or more of
the samples are classified wrongly, they have no value; the published code takes |γ| there (`legacy=True`).
"""

import math

from triplepoint.metrics._metric import Metric, Study
from triplepoint.metrics.weight_norms import DISTANCES, JIANG, NORMS, balanced, log_product, ratio_sum
from triplepoint.records import Margins, PositiveMargin, WeightDistances, WeightNorms

BARTLETT = f"Bartlett, Foster & Telgarsky 2017, arXiv 1706.08498; {JIANG}"
PITAS = f"Pitas, Davies & Vandergheynst 2017, arXiv 1801.00171; {JIANG}"
GAMMA = PositiveMargin(2.0)


def margin(margins: Margins) -> float:
    """γ, the 10th percentile of the margins: logit of the right class less the largest other, over samples or tokens.

    The smallest margin that at least a tenth of them do not exceed; never interpolated. Not positive where a tenth or
    more are classified wrongly.
    """
    return margins.gamma


def inverse_margin(margin: PositiveMargin) -> float:
    """1/γ², γ the 10th percentile of the margins on the training data."""
    return 1.0 / margin.gamma**2


def log_prod_of_spec_over_margin(norms: WeightNorms, margin: PositiveMargin) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ: the product of the squared spectral norms over the squared margin."""
    return over_margin(log_product(norms.spectral), margin)


def log_sum_of_spec_over_margin(norms: WeightNorms, margin: PositiveMargin) -> float | None:
    """ln D + (1/D)·(Σ_i ln‖W_i‖₂² − 2 ln γ)."""
    return balanced(over_margin(log_product(norms.spectral), margin), len(norms.spectral))


def log_prod_of_fro_over_margin(norms: WeightNorms, margin: PositiveMargin) -> float | None:
    """Σ_i ln‖W_i‖_F² − 2 ln γ: the product of the squared Frobenius norms over the squared margin."""
    return over_margin(log_product(norms.frobenius), margin)


def log_sum_of_fro_over_margin(norms: WeightNorms, margin: PositiveMargin) -> float | None:
    """ln D + (1/D)·(Σ_i ln‖W_i‖_F² − 2 ln γ)."""
    return balanced(over_margin(log_product(norms.frobenius), margin), len(norms.frobenius))


def log_spec_orig_main(norms: WeightNorms, margin: PositiveMargin) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ + ln Σ_i‖W_i‖_F²/‖W_i‖₂²: the main term of a spectral margin bound around zero."""
    ratios = ratio_sum(norms.frobenius, norms.spectral)
    return plus_log(over_margin(log_product(norms.spectral), margin), ratios)


def log_spec_init_main(
    norms: WeightNorms, distances: WeightDistances, margin: PositiveMargin
) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ + ln Σ_i‖W_i − W⁰_i‖_F²/‖W_i‖₂²: the same around the initial weights.

    Undefined where nothing has moved.
    """
    ratios = ratio_sum(tuple(layer.frobenius for layer in distances.layers), norms.spectral)
    return plus_log(over_margin(log_product(norms.spectral), margin), ratios)


def over_margin(log_product: float | None, margin: PositiveMargin) -> float | None:
    """ln Π − 2 ln γ."""
    return None if log_product is None else log_product - 2.0 * math.log(margin.gamma)


def plus_log(value: float | None, ratios: float | None) -> float | None:
    """Value + ln Σ; None where there is nothing to add."""
    return None if value is None or ratios is None or ratios <= 0 else value + math.log(ratios)


_DATA = (
    "It depends on the data and on which tenth of them is hardest; scaling the last layer moves it at will."
)
_BOTH = f"Along the trainings of the study it followed the gap to the test data and opposed quality. {_DATA}"
_SPEC = math.log(36.0 / 4.0)
_FRO = math.log(144.0 / 4.0)

METRICS = (
    Metric(
        margin,
        "1",
        (None, None),
        JIANG,
        scale="other",
        misleads=_DATA,
        polarity="higher",
        needs=("data",),
        level="model",
        examples=(((Margins(-0.5, 0.1, 100, 0.2),), -0.5),),
    ),
    Metric(
        inverse_margin,
        "1",
        (0, None),
        JIANG,
        scale="other",
        misleads=_DATA,
        needs=("data",),
        study=Study(17, "inverse_margin", 0.58, -0.5),
        level="model",
        examples=(((GAMMA,), 0.25),),
    ),
    Metric(
        log_prod_of_spec_over_margin,
        "1",
        (None, None),
        BARTLETT,
        scale="other",
        misleads=_BOTH,
        needs=("data",),
        study=Study(19, "log_prod_of_spec_over_margin", -0.94, 0.9),
        level="model",
        examples=(((NORMS, GAMMA), _SPEC),),
    ),
    Metric(
        log_sum_of_spec_over_margin,
        "1",
        (None, None),
        BARTLETT,
        scale="other",
        misleads=_BOTH,
        needs=("data",),
        study=Study(20, "log_sum_of_spec_over_margin", -0.94, 0.9),
        level="model",
        examples=(((NORMS, GAMMA), math.log(2.0) + _SPEC / 2),),
    ),
    Metric(
        log_prod_of_fro_over_margin,
        "1",
        (None, None),
        PITAS,
        scale="other",
        misleads=_BOTH,
        needs=("data",),
        study=Study(21, "log_prod_of_fro_over_margin", -0.94, 0.9),
        level="model",
        examples=(((NORMS, GAMMA), _FRO),),
    ),
    Metric(
        log_sum_of_fro_over_margin,
        "1",
        (None, None),
        PITAS,
        scale="other",
        misleads=_BOTH,
        needs=("data",),
        study=Study(22, "log_sum_of_fro_over_margin", -0.94, 0.9),
        level="model",
        examples=(((NORMS, GAMMA), math.log(2.0) + _FRO / 2),),
    ),
    Metric(
        log_spec_orig_main,
        "1",
        (None, None),
        PITAS,
        scale="other",
        misleads=_BOTH,
        polarity="lower",
        needs=("data",),
        level="model",
        examples=(((NORMS, GAMMA), _SPEC + math.log(4.0)),),
    ),
    Metric(
        log_spec_init_main,
        "1",
        (None, None),
        PITAS,
        scale="other",
        misleads=_BOTH,
        polarity="lower",
        needs=("data", "init"),
        level="model",
        examples=(((NORMS, DISTANCES, GAMMA), _SPEC + math.log(9.0 / 4.0 + 16.0 / 9.0)),),
    ),
)
