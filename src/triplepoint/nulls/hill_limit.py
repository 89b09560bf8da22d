"""Hill's exponent of the top share of the Marchenko–Pastur law: what large matrices without learning give.

For the share u of the largest eigenvalues, α − 1 = u/∫ ln(x/x_u) dF over x ≥ x_u with F(x_u) = 1 − u.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from triplepoint.nulls import marchenko_pastur

GRID = 4000


@lru_cache(maxsize=4096)
def log_excess(shape: tuple[int, int], share: float) -> float:
    """ln(α − 1) for the top `share` of the law of `shape` (N, M); error below 1e-5.

    >>> [round(1 + math.exp(log_excess((256 * q, 256), 0.5)), 2) for q in (1, 2, 4, 8)]
    [2.12, 2.71, 3.45, 4.47]
    """
    low, high = (math.sqrt(edge) for edge in marchenko_pastur.edges(shape))
    # Dense at both edges. At Q = 1 the lower end is 0, where nothing is asked.
    x = np.square(low + (high - low) * (1 - np.cos(np.linspace(0, math.pi, GRID))) / 2)[1:]
    below = marchenko_pastur.cdf(x, shape, 1.0)
    start = float(np.interp(1 - share, below, np.log(x)))
    inside = below > 1 - share
    logs, levels = np.append(start, np.log(x[inside])), np.append(1 - share, below[inside])
    total = float(np.sum((logs[1:] + logs[:-1]) / 2 * np.diff(levels))) - share * start
    return math.log(share / total)
