"""An alarm from ten trusted retrains, and how often it goes off.

A rule that knows nothing but ranks cannot do it: the next of eleven exchangeable retrains is the most extreme one in
1/11 = 9 % of cases. So the rule trusts the normal distribution: of each metric t = (x − x̄)/(s·√(1 + 1/n)) has n − 1
degrees of freedom (the prediction interval), and a family alarms where its smallest p is below Šidák's level
1 − (1 − .05)^(1/k) for its k metrics. Metrics that depend on each other make it alarm less than that. Left out are
metrics that take fewer than `DISTINCT` values among the references (counts, constants) or are missing in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Array = np.ndarray[Any, Any]
LEVEL = 0.05
REFERENCES = 10
DISTINCT = 8
"""A normal law for five values of a count among ten draws would be a pretence."""


def t_scores(trusted: Array, fresh: Array) -> Array:
    """(m, k) t of each fresh retrain and metric; NaN where the metric is left out, or missing in the fresh one.

    Args:
        trusted: (n, k), one row a trusted retrain; NaN where a metric has no value.
        fresh: (m, k).
    """
    n = len(trusted)
    usable = _distinct(trusted) >= min(DISTINCT, n)
    kept = trusted[:, usable]
    found = np.full(fresh.shape, np.nan)
    spread = np.std(kept, axis=0, ddof=1) * math.sqrt(1 + 1 / n)
    found[:, usable] = (fresh[:, usable] - np.mean(kept, axis=0)) / spread
    return found


def excess(scores: Array, n: int = REFERENCES, level: float = LEVEL) -> Array:
    """(m,) largest |t| of the family over Šidák's limit: an alarm is a value above 1. Without a usable metric 0."""
    used = int(np.count_nonzero(~np.isnan(scores).all(axis=0)))
    if used == 0:
        return np.zeros(len(scores))
    limit = stats.t.isf((1 - (1 - level) ** (1 / used)) / 2, n - 1)
    return np.asarray(np.nan_to_num(np.abs(scores)).max(axis=1) / limit)


def spread_excess(trusted: Array, fresh: Array, level: float = LEVEL) -> Array:
    """(m,) the second rule: mean t², over the limit from what each reference scores against the other nine.

    One-sided t-interval of log mean t²; it needs no correction for the number of metrics, nor their independence.
    """
    n = len(trusted)
    apart = [_diffuse(t_scores(np.delete(trusted, i, axis=0), trusted[i : i + 1]))[0] for i in range(n)]
    if not np.isfinite(apart).all():
        return np.zeros(len(fresh))
    limit = stats.t.isf(level, n - 1) * np.std(apart, ddof=1) * math.sqrt(1 + 1 / n)
    return np.asarray(np.exp(_diffuse(t_scores(trusted, fresh)) - np.mean(apart) - limit))


def _distinct(values: Array) -> Array:
    """(k,) how many different values each column has; every NaN is one of its own."""
    return np.asarray(1 + np.count_nonzero(np.diff(np.sort(values, axis=0), axis=0), axis=0))


def _diffuse(scores: Array) -> Array:
    counts = np.maximum(np.count_nonzero(~np.isnan(scores), axis=1), 1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.nansum(scores**2, axis=1) / counts))


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with Wilson's 95 % interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.0%} [{self.low:.0%}, {self.high:.0%}]"


def wilson(share: float, n: int) -> Rate:
    """Of a share of n cases (Wilson 1927); the share need not be a whole number of cases.

    >>> str(wilson(0.5, 20))
    '50% [30%, 70%]'
    """
    z2 = float(stats.norm.isf(0.025)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Rate(share, max(centre - half, 0.0), min(centre + half, 1.0), n)


def reference_draws(clean: int, draws: int, seed: int) -> list[tuple[Array, Array]]:
    """Draws of ten references with the clean retrains that are left, as indices."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(clean) for _ in range(draws)]
    return [(order[:REFERENCES], order[REFERENCES:]) for order in orders]


def carriers(clean: Array, broken: Array, names: Sequence[str], most: int = 3) -> list[tuple[str, float]]:
    """Metrics with the largest shift of their mean, in deviations of the clean retrains."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (np.mean(broken, axis=0) - np.mean(clean, axis=0)) / np.std(clean, axis=0, ddof=1)
    # Rounding gives a constant a deviation of 1e-25: the null p-value of a layer stands at its floor in every retrain.
    shift = np.where(np.isfinite(shift) & (_distinct(clean) >= DISTINCT), shift, 0.0)
    order = np.argsort(-np.abs(shift))[:most]
    return [(names[i], float(shift[i])) for i in order]
