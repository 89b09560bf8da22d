"""One number with its status, and one statement with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from triplepoint.records.reasons import Reason


class Severity(StrEnum):
    """How loud a finding is; ordered info < warning < error."""

    info = "info"
    warning = "warning"
    error = "error"

    @property
    def rank(self) -> int:
        """0, 1 or 2."""
        return ("info", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of one metric for one matrix: a number, or None with the reason."""

    metric: str
    value: float | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of a matrix."""

    rule: str
    severity: Severity
    statement: str
    confidence: float | None = None
    """Share of the interval's distribution that supports the statement; None where no interval bears on it."""
