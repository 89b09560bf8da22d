"""Bounded memories of one number along a run, and how noisy it is: what was early stays, only its grain grows.

Nothing here grows with the run. A series that is full gives up every other point, so 10⁷ steps leave between half of
the capacity and all of it, spread evenly over everything that was seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

# The ratio of a normal sample's standard deviation to its median absolute deviation, and that of x − 2y + z to that of
# one of three independent values.
_NORMAL = 1.4826
_SECOND = math.sqrt(6.0)


def median(values: Sequence[float]) -> float:
    """Of one or more values; the mean of the middle two where their number is even."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def noise(values: Sequence[float]) -> float | None:
    """Standard deviation of one value about a smooth course: 1.4826·median|xᵢ₊₁ − 2xᵢ + xᵢ₋₁|/√6; None below 5 values.

    Second differences know nothing of a trend however steep, and the median nothing of a jump.
    """
    if len(values) < 5:
        return None
    steps = [second - first for first, second in pairwise(values)]
    bends = [abs(second - first) for first, second in pairwise(steps)]
    return _NORMAL * median(bends) / _SECOND


class Thinned:
    """(step, value) pairs, at most `capacity` of them beside the last, evenly spaced in the order they came."""

    __slots__ = ("_last", "_left", "_points", "_stride", "capacity")

    def __init__(self, capacity: int = 32) -> None:
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._points: list[tuple[int, float]] = []
        self._stride = 1
        self._left = 0
        self._last: tuple[int, float] | None = None

    def add(self, step: int, value: float) -> None:
        """One more point, later than all before."""
        self._last = (step, value)
        if self._left:
            self._left -= 1
            return
        if len(self._points) == self.capacity:
            del self._points[1::2]
            self._stride *= 2
        self._points.append(self._last)
        self._left = self._stride - 1

    def __len__(self) -> int:
        return len(self.points)

    @property
    def points(self) -> list[tuple[int, float]]:
        """Those kept, the last one always among them."""
        if self._last is None or self._last is self._points[-1]:
            return self._points
        return [*self._points, self._last]


class Bins:
    """Means over equal stretches of steps, at most `capacity` of them; when full, neighbours become one."""

    __slots__ = ("_count", "_first", "_now", "_sum", "capacity", "means", "starts", "width")

    def __init__(self, capacity: int = 64) -> None:
        self.capacity = capacity
        self.width = 1
        self.starts: list[int] = []
        """Number of the stretch, from 0 at the first step; those without a value are not there."""
        self.means: list[tuple[float, int]] = []
        """(mean, values) of each finished stretch."""
        self._first: int | None = None
        self._now = -1
        self._sum = 0.0
        self._count = 0

    def add(self, step: int, value: float, count: int = 1) -> bool:
        """One more value, the mean of `count`; whether it finished the stretch before."""
        if self._first is None:
            self._first = step
        at = (step - self._first) // self.width
        closed = False
        if at != self._now and self._count:
            closed = True
            self._close()
            at = (step - self._first) // self.width
        self._now = at
        self._sum += value * count
        self._count += count
        return closed

    def step_of(self, index: int) -> int:
        """First step of a finished stretch."""
        return (self._first or 0) + self.starts[index] * self.width

    @property
    def values(self) -> list[float]:
        """Mean of each finished stretch, in order."""
        return [mean for mean, _ in self.means]

    def _close(self) -> None:
        mean, count = self._sum / self._count, self._count
        self._sum, self._count = 0.0, 0
        if self.starts and self.starts[-1] == self._now:
            # It ran on when its beginning was merged with the stretch before.
            self.means[-1] = _pooled(self.means[-1], (mean, count))
            return
        self.starts.append(self._now)
        self.means.append((mean, count))
        while len(self.means) >= self.capacity:
            self._merge()

    def _merge(self) -> None:
        self.width *= 2
        starts: list[int] = []
        means: list[tuple[float, int]] = []
        for at, mean in zip(self.starts, self.means, strict=True):
            if starts and starts[-1] == at // 2:
                means[-1] = _pooled(means[-1], mean)
            else:
                starts.append(at // 2)
                means.append(mean)
        self.starts, self.means = starts, means


def _pooled(one: tuple[float, int], other: tuple[float, int]) -> tuple[float, int]:
    """Mean and values of both together."""
    count = one[1] + other[1]
    return (one[0] * one[1] + other[0] * other[1]) / count, count
