"""How much of a run is shown at most, live and in a file, and the sentence for what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from triplepoint.store.tables import VisitTable

EXACT_STEPS = 2**53
"""Steps beyond it are rounded by every browser."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most of everything that a run may have any number of."""

    visits: int
    """Of all layers together; in a file its size decides."""
    points: int
    """Of one scalar."""
    all_points: int
    """Of all scalars together."""
    alerts: int
    events: int


LIVE = Bounds(visits=1_000_000, points=100_000, all_points=2_000_000, alerts=10_000, events=10_000)
FILE = Bounds(visits=1_000_000, points=2_000, all_points=16_000, alerts=1_000, events=1_000)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest entries of a list."""

    kept: list[dict[str, Any]]
    missing: tuple[str, ...]


def latest(what: str, found: list[dict[str, Any]], most: int) -> Latest:
    """At most so many, the newest; `what` they are called."""
    if len(found) <= most:
        return Latest(found, ())
    return Latest(found[-most:], (f"The last {most:,} of {len(found):,} {what} are shown.",))


def beyond(table: VisitTable) -> tuple[str, ...]:
    """Whether a step is larger than a browser can tell from the next."""
    far = table.steps.size and max(int(table.steps.max()), -int(table.steps.min())) > EXACT_STEPS
    return ("Steps beyond 2^53 are shown rounded: several may fall on one place.",) if far else ()
