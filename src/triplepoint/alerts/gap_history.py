"""The gap between training and test, one value for every test: its level now, its extremes, its noise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from triplepoint.alerts.series import median, noise

# The level is the median of so many tests, and the noise is that of the last of them.
SMOOTH = 3
NOISE_OF = 16


@dataclass(frozen=True, slots=True)
class Gap:
    """One smoothed test."""

    step: int
    gap: float
    """How much worse the test is than training, 0 or more; in the units of the scalar."""
    test: float
    train: float


class GapHistory:
    """Gap of a loss (test − train) or of an accuracy (train − test). `add` is the only thing that changes it."""

    __slots__ = (
        "_count",
        "_sum",
        "_tests",
        "best",
        "last",
        "name",
        "narrowest",
        "tests",
        "train_last",
        "widest",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        """`loss` or `accuracy`."""
        self.tests = 0
        self.last: Gap | None = None
        """None before `SMOOTH` tests."""
        self.narrowest: Gap | None = None
        self.widest: Gap | None = None
        self.best: Gap | None = None
        """That of the best test."""
        self._tests: deque[tuple[float, float, float]] = deque(maxlen=NOISE_OF)
        self._sum = 0.0
        self._count = 0
        self.train_last: float | None = None

    def train(self, value: float, count: int) -> None:
        """A training value; those since the last test are averaged."""
        self._sum += value * count
        self._count += count

    def test(self, step: int, value: float) -> bool:
        """A test value; whether there is a gap to judge."""
        if self._count:
            self.train_last = self._sum / self._count
            self._sum, self._count = 0.0, 0
        if self.train_last is None:
            return False
        worse = value - self.train_last if self.name == "loss" else self.train_last - value
        self.tests += 1
        self._tests.append((worse, value, self.train_last))
        if len(self._tests) < SMOOTH:
            return False
        newest = list(self._tests)[-SMOOTH:]
        gap, test, train = (median([one[at] for one in newest]) for at in range(3))
        now = Gap(step, max(gap, 0.0), test, train)
        self.last = now
        if self.narrowest is None or gap < self.narrowest.gap:
            self.narrowest = now
        if self.widest is None or gap > self.widest.gap:
            self.widest = now
        if self.best is None or self.drop(self.best, now) < 0:
            self.best = now
        return True

    def drop(self, before: Gap, after: Gap) -> float:
        """By how much the test became worse."""
        return after.test - before.test if self.name == "loss" else before.test - after.test

    @property
    def noise_of_gap(self) -> float:
        """Standard deviation of one gap; 0 where it cannot be told."""
        return noise([one[0] for one in self._tests]) or 0.0

    @property
    def noise_of_test(self) -> float:
        """Standard deviation of one test."""
        return noise([one[1] for one in self._tests]) or 0.0
