"""The σ search as it is published (nitarshan/robust-generalization-measures, nsfzyzz/Generalization_metrics_for_NLP).

What differs from `search`, each an error or a coarseness of its own:

- `torch.normal(0, σ²)` takes the standard deviation, so that the noise has standard deviation σ² (and σ²|w|² + ε² in
  the magnitude-aware version): the σ that is found is the root of the true one, and 1/σ² is 1/σ.
- New draws at every σ, and |rise| instead of rise.
- The search ends at the first σ whose rise is within a tolerance of the target.
- A σ above 95 % of the limit is taken for the limit, without a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, stdev

from triplepoint.records import Tolerance

TOLERANCES = {"accuracy": 0.01, "loss": 0.05}
NEAR_LIMIT = 0.95


def published_sigma(
    rise: Callable[[int, float], float],
    *,
    target: float,
    limit: float,
    depth: int,
    draws: int,
    criterion: str,
) -> Tolerance:
    """The last middle of the bisection; `rise(number, σ)` with a number of its own for every draw."""
    lower, upper, sigma = 0.0, limit, limit / 2
    number = 0
    mean = math.nan
    values: list[float] = []
    for _ in range(depth):
        sigma = (lower + upper) / 2
        if sigma > NEAR_LIMIT * limit:
            sigma = limit
            break
        values = []
        for _ in range(draws):
            values.append(rise(number, sigma))
            number += 1
        mean = fmean(values) if all(map(math.isfinite, values)) else math.inf
        if abs(abs(mean) - target) < TOLERANCES[criterion]:
            break
        if abs(mean) > target:
            upper = sigma
        else:
            lower = sigma
    return Tolerance(
        sigma=sigma,
        upper=upper,
        limit=limit,
        at_limit=sigma == limit,
        target=target,
        criterion=criterion,
        increase=mean if math.isfinite(mean) else None,
        increase_error=stdev(values) / math.sqrt(draws) if math.isfinite(mean) and draws > 1 else None,
        sigma_error=None,
        draws=draws,
        evaluations=number,
    )
