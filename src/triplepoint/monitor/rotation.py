"""Whose turn it is: every task once a pass, in the order of the model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from triplepoint.engines import Task


@dataclass(slots=True)
class Rotation:
    """Tasks that are due. A rotation `without end` begins again by itself; others wait for `begin`."""

    tasks: Callable[[], Sequence[Task]]
    """Asked when a pass begins: layers come and go."""
    without_end: bool
    dropped: int = 0
    """Matrices whose turn had not come when the next pass began."""
    _due: deque[Task] = field(default_factory=deque)

    def __len__(self) -> int:
        """How many are due."""
        return len(self._due)

    def begin(self) -> None:
        """A new pass; what is left of the last one is dropped and counted."""
        self.dropped += sum(rows(task) for task in self._due)
        self._due = deque(self.tasks())

    def next(self) -> Task | None:
        """The task whose turn it is; it stays until `done`."""
        if not self._due and self.without_end:
            self._due = deque(self.tasks())
        return self._due[0] if self._due else None

    def done(self) -> None:
        """Its turn is over."""
        self._due.popleft()


def rows(task: Task) -> int:
    """How many matrices of a task are measured."""
    return sum(plan.reason is None for plan in task)
