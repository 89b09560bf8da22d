"""One number along a run, and what can be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Steps = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """A metric of one matrix, or a scalar of the run, over steps. Points without a value are left out."""

    name: str
    """Metric or scalar."""
    steps: Steps
    """(n,) int64, strictly ascending."""
    values: Numbers
    """(n,) float64, finite."""
    matrix: str | None = None
    """Id of the row; None for a scalar of the run."""
    sem: Numbers | None = None
    """(n,) standard error of each value, NaN where unknown; None where the number has none."""
    low: Numbers | None = None
    """(n,) lower end of the 95 % interval, NaN where unknown."""
    high: Numbers | None = None
    """(n,) upper end."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Straight line through a trajectory, robust against single points."""

    per_step: float
    """Theil–Sen slope, units of the metric a step (or a factor e of steps where the axis is logarithmic)."""
    low: float
    """Lower end of the 95 % interval; serial correlation is allowed for."""
    high: float
    p_value: float
    """Two-sided, Mann–Kendall with the variance of a correlated series."""
    points: int
    effective_points: float
    """Independent points that tell as much."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A step at which the level of a trajectory changes."""

    step: int
    """First step of the new level."""
    low: int
    """95 % interval of the step."""
    high: int
    before: float
    """Mean level since the change before."""
    after: float
    p_value: float


@dataclass(frozen=True, slots=True)
class ChangePoints:
    """All of them, in order; empty where the level stays."""

    points: tuple[ChangePoint, ...]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The first step at which a trajectory reaches a level and stays there, as far as was measured."""

    level: float
    rising: bool
    step: float | None
    """Interpolated between the measurements on both sides; None where it is never reached."""
    low: float | None
    """95 % interval from the errors of the values and the gap between measurements; None where unbounded."""
    high: float | None
    bracket: tuple[int, int] | None
    """The measured steps between which it lies."""
