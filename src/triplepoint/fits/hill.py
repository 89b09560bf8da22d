"""Hill's estimator of a tail exponent from a fixed share of the sample (Hill 1975, Ann. Statist. 3(5)).

No xmin is searched, so it spreads little; but on eigenvalues it reads the shape of the matrix first: a Gaussian one
of 256 columns gives 2.1 with as many rows and 4.5 with eight times as many. Read it against that null.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# The top decile of few eigenvalues is widened to this many.
MIN_TOP = 4


def hill_alpha(ascending: Array, count: int) -> float | None:
    """α = 1 + k/Σ ln(x_i/x_k) over the k = `count` largest of positive values, x_k the smallest of them.

    The form of TempBalance and FARMS (arXiv 2312.00359, 2506.06280), with k = n − ⌊n/2⌋ as PL_Alpha_Hill. None where
    all k are equal. Cost O(k).

    >>> hill_alpha(np.array([1.0, np.e, np.e]), 2) is None
    True
    >>> round(hill_alpha(np.array([0.1, 1.0, np.e, np.e]), 3), 6)
    2.5
    """
    tail = ascending[ascending.size - count :]
    total = float(np.sum(np.log(tail / tail[0])))
    return 1 + count / total if total > 1e-12 * count else None


def upper_half(n: int) -> int:
    """Size of the upper half of n values as PL_Alpha_Hill counts it: from index ⌊n/2⌋ on."""
    return n - n // 2


def top_decile(n: int) -> int:
    """Size of the top decile, at least MIN_TOP."""
    return max(round(n / 10), MIN_TOP)
