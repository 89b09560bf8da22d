"""What a rule is: thresholds with their source, turned into a finding with evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from triplepoint.records import AlphaNull, BulkNull, Finding, MatrixPlan, Phase, PowerLawFit, Traps


@dataclass(frozen=True, slots=True)
class Evidence:
    """All a rule may look at."""

    plan: MatrixPlan
    fit: PowerLawFit | None
    bulk: BulkNull | None
    alpha_null: AlphaNull | None
    phase: Phase
    confidence: float | None
    traps: Traps | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and what must be known to weigh its word; `triplepoint explain NAME` prints it."""

    name: str
    definition: str
    source: str
    evidence: str
    """Which numbers of the row the rule looks at."""
    misleads: str
    apply: Callable[[Evidence], Finding | None]
