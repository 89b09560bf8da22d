"""What is kept of one scalar: the last values, how they used to scatter, and its course over the whole run."""

from __future__ import annotations

from collections import deque
from itertools import islice

from triplepoint.alerts.series import Bins, median
from triplepoint.records import ScalarPoint

# A spike is judged by the median of the newest values: one batch of hard samples is no spike.
NEWEST = 5
# Values before those that say what is usual; 5 % of them are 12, enough for a quantile. Never more than the later half
# of all: with ten steps in a point, 256 of them reached back into the first descent, and a spike was no higher.
USUAL = 256
# The quantiles are taken again after so many values: one sort of 256 in 16 steps costs under 1 µs a step.
REFRESH = 16
# Values that give the level of the beginning; a point may be the mean of many steps, in which much is learned.
BEGINNING = 5


class ScalarHistory:
    """One of the reserved scalars. `add` is the only thing that changes it."""

    __slots__ = (
        "_beginning",
        "_count",
        "_fresh",
        "_usual",
        "bins",
        "first_step",
        "high",
        "last",
        "middle",
        "newest",
        "start",
    )

    def __init__(self) -> None:
        self.last: ScalarPoint | None = None
        self.first_step: int | None = None
        self.bins = Bins()
        """Its course."""
        self.newest: deque[tuple[int, float]] = deque(maxlen=NEWEST)
        """(step, value), the newest last."""
        self.middle: float | None = None
        """Median of the usual values; None while they are too few."""
        self.high: float | None = None
        """Their 95 % quantile."""
        self.start: float | None = None
        """Median of the first values."""
        self._usual: deque[float] = deque(maxlen=USUAL)
        self._beginning: list[float] = []
        self._count = 0
        self._fresh = 0

    @property
    def level(self) -> float | None:
        """Median of the newest values; None while they are too few."""
        return median([value for _, value in self.newest]) if len(self.newest) == NEWEST else None

    def add(self, point: ScalarPoint) -> bool:
        """One more block of values; whether it finished a stretch of the course."""
        self.last = point
        value = point.value
        if value is None:
            return False
        if self.first_step is None:
            self.first_step = point.step
        if len(self._beginning) < BEGINNING:
            self._beginning.append(value)
            self.start = median(self._beginning)
        if len(self.newest) == NEWEST:
            self._usual.append(self.newest[0][1])
            self._count += 1
            self._fresh -= 1
            if self._fresh < 0:
                self._quantiles()
        self.newest.append((point.step, value))
        return self.bins.add(point.step, value, max(point.count - point.non_finite, 1))

    def _quantiles(self) -> None:
        self._fresh = REFRESH - 1
        if len(self._usual) < REFRESH:
            return
        ordered = sorted(islice(self._usual, max(len(self._usual) - max(self._count // 2, REFRESH), 0), None))
        self.middle = ordered[len(ordered) // 2]
        self.high = ordered[(19 * len(ordered)) // 20]
