"""The weighted median of the slopes of all pairs, each weighing its distance: robust, at any spacing.

Theil 1950 and Sen 1968 take every pair alike; on a log-spaced schedule most pairs are early and close together, and say
nothing of the run. Weights |t_j − t_i| make it the minimum of Σ|(y_j − y_i) − b·(t_j − t_i)| over all pairs, Jaeckel's
estimator with Wilcoxon scores, which in Gaussian noise has 3/π = 95 % of the efficiency of least squares at every
spacing (Sievers 1978, J. Am. Stat. Assoc. 73; Scholz 1978, Ann. Stat. 6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def theil_sen(times: Array, values: Array) -> float:
    """Slope of (n,) values over (n,) ascending times. Cost n²/2 pairs, sorted; the caller thins what is longer.

    >>> theil_sen(np.arange(5.0), np.array([0.0, 2.0, 4.0, 90.0, 8.0]))
    2.0
    """
    first, second = np.triu_indices(len(times), 1)
    gaps = times[second] - times[first]
    slopes = (values[second] - values[first]) / gaps
    order = np.argsort(slopes, kind="stable")
    below = np.cumsum(gaps[order])
    half = below[-1] / 2
    middle = int(np.searchsorted(below, half * (1 - 1e-12)))
    if below[middle] <= half * (1 + 1e-12) and middle + 1 < len(order):
        return float(slopes[order[middle : middle + 2]].mean())
    return float(slopes[order[middle]])
