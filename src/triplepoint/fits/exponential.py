"""The exponential law, p(x) = Λ·e^(−Λ(x − xmin)) for x ≥ xmin: Λ = 1/(mean(x) − xmin)."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    distance = np.max(np.abs(-np.expm1(-rate * beyond) - np.arange(tail.size) / tail.size))
    return TailFit(
        law="exponential",
        alpha=None,
        rate=rate,
        log_mean=None,
        log_std=None,
        xmin=float(tail[0]),
        ks_distance=float(distance),
        num_tail=tail.size,
        log_likelihood=tail.size * (float(np.log(rate)) - 1),
    )
