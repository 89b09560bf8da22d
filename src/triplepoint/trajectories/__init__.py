"""One number along a run: slopes, change points, first crossings, each with its uncertainty."""

from triplepoint.trajectories.changes import change_points
from triplepoint.trajectories.crossings import first_crossing
from triplepoint.trajectories.delay import grokking_delay
from triplepoint.trajectories.describing import Description, describe
from triplepoint.trajectories.trends import slope

__all__ = ["Description", "change_points", "describe", "first_crossing", "grokking_delay", "slope"]
