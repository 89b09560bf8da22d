"""A monitor that is switched off and on again in turn within one training, so that speed is compared with itself.

Segments of equal steps; of each pair one is watched and one is not, in random order. The clock of the budget stands
still while the monitor is off, and a watched segment ends when every look that was begun in it is done. CPU time that
the recorder still takes in an unwatched segment is taken from there and added to the next watched one.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from typing import Any, ClassVar

from triplepoint.monitor.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps in a row, watched or not."""

    pair: int
    watched: bool
    seconds: float
    process_seconds: float


class PairedMonitor(Monitor):
    """As a `Monitor`, but for the segments; `segments` holds what was timed."""

    length = 50
    """Steps of a segment; set by the benchmark, since trainers make the monitor themselves."""
    made: ClassVar[list[PairedMonitor]] = []

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.segments: list[Segment] = []
        self._random = random.Random(0)
        self._order: list[bool] = []
        self._watched = True
        self._count = -1
        self._since = (0.0, 0.0)
        self._spilled = self._recorded = 0.0
        PairedMonitor.made.append(self)

    def step(self, step: int | None = None, **scalars: Any) -> None:
        """A step of whichever segment it is; the first one warms up."""
        self._count += 1
        if self._count % self.length == 0:
            self._switch()
        if self._watched:
            super().step(step, **scalars)

    def log(self, **scalars: Any) -> None:
        """As of a `Monitor`, while it is on."""
        if self._watched:
            super().log(**scalars)

    def _switch(self) -> None:
        if self._watched:
            self._drain()
        now = (time.perf_counter(), time.process_time())
        seconds, used = (one - other for one, other in zip(now, self._since, strict=True))
        assert self._keeper is not None
        recorded = self._keeper.seconds
        if self._watched:
            seconds, self._spilled = seconds + self._spilled, 0.0
        else:
            self._spilled += recorded - self._recorded
            seconds -= recorded - self._recorded
        self._recorded = recorded
        if self._count >= 2 * self.length:
            self.segments.append(Segment(len(self.segments) // 2, self._watched, seconds, used))
        if not self._watched and self._began is not None:
            self._began += now[0] - self._since[0]
        if not self._order:
            self._order = self._random.choice([[True, False], [False, True]])
        self._watched = self._order.pop(0) if self._count else True
        self._since = (time.perf_counter(), time.process_time())

    def _drain(self) -> None:
        assert self._analyst is not None
        assert self._keeper is not None
        self._hand_over(time.perf_counter())
        while self._analyst.busy() or self._analyst._open:
            time.sleep(0.0005)
            self._analyst.busy()


def compared(segments: list[Segment], seed: int = 0) -> dict[str, float]:
    """Mean relative difference watched − unwatched over the pairs, with its 95 % interval by bootstrap of the pairs."""
    pairs: dict[int, dict[bool, Segment]] = {}
    for one in segments:
        pairs.setdefault(one.pair, {})[one.watched] = one
    whole = [pair for pair in pairs.values() if len(pair) == 2]
    if len(whole) < 3:
        return {"pairs": len(whole)}
    shares = [pair[True].seconds / pair[False].seconds - 1 for pair in whole]
    generator = random.Random(seed)
    # The median of pairs: on a shared machine single segments are interrupted for longer than they take.
    draws = sorted(statistics.median(generator.choices(shares, k=len(shares))) for _ in range(4000))
    return {
        "pairs": len(whole),
        "difference": statistics.median(shares),
        "low": draws[100],
        "high": draws[3899],
        "mean": statistics.fmean(shares),
        "watched_seconds": sum(pair[True].seconds for pair in whole),
        "watched_process_seconds": sum(pair[True].process_seconds for pair in whole),
    }
