"""The xmin whose tail lies closest to its law, among many.

D = max_j |F(x_j) − j/n| is a maximum over the points of a tail, so its value at a few of them bounds it from below.
Candidates are visited in the order of that bound until it exceeds the best D found: the answer is that of trying all.
As in `power_law`, an xmin that occurs several times is tried once, with all its copies in the tail, and among equal D
the smallest xmin wins.

Tails keep at least 8 points: with two parameters, D of a tail of two or three is small by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.fits._tail import left_distance
from triplepoint.fits.truncated_power_law import AT_ONCE, Parameters, maximise

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

MIN_TAIL = 8
PROBES = 32


@dataclass(frozen=True, slots=True)
class Candidates:
    """Tails of an ascending sample, by the index of their xmin; every field but `log` is (tails,)."""

    log: Array
    """ln(x/xmax) of the whole sample, (points,)."""
    starts: Indices
    counts: Indices
    mean_u: Array
    """Mean of u = ln(x/xmin) over the tail."""
    mean_w: Array
    """Mean of eᵘ − 1 − u over the tail."""

    @classmethod
    def of(cls, ascending: Array, low: float = 0.0, high: float = np.inf) -> Candidates:
        """Every distinct value from `low` to `high` with at least 8 points from it on, below the largest."""
        first = np.flatnonzero(np.diff(ascending, prepend=-np.inf) > 0)
        value = ascending[first]
        wanted = (value >= low) & (value <= high) & (value < ascending[-1])
        starts = first[wanted & (ascending.size - first >= MIN_TAIL)]
        counts = ascending.size - starts
        top = ascending[-1]
        below = (ascending - top) / top
        with np.errstate(divide="ignore"):
            log = np.where(below > -0.5, np.log1p(below), np.log(ascending / top))
        mean_u = _suffix(log)[starts] / counts - log[starts]
        # Differences to the largest keep the digits that sums of the values lose where all are close together.
        mean_w = (_suffix(below)[starts] / counts - below[starts]) / (ascending[starts] / top) - mean_u
        return cls(log, starts, counts, mean_u, mean_w)

    def at(self, which: Any) -> Candidates:
        """Some of them."""
        return Candidates(
            self.log, self.starts[which], self.counts[which], self.mean_u[which], self.mean_w[which]
        )

    def probes(self) -> tuple[Array, Array]:
        """u and j/n of PROBES points a tail, (tails, PROBES)."""
        position = (np.linspace(0.0, 1.0, PROBES) * (self.counts[:, None] - 1)).astype(np.intp)
        u = self.log[self.starts[:, None] + position] - self.log[self.starts, None]
        return u, position / self.counts[:, None]


def _suffix(values: Array) -> Array:
    return np.asarray(np.cumsum(values[::-1])[::-1])


Law = Callable[[Candidates], Callable[[Any, Array], Array]]
"""From tails to their distribution functions: which tails, u (tails, points) → F (tails, points), NaN without a fit."""


def truncated(tails: Candidates) -> Callable[[Any, Array], Array]:
    """The truncated power law."""
    found = maximise(tails.mean_u, tails.mean_w)
    return lambda which, u: Parameters(found.beta[which], found.z[which]).distribution(u)


def exponential(tails: Candidates) -> Callable[[Any, Array], Array]:
    """The exponential law: 1 − exp(−(x − xmin)/mean(x − xmin))."""
    mean = tails.mean_u + tails.mean_w
    return lambda which, u: -np.expm1(-np.expm1(u) / mean[which, None])


def closest(tails: Candidates, law: Law) -> int | None:
    """The start of the tail with the smallest D, exactly; None where no tail has a fit."""
    parts = [tails.at(slice(i, i + AT_ONCE)) for i in range(0, tails.starts.size, AT_ONCE)]
    laws = [law(part) for part in parts]
    bounds = []
    for part, fitted in zip(parts, laws, strict=True):
        u, share = part.probes()
        bounds.append(np.max(np.abs(fitted(slice(None), u) - share), axis=1))
    if not bounds:
        return None
    bound = np.concatenate(bounds)
    best, distance = -1, np.inf
    for tail in np.argsort(bound, kind="stable"):
        # NaN sorts last and ends the search.
        if not bound[tail] <= distance:
            break
        start = int(tails.starts[tail])
        u = (tails.log[start:] - tails.log[start])[None]
        fitted = laws[tail // AT_ONCE](np.array([tail % AT_ONCE]), u)
        found = left_distance(fitted[0])
        if found < distance or (found == distance and tail < best):
            best, distance = int(tail), found
    return None if best < 0 else int(tails.starts[best])
