"""The largest noise that a loss bears: bisection on a curve that is known from a few draws. No framework here.

Every draw is one direction of noise that is scaled with σ (common random numbers), so that the mean rise over the draws
is a smooth curve of σ and not a new sample at every step; the error of σ is then that of the draws alone. The
published search draws anew at each step, stops at the first σ whose rise is within a tolerance of the target, and hands
the variance to `torch.normal` where the standard deviation belongs (see `legacy`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev

from triplepoint.records import Reason, Tolerance

PRECISION = 0.01
"""The bracket is narrowed until it is this part of σ: less than ten draws know it by."""
SLOPE_STEP = 1.05
"""The slope is taken to a σ this much larger at least; within the last bracket an accuracy would be a staircase."""

Rises = Callable[[float], Sequence[float]]


def largest_sigma(
    rises: Rises,
    *,
    target: float,
    limit: float,
    depth: int,
    criterion: str,
    is_felt: Callable[[], bool] = lambda: False,
) -> Tolerance | Reason:
    """The largest σ in (0, limit] found for which the mean of `rises(σ)`, one number a draw, is at most `target`.

    The limit is tried first: where it is borne, σ is the limit and `at_limit` says so. Otherwise at most `depth`
    halvings. A rise that is not a number counts as infinite.

    Errors as values: `no_effect` where the limit changes nothing at all and nothing else is felt of it (the loss, where
    the accuracy stands still), `no_tolerance` where limit·2^(−depth) is
    already too much.
    """
    tried: dict[float, tuple[float, ...]] = {}

    def rise(sigma: float) -> float:
        values = tuple(map(float, rises(sigma)))
        tried[sigma] = values
        return _mean(values)

    at_limit = rise(limit) <= target
    if all(value == 0 for value in tried[limit]) and not is_felt():
        return Reason.no_effect
    lower, upper = (limit, limit) if at_limit else (0.0, limit)
    steps = 0
    while not at_limit and steps < depth and upper - lower > PRECISION * upper:
        middle = (lower + upper) / 2
        steps += 1
        if rise(middle) <= target:
            lower = middle
        else:
            upper = middle
    if lower == 0:
        return Reason.no_tolerance
    values = tried[lower]
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    slope = None if at_limit else _slope(tried, lower)
    return Tolerance(
        sigma=lower,
        upper=upper,
        limit=limit,
        at_limit=at_limit,
        target=target,
        criterion=criterion,
        increase=_mean(values),
        increase_error=error,
        sigma_error=None if error is None or slope is None else error / slope,
        draws=len(values),
        evaluations=sum(map(len, tried.values())),
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if all(map(math.isfinite, values)) else math.inf


def _slope(tried: dict[float, tuple[float, ...]], sigma: float) -> float | None:
    """Of the mean rise at σ, from a power law to the nearest larger σ tried that is not too near.

    A chord would be too steep on a convex curve: by a fifth for σ² and the usual distance. None where nothing rises.
    """
    here = _mean(tried[sigma])
    for further in sorted(other for other in tried if other >= SLOPE_STEP * sigma):
        there = _mean(tried[further])
        if math.isfinite(there):
            if not 0 < here < there:
                return None
            return math.log(there / here) / math.log(further / sigma) * here / sigma
    return None
