"""Matrix-parallel worker threads with one BLAS thread each; wide matrices alone with all of them.

LAPACK is called without the interpreter's lock, so threads suffice: nothing is pickled and the file map is shared.
The largest matrices go first, because the last one to finish decides how long the scan takes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from triplepoint.engines.engine import Task, Work
from triplepoint.engines.serial import SerialEngine
from triplepoint.linalg import blas_threads
from triplepoint.records import MatrixRow

# From this side on a matrix is decomposed alone with threaded BLAS: its Gram matrix takes 50 MiB and more, and
# memory must not grow with the number of workers.
WIDE_FROM = 2560
# Below this many flops (side 64) Python takes longer than LAPACK and threads only wait for the interpreter: 3,000
# matrices of 8 x 8 took 4.4 s in one thread and 6.3 s in two.
TINY_BELOW = 6e5


class ThreadEngine:
    """`workers` threads; the default engine."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, tasks: Sequence[Task], work: Work) -> Generator[list[MatrixRow], None, None]:
        """See `Engine`. On closing, running matrices are finished and the rest is dropped."""
        ordered = sorted(tasks, key=lambda task: -task[0].cost)
        wide = [task for task in ordered if task[0].side >= WIDE_FROM]
        tiny = [task for task in ordered if task[0].cost < TINY_BELOW]
        yield from SerialEngine(self._workers).run(wide, work)
        with blas_threads(1), ThreadPoolExecutor(self._workers, "triplepoint") as pool:
            futures = [pool.submit(work, task) for task in ordered[len(wide) : len(ordered) - len(tiny)]]
            try:
                for future in as_completed(futures):
                    yield future.result()
                for task in tiny:
                    yield work(task)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
