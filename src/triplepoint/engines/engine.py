"""What an engine does: work through tasks in any order and hand back each result as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeAlias

from triplepoint.records import MatrixPlan, MatrixRow

Task: TypeAlias = tuple[MatrixPlan, ...]
"""The plans of one weight: its whole matrix first, then its parts and slices."""
Work: TypeAlias = Callable[[Task], list[MatrixRow]]


def cost(task: Task) -> float:
    """Flops of a task: each matrix once, slices share the decomposition of their whole."""
    wanted = any(plan.reason is None for plan in task)
    return sum(plan.cost for plan in task if plan.slice is None) if wanted else 0.0


def largest_first(tasks: Sequence[Task]) -> list[Task]:
    """The order in which tasks are done: the last one to finish decides how long the scan takes."""
    return sorted(tasks, key=lambda task: -cost(task))


class Engine(Protocol):
    """Results must not depend on the engine; only their order may."""

    def run(self, tasks: Sequence[Task], work: Work) -> Generator[list[MatrixRow], None, None]:
        """Yield the rows of each task when it is done; closing the iterator stops what has not begun."""
