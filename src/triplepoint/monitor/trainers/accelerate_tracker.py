"""`MonitorTracker`: a loop under Accelerate, watched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from triplepoint.monitor.scalar_names import scalars_of
from triplepoint.monitor.trainers import framework
from triplepoint.monitor.trainers.guarding import Guarded
from triplepoint.records.encoding import plain

GeneralTracker: Any = framework("accelerate.tracking").GeneralTracker


class MonitorTracker(GeneralTracker):  # type: ignore[misc]
    """A tracker of Accelerate: `Accelerator(log_with=MonitorTracker(model, optimizer))`, then `init_trackers`.

    Accelerate tells its trackers what is logged, but neither the model nor when a step was taken. So the model is given
    here, and with the optimiser every step that it takes is counted, accumulated batches and skipped steps aside.
    Without it a step is what `accelerator.log(…, step=…)` says.

    Args:
        model: the module, before or after `prepare`; after it where weights are spread over processes.
        optimizer: the torch optimiser, or the one that `prepare` returned.
        run: as of a `Monitor`; by default a new name of the time.
        first: optimiser steps that the weights have seen already, of a training that goes on.
        keywords: those of a `Monitor`.

    `tracker` is the `Monitor`: stop when `accelerator.get_tracker("triplepoint").should_stop`.
    Errors: TypeError for an unknown keyword, at once; UsageError from `init_trackers`. No other error reaches the loop.
    """

    name = "triplepoint"
    requires_logging_directory = False
    main_process_only = False

    def __init__(
        self,
        model: Any,
        optimizer: Any = None,
        *,
        run: str | os.PathLike[str] | None = None,
        first: int = 0,
        **keywords: Any,
    ) -> None:
        super().__init__()
        self._model, self._optimizer = model, optimizer
        self._watched = Guarded({"run": run, **keywords})
        self._step = first
        self._handle: Any = None

    @property
    def tracker(self) -> Any:
        """The `Monitor`, once there is one."""
        return self._watched.monitor

    @property
    def should_stop(self) -> bool:
        """Whether an alert named by `stop_on` has been raised; of several processes the first decides."""
        return self._watched.should_stop(self._step)

    def start(self) -> None:
        """The training begins."""
        self._watched.begin(self._model, {"trainer": "accelerate"})
        if self._optimizer is not None:
            inner = getattr(self._optimizer, "optimizer", self._optimizer)
            self._handle = inner.register_step_post_hook(self._stepped)

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Kept as an event: the run has begun by now."""
        self._watched.event("configuration", **{str(key): plain(value) for key, value in values.items()})

    def log(self, values: Mapping[str, Any], step: int | None = None, **_: Any) -> None:
        """Numbers of the current step; the step itself, where no optimiser counts."""
        scalars = scalars_of({name: _number(value) for name, value in values.items()})
        if self._optimizer is not None or step is None or step <= self._step:
            self._watched.log(scalars)
            return
        self._step = step
        self._watched.step(step, **scalars)

    def finish(self) -> None:
        """The training is over."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        self._watched.close()

    def _stepped(self, *_: Any) -> None:
        self._step += 1
        self._watched.step(self._step)


def _number(value: Any) -> Any:
    try:
        return value.item() if hasattr(value, "item") else value
    except (TypeError, ValueError, RuntimeError):
        return None
