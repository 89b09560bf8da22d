"""`Monitor`: any PyTorch loop, watched."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from triplepoint import __version__, asked
from triplepoint.environment import environment
from triplepoint.errors import UsageError
from triplepoint.linalg import memory
from triplepoint.monitor import endings, introducing
from triplepoint.monitor.actions import Action
from triplepoint.monitor.analyst import Analyst
from triplepoint.monitor.budget import as_data
from triplepoint.monitor.errands import checked
from triplepoint.monitor.keeping import Keeper
from triplepoint.monitor.looking import TOLERANCE, Looker
from triplepoint.monitor.naming import path_of
from triplepoint.monitor.planning import Planner
from triplepoint.monitor.processes import Processes
from triplepoint.monitor.scalars import RATE, Block, detached
from triplepoint.monitor.schedule import Always, Schedule, counted, schedule_of
from triplepoint.monitor.sinks import Sink, sink_of
from triplepoint.monitor.subject import Subject
from triplepoint.records import Alert, Cost, Event
from triplepoint.request import ScanRequest, recorded, settings_of
from triplepoint.store import Run, forks, open_run

DEFAULT_BUDGET = 0.01
MOST_STEPS = 4096
"""Steps in a block, however fast the loop."""
MEMORY_SHARE = 0.25
"""Of the memory that is left when training begins: for the weights of the last looks, and for copies that wait."""
MOST_FAULTS = 20
"""Faults in the training thread after which the monitor rests."""
CLOSE_SECONDS = 60.0
"""How long `close` waits for looks that have begun."""


class Monitor:
    """Watches the weights of a model while it is trained, within a budget, and writes what it finds to one file.

    Args:
        model: the `torch.nn.Module` in training. Of DistributedDataParallel rank 0 alone works; weights spread by
            `fully_shard` or tensor parallelism are gathered one matrix at a time, on all ranks.
        run: a name under `./runs/NAME/run.db`, or a path to a folder or `.db` file; by default a new name of the time.
        budget: share of the wall time that the monitor may cost, all of its threads together; None for no limit.
        schedule: when a pass over the matrices begins: a number of steps, `log`, `log:PER_DECADE` or a function of the
            step. By default matrices are looked at round robin, whenever the budget allows the next one. With a
            schedule and a budget a pass is spread over the steps that follow; one that is not through when the next
            begins is cut off, and what was lost is counted.
        layers: glob patterns over matrix ids, as in `scan`.
        metrics: names of metrics; by default the 40 of every scan.
        mode: `precise`, `fast` or `exact`, as in `scan`.
        seed: of everything random; the numbers of a look are those of `scan` with this seed.
        config: of the run, plain JSON types; kept in the file.
        resume: go on with a run that is there; when the first new step is told, what lies from it on is removed.
            Steps that are not numbered count on from its last.
        sinks: where frames also go: `trackio`, `wandb`, `tensorboard`, `mlflow`, `jsonl:PATH`, or objects of
            `monitor.sinks`.
        actions: functions that are called with every `Alert`, such as `Webhook(url)`, each in a thread of its own. What
            has a `close` is closed at the end.
        rules: names of the rules that judge; by default all.
        stop_on: rules, or severities from which on, an alert sets `should_stop`.
        worker: `thread`, or `inline` to look in the training thread, then and there.
        tolerance: a matrix is not looked at again before ‖W − W₀‖_F exceeds this share of its largest singular value.
        scalars: `thinned` to about 20 points a second (blocks with mean, extremes and count) or `all`.

    Cost: see `cost`; the default budget is 1 % of the wall time. Errors in measuring never reach the loop: they are
    counted, logged once a kind and stored as events. Errors of the call itself are raised: UsageError.

    >>> import tempfile, torch
    >>> model = torch.nn.Linear(32, 16)
    >>> with Monitor(model, tempfile.mkdtemp() + "/r.db", None, schedule=10, tolerance=0) as monitor:
    ...     for step in range(1, 31):
    ...         model.weight.data += 0.1
    ...         monitor.step(step, train_loss=1 / step)
    >>> [visit.step for visit in monitor.run.visits("weight")]
    [10, 20, 30]
    """

    def __init__(
        self,
        model: Any,
        run: str | os.PathLike[str] | None = None,
        budget: float | None = DEFAULT_BUDGET,
        *,
        schedule: Schedule | int | str | None = None,
        layers: str | Iterable[str] | None = None,
        metrics: str | Iterable[str] | None = None,
        mode: str = "precise",
        seed: int = 0,
        config: Mapping[str, Any] | None = None,
        resume: bool = False,
        sinks: Sequence[Sink | str] | str = (),
        actions: Sequence[Action] | Action = (),
        rules: Sequence[str] | str | None = None,
        stop_on: Sequence[str] | str = (),
        worker: str = "thread",
        tolerance: float = TOLERANCE,
        scalars: str = "thinned",
    ) -> None:
        began = time.perf_counter()
        request = ScanRequest(
            source=None,
            mode=mode,
            layers=asked.names("layers", layers),
            metrics=asked.names("metrics", metrics),
            seed=seed,
            spectra=True,
        )
        settings = settings_of(request)
        when = schedule_of(schedule)
        share = None if budget is None else asked.real("budget", budget, 1e-6, 1.0, "0.01 for one percent")
        if share is None and isinstance(when, Always):
            raise UsageError("watch with no budget", "no schedule either", "Say when, such as schedule=500")
        tolerance = asked.real("tolerance", tolerance, 0.0, 1.0, "0.001")
        rules = [rules] if isinstance(rules, str) else rules
        stop_on = [stop_on] if isinstance(stop_on, str) else stop_on
        sinks = [sinks] if isinstance(sinks, str) else sinks
        actions = checked(actions)
        inline = asked.word("worker", worker, ("thread", "inline")) == "inline"
        self._whole = asked.word("scalars", scalars, ("thinned", "all")) == "all"
        processes = Processes.of(model)
        subject = Subject(model, processes.spread, request.layers)
        self.path: Path = path_of(run)
        """The file of the run."""
        self._step = 0
        self._began: float | None = None
        self._training = self._overhead = 0.0
        self._given: list[tuple[int, Mapping[str, Any]]] = []
        self._flush_at = 0.0
        self._faults = 0
        self._closed = False
        self._account: Cost | None = None
        self._keeper: Keeper | None = None
        self._analyst: Analyst | None = None
        room = int(MEMORY_SHARE * memory.available_bytes())
        if processes.writes:
            chosen = {
                "budget": share, "schedule": str(when), "worker": worker, "tolerance": tolerance, "scalars": scalars,
                "rules": None if rules is None else list(rules), "stop_on": list(stop_on), "order": subject.order,
            }  # fmt: skip
            self._keeper = Keeper(
                self.path,
                configuration=dict(config or {}),
                provenance={
                    "version": __version__,
                    "source": subject.reader.source,
                    "digest": None if processes.spread else subject.reader.digest(),
                    "seed": seed,
                    "settings": recorded(request, settings, 1),
                    "monitor": chosen,
                    "processes": processes.size,
                    "environment": environment(),
                },
                resume=resume,
                rules=rules,
                sinks=[sink_of(sink) for sink in sinks],
                actions=actions,
                stop_on=stop_on,
            )
            looker = Looker(settings, seed, tolerance, room)
            self._analyst = Analyst(looker, self._keeper.visits, self._keeper.fault, inline=inline)
            self._step = self._keeper.last_step
            atexit.register(self._left_open)
        self._planner = Planner(subject, when, share, processes=processes, analyst=self._analyst, room=room)
        self._subject = subject
        self._setup = time.perf_counter() - began
        self._process_before = time.process_time()
        forks.watch(self)

    def step(self, step: int | None = None, **scalars: Any) -> None:
        """Say that the weights have seen `step` optimiser steps (by default one more than last time).

        `scalars`: numbers of this step; `train_loss`, `test_loss`, `train_accuracy` and `test_accuracy` (0–1) are known
        to the rules. Tensors are welcome: a loss on a GPU is not waited for. Cost: microseconds, but for the copy of a
        matrix whose turn it is. Never raises.
        """
        began = time.perf_counter()
        if self._closed:
            return
        used = time.thread_time()
        try:
            self._step = counted(self._step + 1 if step is None else step)
            if self._began is None:
                self._began = began
                self._begin()
            if scalars and self._keeper is not None:
                self._given.append((self._step, {name: detached(scalars[name]) for name in scalars}))
            if began >= self._flush_at or len(self._given) >= MOST_STEPS:
                self._hand_over(began)
            elapsed = began - self._began
            if self._faults < MOST_FAULTS and not self._planner.rests(self._step, elapsed):
                spent = self._training + (self._keeper.seconds if self._keeper else 0.0)
                if self._analyst is not None and self._analyst.inline:
                    spent -= self._analyst.seconds  # the looks themselves, which the purses pay already
                self._planner.consider(self._step, elapsed, spent - self._overhead)
                self._overhead = spent
        except Exception as error:
            if not self._closed:  # else a signal handler did in the middle of the step, and nothing is amiss
                self._fault(error)
        self._training += time.thread_time() - used

    def log(self, **scalars: Any) -> None:
        """Scalars of the step that is current, such as those of an evaluation after it. Never raises."""
        if self._keeper is not None and not self._closed and scalars:
            self._given.append((self._step, {name: detached(value) for name, value in scalars.items()}))
            if len(self._given) >= MOST_STEPS:
                self._hand_over(time.perf_counter())

    def event(self, text: str, **data: Any) -> None:
        """A remark at the current step: data changed, a checkpoint written."""
        if self._keeper is not None and not self._closed:
            self._keeper.event(Event("remark", str(text), self._step, data))

    def attach(self, optimizer: Any) -> Any:
        """Count the steps of a torch optimiser by itself: `step` is called after each. Returns the handle to detach.

        Where gradients are accumulated or a scaler skips steps, the weights have seen exactly these.
        """
        return optimizer.register_step_post_hook(lambda *_: self.step())

    @property
    def should_stop(self) -> bool:
        """Whether an alert named by `stop_on` has been raised."""
        return self._keeper is not None and self._keeper.stop is not None

    @property
    def stopped_by(self) -> Alert | None:
        """The alert that asks for the end."""
        return None if self._keeper is None else self._keeper.stop

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Everything raised or cleared since this process began; empty on ranks that do not write."""
        return () if self._keeper is None else self._keeper.alerts

    @property
    def run(self) -> Run:
        """The run as a reader sees it."""
        return open_run(self.path)

    @property
    def cost(self) -> Cost:
        """What watching has cost so far; once closed, until it was."""
        if self._account is not None:
            return self._account
        keeper, analyst = self._keeper, self._analyst
        return Cost(
            wall_seconds=0.0 if self._began is None else time.perf_counter() - self._began,
            training_seconds=self._training,
            worker_seconds=0.0 if analyst is None or analyst.inline else analyst.seconds,
            recorder_seconds=0.0 if keeper is None else keeper.seconds,
            process_seconds=time.process_time() - self._process_before,
            setup_seconds=self._setup,
            dropped_scalars=0 if keeper is None else keeper.dropped_scalars,
            dropped_visits=self._planner.dropped + (0 if keeper is None else keeper.dropped_visits),
            faults=0 if keeper is None else keeper.faults,
        )

    def close(self, status: str = "finished") -> None:
        """Finish the looks that have begun, write what waits, give the file back. Safe to call twice, and in a signal
        handler. A monitor that nobody closes is closed when the process ends, as `failed` if by an exception."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._left_open)
        if self._keeper is None or self._analyst is None:
            return
        try:
            self._hand_over(time.perf_counter())
            self._planner.finish(self._step)
        except Exception as error:
            self._fault(error)
        try:
            if not self._analyst.close(CLOSE_SECONDS):
                self._keeper.event(
                    Event("dropped", "a look was not finished when the run was closed", self._step)
                )
            self._keeper.event(Event("cost", "what watching has cost", self._step, as_data(self.cost)))
            self._keeper.close(status, CLOSE_SECONDS)
        except Exception as error:
            self._fault(error)
        self._account = self.cost

    def let_go(self) -> None:
        """In a child made by `fork`, such as one that loads data: the run is the parent's."""
        self._closed = True

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.event(f"training ended with {kind.__name__}: {error}"[:500])
        self.close(endings.of(error))

    def _left_open(self) -> None:
        self.close(endings.of_process())

    def _begin(self) -> None:
        if self._keeper is None:
            return
        self._keeper.begin(self._step)
        if not self._subject.gather:
            self._subject.present()  # lazy layers have a shape by now
        introducing.tell(self._keeper, self._subject, self._step)

    def _hand_over(self, now: float) -> None:
        if self._given and self._keeper is not None:
            given, self._given = self._given, []
            self._keeper.scalars(Block(given, self._whole))
        self._flush_at = now + 1 / RATE

    def _fault(self, error: Exception) -> None:
        self._faults += 1
        if self._keeper is not None:
            self._keeper.fault("watch", error, self._step)
            if self._faults == MOST_FAULTS:
                text = f"{MOST_FAULTS} faults: no more looks in this run"
                self._keeper.event(Event("fault", text, self._step))
