"""`best_tail_of_logs` compiled: the same search, row after row, without the interpreter's lock.

A candidate is given up at the first point that lies farther from its law than the best D found. A few probes of every
candidate say where to begin; from then on the point that ruled out one candidate is tried first on the next, since
neighbours fail at the same place. So most candidates cost one or two exponentials, and the answer is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]
Function = TypeVar("Function", bound=Callable[..., Any])

PROBES = 8
# Points of a tail are visited in strides, so that a misfit anywhere is met early.
STRIDES = 16
# Typed loosely: numba's own annotations come and go with whether it is installed.
_njit: Any = numba.njit


def _compiled(function: Function) -> Function:
    """Compiled at the first call, and kept on disk where a folder for it can be written to."""
    try:
        found: Function = _njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no such folder: compiled anew in every process
        found = _njit(nogil=True)(function)
    return found


@_compiled
def _decays(log: Array, decay: Array) -> None:
    """α − 1 of every candidate into `decay` (n,), 0 where there is none."""
    n = log.size
    total = 0.0
    # Summed from the largest down, as np.cumsum does: the same bits.
    for i in range(n - 1, -1, -1):
        total += log[i]
        decay[i] = 0.0
        count = n - i
        if log[i] < 0.0 and (i == 0 or log[i] > log[i - 1]):
            spread = total - count * log[i]
            if spread > 1e-12 * count:
                decay[i] = count / spread


@_compiled
def _misfit(log: Array, i: int, decay: float, j: int) -> float:
    """|F(x_j) − j/n| in the tail from `i`, j counted from there."""
    misfit: float = abs(1.0 - np.exp(-decay * (log[i + j] - log[i])) - j / (log.size - i))
    return misfit


@_compiled
def _distance(log: Array, i: int, decay: float, limit: float) -> tuple[float, int]:
    """D of the tail from `i` and where it is reached; only a lower bound above `limit` once it is above."""
    count = log.size - i
    found, worst = 0.0, 0
    for offset in range(STRIDES):
        for j in range(offset, count, STRIDES):
            misfit = _misfit(log, i, decay, j)
            if misfit > found:
                found, worst = misfit, j
                if found > limit:
                    return found, worst
    return found, worst


@_compiled
def _promising(log: Array, decay: Array) -> int:
    """The candidate with the smallest misfit at a few points; −1 without candidates."""
    best, bound = -1, np.inf
    for i in range(log.size):
        if decay[i] > 0.0:
            found = 0.0
            for k in range(PROBES):
                found = max(found, _misfit(log, i, decay[i], (2 * k + 1) * (log.size - i) // (2 * PROBES)))
                if found >= bound:
                    break
            if found < bound:
                best, bound = i, found
    return best


@_compiled
def _search(log: Array, decay: Array) -> int:
    """Index of the best xmin or −1; `decay` is filled on the way."""
    _decays(log, decay)
    best = first = _promising(log, decay)
    if best < 0:
        return -1
    distance, worst = _distance(log, best, decay[best], np.inf)
    hint = best + worst
    for i in range(log.size):
        if decay[i] == 0.0 or i == first:
            continue
        if hint >= i and _misfit(log, i, decay[i], hint - i) > distance:
            continue
        found, worst = _distance(log, i, decay[i], distance)
        if found > distance:
            hint = i + worst
        elif found < distance or i < best:
            best, distance = i, found
    return best


@_compiled
def search_all(logs: Array, starts: Indices, decays: Array) -> None:
    """The best tail of every row of ln(x/x_max): its first index or −1 to `starts`, its α − 1 to `decays`."""
    work = np.empty(logs.shape[1])
    for row in range(logs.shape[0]):
        start = _search(logs[row], work)
        starts[row] = start
        if start >= 0:
            decays[row] = work[start]
