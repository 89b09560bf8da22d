"""The thread that looks at copies, so that training goes on meanwhile; or no thread, and the same work at once."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.linalg.threads import blas_threads, found_libraries
from triplepoint.monitor.budget import Purse
from triplepoint.monitor.looking import Looker, warm
from triplepoint.monitor.subject import Copied
from triplepoint.records import Visit

# One job in work and one that waits: more would hold copies of weights and measure the past.
WAITING = 1


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Copies of one step, and the purse that pays."""

    step: int
    copies: Sequence[Copied]
    light: bool
    purse: Purse
    promised: float
    """Seconds that were set aside for it."""


class Analyst:
    """Works through jobs, the first first. `emit(step, visits)` is called in its thread, once a job."""

    def __init__(
        self,
        looker: Looker,
        emit: Callable[[int, tuple[Visit, ...]], None],
        fault: Callable[[str, BaseException], None],
        *,
        inline: bool,
    ) -> None:
        self._looker, self._emit, self._fault = looker, emit, fault
        self.inline = inline
        self.seconds = 0.0
        """CPU time spent."""
        self.took: dict[tuple[str, bool], float] = {}
        """{(first row id of a task, whether at the top alone): CPU seconds of the last such look}."""
        self._libraries: Any = found_libraries()
        with blas_threads(1, self._libraries):
            warm(looker.settings)
        # Without a lock: a signal handler may close the monitor while `take` is under way.
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._open = 0
        self._finished: deque[tuple[Job, float]] = deque()
        self._thread: threading.Thread | None = None
        if not inline:
            self._thread = threading.Thread(target=self._run, name="triplepoint-analyst", daemon=True)
            self._thread.start()

    def busy(self) -> bool:
        """Whether another job would have to wait behind one that waits; settles what has been finished."""
        while self._finished:
            job, seconds = self._finished.popleft()
            job.purse.spent += seconds
            job.purse.promised -= job.promised
            self._open -= 1
        return self._open > WAITING

    def take(self, job: Job) -> None:
        """Work on it, in the thread or now; called by one thread, as `busy` is."""
        job.purse.promised += job.promised
        self._open += 1
        if self._thread is None:
            self._work(job)
        else:
            self._jobs.put(job)

    def close(self, timeout: float) -> bool:
        """Finish what was taken; whether all of it was, within `timeout` seconds."""
        if self._thread is None:
            return True
        self._jobs.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._work(job)

    def _look(self, copied: Copied, light: bool) -> tuple[Visit, ...]:
        """A fault costs one look, not those that were copied with it."""
        before = time.thread_time()
        try:
            return self._looker.light(copied) if light else self._looker.full(copied)
        except Exception as error:
            self._fault("measure", error)
            return ()
        finally:
            self.took[copied.task[0].id, light] = time.thread_time() - before

    def _work(self, job: Job) -> None:
        began = time.thread_time()
        visits: list[Visit] = []
        try:
            # One BLAS thread: the cores are the training's, and time in others would not be counted here.
            with blas_threads(1, self._libraries):
                for copied in job.copies:
                    visits += self._look(copied, job.light)
            if visits:
                self._emit(job.step, tuple(visits))
        except Exception as error:
            self._fault("measure", error)
        finally:
            seconds = time.thread_time() - began
            self.seconds += seconds
            # The purses belong to the thread that asks: two that add to one number may lose a part.
            self._finished.append((job, seconds))
