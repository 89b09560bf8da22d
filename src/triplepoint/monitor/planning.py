"""What is copied at this step: whose turn it is, and whether the budget, the worker and the memory have room."""

from __future__ import annotations

from collections.abc import Sequence

from triplepoint.engines import Task
from triplepoint.monitor.analyst import Analyst, Job
from triplepoint.monitor.budget import LIGHT, Budget, Purse, guess
from triplepoint.monitor.looking import has_top
from triplepoint.monitor.processes import STRIDE, Processes
from triplepoint.monitor.rotation import Rotation
from triplepoint.monitor.schedule import Always, Schedule
from triplepoint.monitor.subject import Copied, Subject

PATIENCE = 0.2
"""Seconds until purses and worker are asked again at the latest: what a look takes is only known afterwards."""


class Planner:
    """Asked at every step, answers with jobs for the analyst. Processes that write nothing have none and follow."""

    def __init__(
        self,
        subject: Subject,
        schedule: Schedule,
        share: float | None,
        *,
        processes: Processes,
        analyst: Analyst | None,
        room: int,
    ) -> None:
        self._subject, self._schedule, self._processes = subject, schedule, processes
        self._analyst, self._room = analyst, room
        self._endless = isinstance(schedule, Always)
        self._limited = share is not None
        self._budget = Budget(share)
        # Plans that are made anew may have to gather, which all processes do at one place: where one is replaced.
        self._whole = Rotation(
            (lambda: subject.tasks) if processes.spread else subject.present, self._endless
        )
        self._tops = Rotation(self._with_tops, without_end=True)
        self._again_at = 0.0

    @property
    def dropped(self) -> int:
        """Matrices whose turn had not come when the next pass began."""
        return self._whole.dropped

    def rests(self, step: int, elapsed: float) -> bool:
        """Whether nothing can be due yet, `elapsed` seconds into the run. Half a microsecond: asked at every step."""
        if self._processes.spread:
            return False
        if self._endless:
            return elapsed < self._again_at
        if self._schedule(step):
            self._whole.begin()
        return not len(self._whole) and elapsed < self._again_at

    def consider(self, step: int, elapsed: float, overhead: float) -> None:
        """Copy what is due where `rests` says no; `overhead`: seconds spent since on what is no look."""
        self._budget.overhead(overhead)
        self._again_at = elapsed + PATIENCE
        if self._processes.spread:
            self._together(step, elapsed)
            return
        if self._analyst is None or self._analyst.busy():
            return
        # Both at one step would look at the same weights twice.
        if not self._take(step, elapsed, self._whole, self._budget.full, light=False):
            self._take(step, elapsed, self._tops, self._budget.leading, light=True)

    def finish(self, step: int) -> None:
        """The rest of a pass that waits for the worker when training ends, where no budget forbids it."""
        if self._analyst is not None and not self._limited and not self._processes.spread:
            self._take(step, 0.0, self._whole, self._budget.full, light=False)

    def _take(self, step: int, elapsed: float, rotation: Rotation, purse: Purse, *, light: bool) -> int:
        """One task where there is a budget, or as much of the pass as memory holds; how many were taken."""
        copies: list[Copied] = []
        promised = 0.0
        fault: Exception | None = None
        while (task := rotation.next()) is not None and self._fits(copies):
            seconds = self._estimate(task, light=light)
            if not purse.can(elapsed, promised + seconds):
                self._again_at = min(self._again_at, purse.when(promised + seconds))
                break
            copied, error = self._copied(task, step)
            rotation.done()
            fault = fault or error
            self._again_at = elapsed
            if copied is not None:
                copies.append(copied)
                promised += seconds
            if self._limited:
                break
        self._send(step, copies, purse, promised, light=light)
        if fault is not None:
            raise fault
        return len(copies)

    def _copied(self, task: Task, step: int) -> tuple[Copied | None, Exception | None]:
        """A copy, none of what the model has no longer, or what went wrong: one bad tensor costs its own turn alone."""
        try:
            return self._subject.copy(task, step), None
        except Exception as error:
            return None, error

    def _with_tops(self) -> list[Task]:
        # Without a budget every due pass is a whole one; over several processes a cheap look would cost a gathering.
        if not self._limited or self._processes.spread:
            return []
        return [task for task in self._subject.tasks if any(has_top(plan) for plan in task)]

    def _together(self, step: int, elapsed: float) -> None:
        """Weights that lie on several processes: rank 0 says how many tasks are gathered, all take part."""
        begins = not self._endless and self._schedule(step)
        if begins:
            self._whole.begin()
        if step % STRIDE and not begins:
            return
        count = 0 if self._analyst is None else self._affordable(elapsed)
        copies: list[Copied] = []
        for _ in range(self._processes.agree(count)):
            task = self._whole.next()
            assert task is not None, "all processes have the same tasks due"
            copied = self._subject.copy(task, step)
            self._whole.done()
            if copied is not None:
                copies.append(copied)
        self._send(step, copies if self._analyst is not None else [], self._budget.full, 0.0, light=False)

    def _affordable(self, elapsed: float) -> int:
        assert self._analyst is not None, "rank 0 has one"
        if self._analyst.busy():
            return 0
        if not self._limited:
            return len(self._whole)
        task = self._whole.next()
        return int(task is not None and self._budget.full.can(elapsed, self._estimate(task, light=False)))

    def _send(
        self, step: int, copies: Sequence[Copied], purse: Purse, promised: float, *, light: bool
    ) -> None:
        if copies and self._analyst is not None:
            self._analyst.take(Job(step, copies, light, purse, promised))

    def _estimate(self, task: Task, *, light: bool) -> float:
        """CPU seconds of a look: as long as the last one of its kind took."""
        assert self._analyst is not None, "only who measures asks"
        known = self._analyst.took.get((task[0].id, light))
        if known is not None:
            return known
        whole = guess(sum(plan.cost for plan in task if plan.slice is None), len(task))
        return LIGHT * whole if light else whole

    def _fits(self, copies: Sequence[Copied]) -> bool:
        return not copies or sum(copied.nbytes for copied in copies) < self._room
