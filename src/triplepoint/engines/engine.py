"""What an engine does: work through tasks in any order and hand back each result as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeAlias

from triplepoint.records import MatrixPlan, MatrixRow

Task: TypeAlias = tuple[MatrixPlan, ...]
"""The plans of one tensor: its whole matrix first, then its slices."""
Work: TypeAlias = Callable[[Task], list[MatrixRow]]


class Engine(Protocol):
    """Results must not depend on the engine; only their order may."""

    def run(self, tasks: Sequence[Task], work: Work) -> Generator[list[MatrixRow], None, None]:
        """Yield the rows of each task when it is done; closing the iterator stops what has not begun."""
