"""The spectral family with convolutions as the linear maps they are (Sedghi, Gupta & Long 2019, arXiv 1805.10408).

The spectral norm of a kernel that is flattened to a matrix is not that of the convolution: it can be too small by the
root of the number of kernel positions. Here ‖W_i‖₂ is that of the circular convolution on an input of the size that the
layer sees; dense layers are as before. `_fft` is the ending of the published code.
"""

import math

from triplepoint.metrics._metric import Metric
from triplepoint.metrics.margins import GAMMA, over_margin, plus_log
from triplepoint.metrics.weight_norms import DISTANCES, JIANG, NORMS, balanced, log_product, ratio_sum
from triplepoint.records import CircularDistances, CircularNorms, PositiveMargin, WeightDistances, WeightNorms

SEDGHI = f"Sedghi, Gupta & Long 2019, arXiv 1805.10408; {JIANG}"

CIRCULAR = CircularNorms((16.0, 9.0))


def log_prod_of_spec_fft(circular: CircularNorms) -> float | None:
    """Σ_i ln‖W_i‖₂² with exact spectral norms of circular convolutions. Undefined where one is zero."""
    return log_product(circular.spectral)


def log_sum_of_spec_fft(circular: CircularNorms) -> float | None:
    """ln D + (1/D)·Σ_i ln‖W_i‖₂² with exact spectral norms of circular convolutions."""
    return balanced(log_product(circular.spectral), len(circular.spectral))


def fro_over_spec_fft(norms: WeightNorms, circular: CircularNorms) -> float | None:
    """Σ_i ‖W_i‖_F²/‖W_i‖₂², ‖·‖_F of the kernel and ‖·‖₂ of the circular convolution, as published.

    The two are norms of different things: a kernel counts once in the one and at every position in the other.
    """
    return ratio_sum(norms.frobenius, circular.spectral)


def dist_spec_init_fft(distances: CircularDistances) -> float:
    """Σ_i ‖W_i − W⁰_i‖₂² with exact spectral norms of circular convolutions."""
    return sum(distances.spectral)


def log_prod_of_spec_over_margin_fft(circular: CircularNorms, margin: PositiveMargin) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ with exact spectral norms of circular convolutions."""
    return over_margin(log_product(circular.spectral), margin)


def log_sum_of_spec_over_margin_fft(circular: CircularNorms, margin: PositiveMargin) -> float | None:
    """ln D + (1/D)·(Σ_i ln‖W_i‖₂² − 2 ln γ) with exact spectral norms of circular convolutions."""
    return balanced(over_margin(log_product(circular.spectral), margin), len(circular.spectral))


def log_spec_orig_main_fft(
    norms: WeightNorms, circular: CircularNorms, margin: PositiveMargin
) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ + ln Σ_i‖W_i‖_F²/‖W_i‖₂² with exact spectral norms of circular convolutions."""
    value = over_margin(log_product(circular.spectral), margin)
    return plus_log(value, ratio_sum(norms.frobenius, circular.spectral))


def log_spec_init_main_fft(
    circular: CircularNorms, distances: WeightDistances, margin: PositiveMargin
) -> float | None:
    """Σ_i ln‖W_i‖₂² − 2 ln γ + ln Σ_i‖W_i − W⁰_i‖_F²/‖W_i‖₂² with exact spectral norms of circular convolutions."""
    moved = tuple(layer.frobenius for layer in distances.layers)
    return plus_log(over_margin(log_product(circular.spectral), margin), ratio_sum(moved, circular.spectral))


_CIRCLE = (
    "Layers pad with zeros and not with the other side: on small inputs the true norm is a little less. It grows with "
    "the number of layers."
)
_LOG = math.log(144.0)
_MARGIN = math.log(36.0)

METRICS = (
    Metric(
        log_prod_of_spec_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward",),
        level="model",
        examples=(((CIRCULAR,), _LOG),),
    ),
    Metric(
        log_sum_of_spec_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward",),
        level="model",
        examples=(((CIRCULAR,), math.log(24.0)),),
    ),
    Metric(
        fro_over_spec_fft,
        "1",
        (0, None),
        SEDGHI,
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward",),
        level="model",
        examples=(((NORMS, CIRCULAR), 2.5),),
    ),
    Metric(
        dist_spec_init_fft,
        "w²",
        (0, None),
        SEDGHI,
        scale=2.0,
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward", "init"),
        level="model",
        examples=(((CircularDistances((4.0, 9.0)),), 13.0),),
    ),
    Metric(
        log_prod_of_spec_over_margin_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward", "data"),
        level="model",
        examples=(((CIRCULAR, GAMMA), _MARGIN),),
    ),
    Metric(
        log_sum_of_spec_over_margin_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward", "data"),
        level="model",
        examples=(((CIRCULAR, GAMMA), math.log(12.0)),),
    ),
    Metric(
        log_spec_orig_main_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward", "data"),
        level="model",
        examples=(((NORMS, CIRCULAR, GAMMA), math.log(90.0)),),
    ),
    Metric(
        log_spec_init_main_fft,
        "1",
        (None, None),
        SEDGHI,
        scale="other",
        misleads=_CIRCLE,
        polarity="lower",
        needs=("forward", "data", "init"),
        level="model",
        examples=(((CIRCULAR, DISTANCES, GAMMA), _MARGIN + math.log(9.0 / 16.0 + 16.0 / 9.0)),),
    ),
)
