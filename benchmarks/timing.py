"""Medians of interleaved measurements.

Alternatives take turns within one run, because a shared machine drifts: measured one after the other, the same kernel
differed by 1.6 between two windows of half an hour.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds over the rounds of one alternative."""

    median: float
    fastest: float
    slowest: float
    rounds: int

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Sum up at least one measurement."""
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))

    def to_dict(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(self)


def once(call: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Every alternative once a round, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(once(call))
    return {name: Timing.of(found) for name, found in seconds.items()}


def repeated(call: Callable[[], object], budget: float = 1.0, most: int = 5) -> Timing:
    """One call, again until `budget` seconds or `most` rounds are spent; the first is kept only if it stands alone."""
    seconds = [once(call)]
    while sum(seconds) < budget and len(seconds) <= most:
        seconds.append(once(call))
    return Timing.of(seconds[1:] or seconds)
