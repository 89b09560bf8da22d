"""Power-law tail by maximum likelihood, with the exact best xmin (Clauset, Shalizi, Newman 2009, arXiv 0706.1062).

Every eigenvalue but the largest is tried as xmin. For each, α = 1 + n/Σ ln(x/xmin) over the n points of its tail,
and the Kolmogorov–Smirnov distance D = max_j |F(x_j) − j/n|, j = 0 … n−1 (the left form, as WeightWatcher and
powerlaw take it). The xmin with the smallest D wins.

Trying all is O(n²). D is a maximum over j, so a few probed j bound it from below: candidates are visited in the order
of that bound until the bound exceeds the best D found. The answer is the same, and 10–700 of n candidates need
their full D (n = 4096: 4.9 ms against 172 ms).

With 8–19 eigenvalues D alone favours tails of two or three points. There the bias-corrected α = 1 + (n−1)/Σ ln(x/xmin)
is used, tails keep at least 8 points, and xmin minimises J = D − 0.868/√n. WeightWatcher 0.7.7 documents this J but
returns the minimum of D, so these rows differ from it on purpose.

Everything depends on ratios x/x' only: α and D do not change when W is multiplied by a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.fits._tail import left_distance
from triplepoint.records import Reason

Array = np.ndarray[Any, np.dtype[np.float64]]

MIN_EIGENVALUES = 8
SMALL_SAMPLE = 20
MIN_SMALL_TAIL = 8
SMALL_SAMPLE_REWARD = 0.868
# Probes a candidate tail. 32–48 measured equal within noise; fewer weaken the bound, more cost exponentials.
PROBES = 32


@dataclass(frozen=True, slots=True)
class Tail:
    """The best tail of a sorted sample."""

    alpha: float
    ks_distance: float
    start: int
    """Index of xmin in the ascending sample."""
    count: int
    """Points in the tail, xmin included."""


def best_tail(ascending: Array) -> Tail | Reason:
    """Exact (α, xmin, D) of positive values sorted ascending, or why there is none.

    Ties: an xmin that occurs several times is tried once, with all its copies in the tail; among equal D the
    smallest xmin wins.
    """
    if ascending.size < MIN_EIGENVALUES:
        return Reason.too_few_eigenvalues
    # Relative to the largest, so that suffix sums do not cancel.
    return best_tail_of_logs(np.log(ascending) - np.log(ascending[-1]))


def best_tail_of_logs(log: Array) -> Tail | Reason:
    """`best_tail` of a sample given as ln(x/x_max), ascending, at least 8 of them."""
    n = log.size
    starts = _candidates(log)
    small = n < SMALL_SAMPLE
    if small:
        starts = starts[n - starts >= MIN_SMALL_TAIL]
    counts = n - starts
    spread = np.cumsum(log[::-1])[::-1][starts] - counts * log[starts]
    # A tail of equal values has no exponent; rounding leaves about n·ε of spread.
    usable = spread > 1e-12 * counts
    starts, counts, spread = starts[usable], counts[usable], spread[usable]
    if starts.size == 0:
        return Reason.degenerate_tail
    decay = (counts - 1 if small else counts) / spread
    if small:
        distances = np.array([distance_of(log, i, a) for i, a in zip(starts, decay, strict=True)])
        best = int(np.argmin(distances - SMALL_SAMPLE_REWARD / np.sqrt(counts)))
        distance = float(distances[best])
    else:
        best, distance = _branch_and_bound(log, starts, counts, decay)
    return Tail(1.0 + float(decay[best]), distance, int(starts[best]), int(counts[best]))


def _candidates(log: Array) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The first index of every distinct value below the largest."""
    first = np.flatnonzero(np.diff(log, prepend=-np.inf) > 0)
    return first[log[first] < 0]


def distance_of(log: Array, start: int, decay: float) -> float:
    """D of the tail from `start`, with decay = α − 1."""
    tail = log[start:]
    return left_distance(1.0 - np.exp(-decay * (tail - tail[0])))


def _branch_and_bound(log: Array, starts: Array, counts: Array, decay: Array) -> tuple[int, float]:
    """Index of the candidate with the smallest D, and that D. Exact."""
    position = (np.linspace(0.0, 1.0, PROBES)[:, None] * (counts - 1)).astype(np.intp)
    fitted = 1.0 - np.exp(-decay * (log[starts + position] - log[starts]))
    bound = np.max(np.abs(fitted - position / counts), axis=0)
    best, distance = -1, np.inf
    for candidate in np.argsort(bound, kind="stable"):
        if bound[candidate] > distance:
            break
        found = distance_of(log, int(starts[candidate]), float(decay[candidate]))
        if found < distance or (found == distance and candidate < best):
            best, distance = int(candidate), found
    return best, distance
