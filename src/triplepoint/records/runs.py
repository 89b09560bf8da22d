"""What a run leaves behind: frames of scalars, visits to matrices, alerts and events; a frame is whole or is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from triplepoint.records.measurements import Severity
from triplepoint.records.rows import MatrixRow

RESERVED_SCALARS = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
"""Names that rules know; accuracies lie between 0 and 1. Any other name is stored as it is."""


@dataclass(frozen=True, slots=True)
class ScalarPoint:
    """One scalar over the `count` steps that end at `step`; fast loops are thinned, never cut off."""

    name: str
    step: int
    """The last step of the block."""
    value: float | None
    """Mean over the finite values of the block; None where there is none."""
    low: float | None = None
    """Smallest finite value; None for `value`."""
    high: float | None = None
    """Largest finite value; None for `value`."""
    count: int = 1
    """Values in the block, not-finite ones included."""
    non_finite: int = 0
    """How many of them are NaN or infinite."""


class VisitKind(StrEnum):
    """How closely a matrix was looked at."""

    full = "full"
    """Whole spectrum, every metric, phase and findings: the row of a scan."""
    leading = "leading"
    """Only the largest eigenvalues, from the vectors of the visit before."""
    unchanged = "unchanged"
    """No spectrum: by Weyl's bound no singular value has moved by more than the tolerance since the last full visit."""


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One look at one matrix at one step."""

    step: int
    """Optimiser steps that the weights have seen."""
    matrix: str
    """The id of the row, the same as in a scan."""
    kind: VisitKind
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """{metric: value}: those of the row; of a leading visit the few that it gives; empty where unchanged."""
    row: MatrixRow | None = None
    """Full visits only; with its singular values where they were asked for."""
    change: float | None = None
    """‖W − W₀‖_F/‖W₀‖₂ against the last full visit W₀: no σ has moved by more than this share of the largest (Weyl).
    None at a first visit."""
    seconds: float = 0.0
    """CPU time of the visit."""
    eigenvalues: np.ndarray[Any, np.dtype[np.float64]] | None = None
    """(k,) the largest, descending, in the λ units of the row; leading visits only."""


class AlertState(StrEnum):
    """Whether a rule began or ceased to hold."""

    raised = "raised"
    cleared = "cleared"


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule over the trajectory says, with its evidence."""

    rule: str
    severity: Severity
    step: int
    statement: str
    """One sentence with the numbers, intervals included."""
    matrix: str | None = None
    """None where it is of the whole run."""
    state: AlertState = AlertState.raised
    evidence: Mapping[str, float | int | str | None] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Rule and matrix, for the head of a message."""
        return self.rule if self.matrix is None else f"{self.rule}: {self.matrix}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the run: begun, resumed, dropped, a checkpoint, a remark of the user, a fault."""

    kind: str
    text: str
    step: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON types."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is stored in one transaction: readers see all of it or nothing."""

    step: int
    """The last step that it is of."""
    time: float
    """Seconds since the epoch."""
    scalars: tuple[ScalarPoint, ...] = ()
    visits: tuple[Visit, ...] = ()
    alerts: tuple[Alert, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What watching a run has cost so far."""

    wall_seconds: float
    """Since the first step that it saw."""
    training_seconds: float
    """CPU time that the training thread spent in the monitor."""
    worker_seconds: float
    """CPU time of the thread that measures."""
    recorder_seconds: float
    """CPU time of the thread that judges, stores and forwards."""
    process_seconds: float
    """CPU time of the whole process, training included."""
    setup_seconds: float = 0.0
    """Wall time of the constructor: imports, the plan of the matrices, the new file. Once, and not part of the rest."""
    dropped_scalars: int = 0
    """Scalar values that found the queue full."""
    dropped_visits: int = 0
    """Visits due that were not made or not stored: queue full, or the next pass began first."""
    faults: int = 0
    """Errors in measuring, judging, storing or forwarding; training went on."""

    @property
    def seconds(self) -> float:
        """All of the monitor."""
        return self.training_seconds + self.worker_seconds + self.recorder_seconds

    @property
    def of_wall(self) -> float:
        """Share of the wall time, as if the threads had no core of their own."""
        return self.seconds / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def of_process(self) -> float:
        """Share of the CPU time of the process."""
        return self.seconds / self.process_seconds if self.process_seconds else 0.0
