"""Sharpness: the curvature of the mean loss at the weights, by its Hessian H. In natural logarithms.

H is that of the mean loss over the data by all trainable parameters, in evaluation mode, with batch normalisation on
its running statistics. They are measured when they are named: `metrics=["log_hessian_top", "log_hessian_trace"]`.
"""

import math

from triplepoint.metrics._metric import Metric
from triplepoint.records import TopCurvature, TotalCurvature

TAXONOMY = "Yang et al. 2021, arXiv 2107.11228; Yao et al. 2020 (PyHessian), arXiv 1912.07145"


def log_hessian_top(curvature: TopCurvature) -> float:
    """ln λ_max(H), of the Hessian H of the mean loss: the sharpest direction in the space of the weights.

    By Lanczos, until ‖Hv − λv‖ ≤ 0.01·λ or after 50 steps; the residual is in `.hessian`. None where λ_max ≤ 0. Cost:
    11 to 51 Hessian–vector products of some 5 passes over the data, and as many vectors of all weights in memory.
    """
    return math.log(curvature.value)


def log_hessian_trace(curvature: TotalCurvature) -> float:
    """ln tr H, of the Hessian H of the mean loss: the curvatures of all directions together.

    Exact in the Krylov space of λ_max, by random signs (Hutchinson) outside; the standard error of tr H is in
    `.hessian`. None where the trace is not positive. Cost: that of `log_hessian_top` and one product a draw.
    """
    return math.log(curvature.value)


_MISLEADS = (
    "Sharpness follows the scale of layers that a later one undoes and the loss that is left: at a loss of nearly 0 "
    "every curvature is small. Compare networks of one architecture on the same data at like losses."
)

METRICS = (
    Metric(
        log_hessian_top,
        "1",
        (None, None),
        TAXONOMY,
        scale="other",
        misleads=_MISLEADS,
        group="hessian",
        polarity="lower",
        needs=("data",),
        level="model",
        examples=(((TopCurvature(math.e),), 1.0),),
    ),
    Metric(
        log_hessian_trace,
        "1",
        (None, None),
        TAXONOMY,
        scale="other",
        misleads=_MISLEADS,
        group="hessian",
        polarity="lower",
        needs=("data",),
        level="model",
        examples=(((TotalCurvature(math.e**2),), 2.0),),
    ),
)
