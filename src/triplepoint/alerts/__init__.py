"""Rules over trajectories: `Watch` takes the frames of a run and says what began or ceased to hold.

`RULES` holds all rules by name, one a file in `rules/`, found by membership. A rule has a source, what misleads it,
what would refute it, and its measured steps between false alarms (`rates`)."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.alerts.rules import RULES
from triplepoint.alerts.watch import Watch

__all__ = ["RULES", "Clock", "History", "RunRule", "Watch", "Words"]
