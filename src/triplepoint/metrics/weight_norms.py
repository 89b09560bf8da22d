"""Norms of all weights of a network together: sums, products and their logarithms (natural).

Three more belong to this family and are declared once, with the matrix they are of: `param_norm`, `fro_dist` and
`dist_spec_init`. What is published of a model is their sum (`Metric.total`).
"""

import math

from triplepoint.metrics._metric import Metric
from triplepoint.records import WeightDistances, WeightNorms
from triplepoint.records.initial import InitialDistance

JIANG = "Jiang et al. 2019, arXiv 1912.02178; Dziugaite et al. 2020, arXiv 2010.11924"

NORMS = WeightNorms(("a", "b"), (4.0, 9.0), (8.0, 18.0), 100)
DISTANCES = WeightDistances((InitialDistance(9.0, 4.0, 1.0), InitialDistance(16.0, 9.0, 1.0)))


def num_weights(norms: WeightNorms) -> float:
    """ω, the number of entries of all counted weight tensors, tied ones once (`PARAMS` in the published code)."""
    return float(norms.num_weights)


def l2(norms: WeightNorms) -> float:
    """‖w‖ = √Σ_i‖W_i‖_F² of all weights as one vector."""
    return math.sqrt(sum(norms.frobenius))


def l2_dist(distances: WeightDistances) -> float:
    """‖w − w⁰‖ = √Σ_i‖W_i − W⁰_i‖_F², the distance from the initial weights as one vector."""
    return math.sqrt(distances.squared)


def log_prod_of_spec(norms: WeightNorms) -> float | None:
    """Σ_i ln‖W_i‖₂², the logarithm of the product of the squared spectral norms. Undefined where one is zero."""
    return log_product(norms.spectral)


def log_prod_of_fro(norms: WeightNorms) -> float | None:
    """Σ_i ln‖W_i‖_F², the logarithm of the product of the squared Frobenius norms. Undefined where one is zero."""
    return log_product(norms.frobenius)


def log_sum_of_spec(norms: WeightNorms) -> float | None:
    """ln D + (1/D)·Σ_i ln‖W_i‖₂²: ln of D geometric means, as the sum of D spectral norms that have been balanced."""
    return balanced(log_product(norms.spectral), len(norms.spectral))


def log_sum_of_fro(norms: WeightNorms) -> float | None:
    """ln D + (1/D)·Σ_i ln‖W_i‖_F²: the same of the Frobenius norms."""
    return balanced(log_product(norms.frobenius), len(norms.frobenius))


def fro_over_spec(norms: WeightNorms) -> float | None:
    """Σ_i ‖W_i‖_F²/‖W_i‖₂², the sum of the stable ranks. Undefined where a tensor is zero."""
    return ratio_sum(norms.frobenius, norms.spectral)


def log_product(squares: tuple[float, ...]) -> float | None:
    """Σ ln; None where one is zero or there is none."""
    return sum(map(math.log, squares)) if squares and all(value > 0 for value in squares) else None


def balanced(log_product: float | None, count: int) -> float | None:
    """ln D + (1/D)·ln Π."""
    return None if log_product is None else math.log(count) + log_product / count


def ratio_sum(tops: tuple[float, ...], bottoms: tuple[float, ...]) -> float | None:
    """Σ top/bottom; None where a bottom is zero."""
    if not bottoms or not all(value > 0 for value in bottoms):
        return None
    return sum(top / bottom for top, bottom in zip(tops, bottoms, strict=True))


_DEPTH = "It grows with the number of layers: compare networks of one architecture."
_STEPS = "It grows with the number of steps and the learning rate: compare runs of equal length."
_PRODUCT = math.log(36.0)

METRICS = (
    Metric(
        num_weights,
        "count",
        (0, None),
        JIANG,
        misleads="Networks of one architecture share it; across sizes it opposes quality.",
        kind="scale",
        polarity="lower",
        level="model",
        examples=(((NORMS,), 100.0),),
    ),
    Metric(
        l2,
        "w",
        (0, None),
        JIANG,
        scale=1.0,
        misleads=_DEPTH,
        polarity="lower",
        level="model",
        examples=(((NORMS,), math.sqrt(26.0)),),
    ),
    Metric(
        l2_dist,
        "w",
        (0, None),
        JIANG,
        scale=1.0,
        misleads=_STEPS,
        polarity="lower",
        needs=("init",),
        level="model",
        examples=(((DISTANCES,), 5.0),),
    ),
    Metric(
        log_prod_of_spec,
        "1",
        (None, None),
        JIANG,
        scale="other",
        misleads=_DEPTH,
        polarity="lower",
        level="model",
        examples=(((NORMS,), _PRODUCT),),
    ),
    Metric(
        log_prod_of_fro,
        "1",
        (None, None),
        JIANG,
        scale="other",
        misleads=_DEPTH,
        polarity="lower",
        level="model",
        examples=(((NORMS,), math.log(144.0)),),
    ),
    Metric(
        log_sum_of_spec,
        "1",
        (None, None),
        JIANG,
        scale="other",
        misleads=_DEPTH,
        polarity="lower",
        level="model",
        examples=(((NORMS,), math.log(2.0) + _PRODUCT / 2),),
    ),
    Metric(
        log_sum_of_fro,
        "1",
        (None, None),
        JIANG,
        scale="other",
        misleads=_DEPTH,
        polarity="lower",
        level="model",
        examples=(((NORMS,), math.log(24.0)),),
    ),
    Metric(
        fro_over_spec,
        "1",
        (1, None),
        JIANG,
        misleads="The sum of stable ranks: it depends on the shapes, and vectors add 1 each.",
        polarity="lower",
        level="model",
        examples=(((NORMS,), 4.0),),
    ),
)
