"""The path norm: the sum over all paths from an input or bias to an output of the squared weights along the path."""

import math

from triplepoint.metrics._metric import Metric, Study
from triplepoint.metrics.margins import GAMMA
from triplepoint.metrics.weight_norms import JIANG
from triplepoint.records import PathNorm, PositiveMargin

NEYSHABUR = f"Neyshabur, Salakhutdinov & Srebro 2015, arXiv 1506.02617; {JIANG}"


def path_norm(path: PathNorm) -> float:
    """Σ_k f_{w²}(1)_k: all outputs of the network with squared weights on one input of ones, without the last softmax.

    Biases are squared as weights of an input that is always one. Batch normalisation is folded into weights. Pooling
    stays as it is. Layer normalisation is the linear map that it is at its typical deviation on the data, squared entry
    by entry (the published code has another formula, `legacy=True`). Of tokens there is one, its embedding ones, its
    position zero. Networks that multiply activations with each other, or bend them by anything but ReLU, have none.
    """
    return path.value


def log_path_norm(path: PathNorm) -> float | None:
    """ln Σ_k f_{w²}(1)_k, the logarithm of the path norm, which grows exponentially with depth. Undefined for zero."""
    return math.log(path.value) if path.value > 0 else None


def path_norm_over_margin(path: PathNorm, margin: PositiveMargin) -> float:
    """Σ_k f_{w²}(1)_k / γ²: the path norm over the squared 10th percentile of the margins."""
    return path.value / margin.gamma**2


_SIZE = (
    "It depends on the size of the input and on the number of outputs, and grows exponentially with depth."
)

METRICS = (
    Metric(
        path_norm,
        "1",
        (0, None),
        NEYSHABUR,
        scale="other",
        misleads=_SIZE,
        needs=("forward",),
        study=Study(16, "path_norm", -0.66, 0.5),
        level="model",
        examples=(((PathNorm(12.0),), 12.0),),
    ),
    Metric(
        log_path_norm,
        "1",
        (None, None),
        NEYSHABUR,
        scale="other",
        misleads=_SIZE,
        polarity="lower",
        needs=("forward",),
        level="model",
        examples=(((PathNorm(12.0),), math.log(12.0)),),
    ),
    Metric(
        path_norm_over_margin,
        "1",
        (0, None),
        NEYSHABUR,
        scale="other",
        misleads=_SIZE,
        needs=("forward", "data"),
        study=Study(18, "path_norm_over_margin", -0.1, 0.1),
        level="model",
        examples=(((PathNorm(12.0), GAMMA), 3.0),),
    ),
)
