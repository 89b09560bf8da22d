"""Does one number go with another? Rank correlations with permutation p-values, whole, and inside strata.

Values are compared at four significant digits, so that the rounding of an edit that leaves a metric as it is counts as
a tie. A stratified τ counts pairs inside a stratum alone (concordant − discordant, over pairs of unequal outcome): what
holds between strata, such as a common strength, cannot make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

Array = np.ndarray[Any, Any]
PERMUTATIONS = 10_000
SEED = 20_261_131


@dataclass(frozen=True, slots=True)
class Association:
    """A coefficient from −1 to 1 with its two-sided p-value."""

    value: float
    p: float
    n: int


def spearman(metric: Sequence[float], outcome: Sequence[float]) -> Association | None:
    """ρ and the share of permutations with a larger |ρ|; None where the metric is constant or under 4 values.

    >>> spearman([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]).value
    1.0
    """
    x, y = _ranks(metric), _ranks(outcome)
    if len(x) < 4 or not x.any() or not y.any():
        return None
    shuffled = np.random.default_rng(SEED).permuted(np.tile(y, (PERMUTATIONS, 1)), axis=1)
    size = float(np.linalg.norm(x) * np.linalg.norm(y))
    return _against(float(x @ y) / size, shuffled @ x / size, len(x))


def stratified_tau(
    metric: Sequence[float], outcome: Sequence[float], strata: Sequence[object]
) -> Association | None:
    """τ of the pairs inside the strata, and the share of permutations inside the strata with a larger |τ|.

    >>> stratified_tau([1, 2, 8, 9], [2, 1, 9, 8], ["a", "a", "b", "b"]).value
    -1.0
    """
    x, y = rounded(metric), rounded(outcome)
    groups = [np.flatnonzero([s == stratum for s in strata]) for stratum in dict.fromkeys(strata)]
    first, second = (np.concatenate(side) for side in zip(*(_pairs(group) for group in groups), strict=True))
    signs = np.sign(y[first] - y[second])
    # A metric that does not tell two of unequal outcome apart says nothing of them: such pairs count, and count 0.
    total = np.count_nonzero(signs)
    if total < 4 or not np.any(x[first] != x[second]):
        return None
    generator = np.random.default_rng(SEED)
    places = np.tile(np.arange(len(x)), (PERMUTATIONS, 1))
    for group in groups:
        places[:, group] = generator.permuted(np.tile(group, (PERMUTATIONS, 1)), axis=1)
    drawn = np.sign(x[places[:, first]] - x[places[:, second]]) @ signs / total
    return _against(float(np.sign(x[first] - x[second]) @ signs) / total, drawn, len(x))


def holm(p_values: Iterable[float]) -> list[float]:
    """Adjusted so that all of them together err at the level of one (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.array(list(p_values))
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(steps, 1.0)
    return [float(value) for value in found]


def rounded(values: Sequence[float]) -> Array:
    """To four significant digits."""
    return np.array([float(f"{value:.4g}") for value in values])


def _ranks(values: Sequence[float]) -> Array:
    found = rankdata(rounded(values))
    return np.asarray(found - found.mean())


def _pairs(group: Array) -> tuple[Array, Array]:
    first, second = np.triu_indices(len(group), 1)
    return group[first], group[second]


def _against(value: float, drawn: Array, n: int) -> Association:
    """p counts the data as one of the draws, so it is never 0."""
    beyond = int(np.count_nonzero(np.abs(drawn) >= abs(value) - 1e-12))
    return Association(value, (1 + beyond) / (1 + PERMUTATIONS), n)
