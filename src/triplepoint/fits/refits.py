"""Many refits of the power law: to resampled eigenvalues, or to samples of the fitted law itself.

Samples are rows of ln λ, ascending. They are drawn and sorted by NumPy; each then gets its own exact best tail, by
`best_tail_of_logs` or, where numba is installed (the extra `fast`), by a compiled version of it. Both sum in the same
order and D is taken by the same function, so the numbers are the same bits: 56,700 samples of 20–1024 points, ties
among them, gave the same xmin, α and D. Only an exact tie of two D that rounding decides could part them.

`benchmarks/refits.py` measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from triplepoint.fits.power_law import SMALL_SAMPLE, Tail, best_tail_of_logs, distance_of

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]
Kernel = Callable[[Array, Indices, Array], None]

# Points held at once: 2 MiB a batch.
BATCH = 2**18


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """The best tails of B samples, in the order they were drawn."""

    alpha: Array
    """(B,); NaN where a sample has no tail."""
    start: Indices
    """(B,) index of xmin in the ascending sample; −1 where it has no tail."""
    log_xmin: Array
    """(B,) ln xmin, λ units of the sample."""
    ks_distance: Array
    """(B,)"""

    @property
    def found(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(B,) whether a sample has a tail."""
        return self.start >= 0


def resampled(ascending: Array, count: int, generator: np.random.Generator) -> Iterator[Array]:
    """`count` samples of the eigenvalues with replacement, in batches (rows, n) of ln λ ascending.

    The draws are those of `generator.choice(ascending, n)`, one sample after the other.
    """
    log = np.log(ascending)
    n = log.size
    for rows in _batches(n, count):
        yield np.sort(log[generator.integers(0, n, size=(rows, n))], axis=1)


def semi_parametric(
    ascending: Array, alpha: float, start: int, count: int, generator: np.random.Generator
) -> Iterator[Array]:
    """`count` samples of the fitted model, in batches (rows, n) of ln λ ascending (arXiv 0706.1062, section 4.1).

    A point belongs to the tail with probability (n − start)/n, so that n_tail is binomial, and is then Pareto from
    xmin = ascending[start] on; otherwise it is one of the `start` eigenvalues below, with replacement.
    """
    log = np.log(ascending)
    n = log.size
    share = (n - start) / n
    for rows in _batches(n, count):
        # One uniform number a point, in (0, 1]: below `share` it is the tail's survival function times `share`.
        uniform = 1.0 - generator.random((rows, n))
        sample = log[start] - np.log(uniform / share) / (alpha - 1)
        if start:
            body = uniform > share
            position = (uniform[body] - share) / (1 - share) * start
            sample[body] = log[np.minimum(position.astype(np.intp), start - 1)]
        yield np.sort(sample, axis=1)


def refit(log: Array, *, compiled: bool = True) -> Refits:
    """The exact best tail of every row of `log` (B, n): ln λ, ascending. `compiled` where numba is there.

    1000 rows of 768 take 0.09 s with
    numba and 0.6 s without. With 8–19 points the objective is that of `best_tail`.
    """
    rows, n = log.shape
    relative = log - log[:, -1:]
    start = np.full(rows, -1, dtype=np.int64)
    alpha = np.full(rows, np.nan)
    distance = np.full(rows, np.nan)
    kernel = _kernel() if compiled and n >= SMALL_SAMPLE else None
    if kernel is not None:
        decay = np.full(rows, np.nan)
        kernel(relative, start, decay)
        alpha = 1.0 + decay
        for index in np.flatnonzero(start >= 0).tolist():
            distance[index] = distance_of(relative[index], int(start[index]), float(decay[index]))
    else:
        for row in range(rows):
            tail = best_tail_of_logs(relative[row])
            if isinstance(tail, Tail):
                start[row], alpha[row], distance[row] = tail.start, tail.alpha, tail.ks_distance
    log_xmin = np.where(start >= 0, log[np.arange(rows), start], np.nan)
    return Refits(alpha, start, log_xmin, distance)


def refit_all(batches: Iterable[Array], *, compiled: bool = True) -> Refits:
    """`refit` of every batch, joined."""
    parts = [refit(batch, compiled=compiled) for batch in batches]
    return Refits(
        np.concatenate([part.alpha for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.log_xmin for part in parts]),
        np.concatenate([part.ks_distance for part in parts]),
    )


def _batches(n: int, count: int) -> Iterator[int]:
    """Rows of each batch."""
    rows = max(1, BATCH // n)
    for done in range(0, count, rows):
        yield min(rows, count - done)


@cache
def _kernel() -> Kernel | None:
    """The compiled search, or None where numba is missing or does not work here."""
    try:
        from triplepoint.fits._refits_numba import search_all

        # Compiled now, so that whatever may go wrong there does so here.
        search_all(np.log([[1.0, 2.0, 4.0]]), np.empty(1, dtype=np.int64), np.empty(1))
    except Exception:  # an optional accelerator must never be the reason of a failure
        return None
    return search_all
