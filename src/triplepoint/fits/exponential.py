"""The exponential law, p(x) = Λ·e^(−Λ(x − xmin)) for x ≥ xmin: Λ = 1/(mean(x) − xmin)."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.fits._tail import left_distance
from triplepoint.records import Reason, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]


def fit_exponential(ascending: Array, start: int) -> TailFit | Reason:
    """The law on the points from index `start` on.

    >>> fit_exponential(np.array([1.0, 1.5, 2.0, 3.5]), 0).rate
    1.0
    """
    tail = ascending[start:]
    beyond = tail - tail[0]
    if tail.size < 2 or beyond[-1] <= 0:
        return Reason.degenerate_tail
    rate = 1 / float(np.mean(beyond))
    return TailFit(
        xmin=float(tail[0]),
        num_tail=tail.size,
        rate=rate,
        ks_distance=left_distance(-np.expm1(-rate * beyond)),
        log_likelihood=tail.size * (float(np.log(rate)) - 1),
    )
