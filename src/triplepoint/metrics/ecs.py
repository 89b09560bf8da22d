"""The effective correlation space of SETOL and its distance from the power-law tail."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import PowerLawFit, TraceLog

SETOL = "Martin & Hinrichs 2025, SETOL, arXiv 2507.17912"

SPACE = TraceLog(num=40, lambda_min=1.25)
FIT = PowerLawFit(3.0, 0.2, 2.6, 3.4, 1.5, 40.0, 0.05, 100, 400, "closed:iid-pareto")


def ecs_num(space: TraceLog) -> float:
    """Size of the effective correlation space: largest λ/⟨λ⟩ until the sum of their logarithms is below zero."""
    return float(space.num)


def ecs_gap(space: TraceLog, fit: PowerLawFit) -> float:
    """ecs_num − num_tail: how many more eigenvalues the effective correlation space has than the power-law tail."""
    return float(space.num - fit.num_tail)


def ecs_delta(space: TraceLog, fit: PowerLawFit) -> float:
    """Δλ_min = xmin − λ_min of the effective correlation space.

    The theory expects it to fall to 0 as α falls to 2, and below 0 where the layer is over-regularised.
    """
    return fit.xmin - space.lambda_min


_XMIN = "It inherits the scatter of xmin: two tails with nearly equal D can lie far apart."

METRICS = (
    Metric(
        ecs_num,
        "count",
        (1, None),
        SETOL,
        weightwatcher="detX_num (whose product under- and overflows in large matrices)",
        misleads="Gaussian noise has a space too: 73 % of its eigenvalues at Q = 1, 81 % at 2, 88 % at 4, 94 % at 16.",
        examples=(((SPACE,), 40.0),),
    ),
    Metric(
        ecs_gap,
        "count",
        (None, None),
        SETOL,
        weightwatcher="ERG_gap",
        misleads=_XMIN,
        examples=(((SPACE, FIT), -60.0),),
    ),
    Metric(ecs_delta, "λ", (None, None), SETOL, scale=2.0, misleads=_XMIN, examples=(((SPACE, FIT), 0.25),)),
)
