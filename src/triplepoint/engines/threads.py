"""Matrix-parallel worker threads with one BLAS thread each; a matrix that would finish last gets all of them.

LAPACK is called without the interpreter's lock, so threads suffice: nothing is pickled and the file map is shared.
The largest matrices go first, because the last one to finish decides how long the scan takes.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import takewhile

from triplepoint.engines.engine import Task, Work, cost, largest_first
from triplepoint.engines.serial import SerialEngine
from triplepoint.linalg import blas_threads, memory
from triplepoint.records import MatrixRow

# From this side on threaded BLAS helps a single matrix (n = 1536: 0.39 s to 0.30 s in float64, 0.26 to 0.16 in
# float32). A set of them is still faster with one matrix a worker: four of 4096 x 4096 in float64 take 22.5 s so and
# 35.8 s one after another with two BLAS threads.
WIDE_FROM = 1024
# Below this many flops (side 64) Python takes longer than LAPACK and threads only wait for the interpreter: 3,000
# matrices of 8 x 8 took 4.4 s in one thread and 6.3 s in two.
TINY_BELOW = 6e5
# Threaded BLAS on one wide matrix gains about workers^0.7 on two cores (1.6); more cores were not measured.
THREADS_GAIN = 0.7
# One matrix a worker only while all of them together take no more than this share of the memory that is left.
MEMORY_SHARE = 0.25


class ThreadEngine:
    """`workers` threads; the default engine."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, tasks: Sequence[Task], work: Work) -> Generator[list[MatrixRow], None, None]:
        """See `Engine`. On closing, running matrices are finished and the rest is dropped."""
        ordered = largest_first(tasks)
        alone = alone_first(ordered, self._workers)
        yield from SerialEngine(self._workers).run(ordered[:alone], work)
        tiny = [task for task in ordered[alone:] if cost(task) < TINY_BELOW]
        with blas_threads(1), ThreadPoolExecutor(self._workers, "triplepoint") as pool:
            try:
                futures = [pool.submit(work, task) for task in ordered[alone : len(ordered) - len(tiny)]]
                for future in as_completed(futures):
                    yield future.result()
                for task in tiny:
                    yield work(task)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def alone_first(ordered: Sequence[Task], workers: int) -> int:
    """How many of the tasks, largest first, run alone with threaded BLAS before the rest is spread over workers.

    As many as make the estimated time smallest: a matrix that others would wait for, or one that is left over when
    equal ones are dealt out; and all of which one a worker would take too much memory.
    """
    room = MEMORY_SHARE * memory.available_bytes() / workers
    wide = list(takewhile(lambda plan: plan.side >= WIDE_FROM, (task[0] for task in ordered)))
    crowded = sum(
        memory.needed_bytes((plan.side, plan.side), exact=False, itemsize=8) > room for plan in wide
    )
    costs = [cost(task) for task in ordered]
    choices = range(crowded, min(len(wide), crowded + workers) + 1)
    return min(choices, key=lambda alone: _estimate(costs, alone, workers))


def _estimate(costs: Sequence[float], alone: int, workers: int) -> float:
    """Time of the first `alone` costs one by one, and of the rest dealt to the worker that is free first."""
    loads = [0.0] * workers
    for flops in costs[alone:]:
        heapq.heapreplace(loads, loads[0] + flops)
    return float(sum(costs[:alone]) / workers**THREADS_GAIN + max(loads))
