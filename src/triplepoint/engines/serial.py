"""One after another, the largest first."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from triplepoint.engines.engine import Task, Work, largest_first
from triplepoint.linalg import blas_threads
from triplepoint.records import MatrixRow


class SerialEngine:
    """The plain loop; BLAS has all threads it may take."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    def run(self, tasks: Sequence[Task], work: Work) -> Generator[list[MatrixRow], None, None]:
        """See `Engine`."""
        with blas_threads(self._threads):
            for task in largest_first(tasks):
                yield work(task)
