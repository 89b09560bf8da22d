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
    """Straight line through a trajectory, robust against single points.

    All of it is averaged over what the noise may be: white, correlated, a random walk, or a sum of two of these.
    """

    per_step: float
    """Weighted Theil–Sen slope, units of the metric a step (or a factor e of steps where the axis is logarithmic)."""
    low: float
    """Lower end of the 95 % interval; serial correlation is allowed for."""
    high: float
    """Upper end."""
    p_value: float
    """Two-sided, of no slope; below 0.05 exactly where 0 lies outside the interval. Of a random walk: of no drift."""
    points: int
    """Measured points in the window."""
    effective_points: float
    """Independent points, scattering as much about the line over the same steps, that would tell as much."""


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
    """Mean level until the next change."""
    p_value: float
    """Of a gain in fit as large in a series without a change, at any of its steps."""


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


@dataclass(frozen=True, slots=True)
class Delay:
    """Steps from one crossing to another of the same level."""

    steps: float
    low: float | None
    """95 % interval; None where unbounded."""
    high: float | None
    """Upper end; None where unbounded."""
