"""One line of a list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triplepoint.records.measurements import Severity


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What a run is and how far it came; of a file that cannot be read only the first three."""

    name: str
    path: str
    reason: str | None = None
    """Why nothing can be said of it; None where something can."""
    status: str | None = None
    """`running`, `crashed`, or what the writer said at the end: `finished`, `stopped`, `failed` …"""
    steps: int | None = None
    """Steps that frames end at."""
    last_step: int | None = None
    train_loss: float | None = None
    """The last that was finite."""
    matrices: int | None = None
    visits: int | None = None
    alerts: Mapping[Severity, int] = field(default_factory=dict)
    """How often a rule began to hold."""
    holding: Mapping[Severity, int] = field(default_factory=dict)
    """Rules that hold at the end."""
    size: int | None = None
    """Bytes, the write-ahead log included."""
    started: float | None = None
    """Seconds since the epoch."""
    last_time: float | None = None
    """Of the last frame."""
