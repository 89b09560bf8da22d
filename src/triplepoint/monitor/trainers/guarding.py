"""A monitor inside somebody else's loop: made late, and nothing that it raises reaches the training."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from triplepoint.errors import TriplepointError
from triplepoint.monitor.monitor import Monitor
from triplepoint.monitor.processes import STRIDE, Processes

_log = logging.getLogger("triplepoint")
_WRAPPERS = ("DistributedDataParallel", "DataParallel")


class Guarded:
    """Keeps the arguments until the model is there, then passes on what the loop tells.

    A wrong call (UsageError and its kin) is raised when training begins, before the first step; anything else is
    logged once a place, and training goes on unwatched.
    """

    def __init__(self, keywords: Mapping[str, Any]) -> None:
        inspect.signature(Monitor).bind(None, **keywords)
        self._keywords = dict(keywords)
        self._told: set[str] = set()
        self._processes = Processes(0, 1, False)
        self._asked_at = 0
        self._stop = False
        self.monitor: Monitor | None = None
        """None before training begins, and where it could not be made."""

    def begin(self, model: Any, configuration: Mapping[str, Any], **changes: Any) -> None:
        """Make the monitor; what the user gave as `config` goes before what the trainer knows."""
        self.close()
        self._stop, self._asked_at = False, 0
        config = {**configuration, **(self._keywords.get("config") or {})}
        keywords = {**self._keywords, **changes, "config": config}
        try:
            self.monitor = Monitor(unwrapped(model), **keywords)
            self._processes = Processes.of(model)
        except TriplepointError:
            raise
        except Exception as error:
            self._tell("begin", error)

    def step(self, step: int, **scalars: Any) -> None:
        """The weights have seen `step` optimiser steps."""
        self._call("step", lambda monitor: monitor.step(step, **scalars))

    def log(self, scalars: Mapping[str, Any]) -> None:
        """Numbers of the current step."""
        if scalars:
            self._call("log", lambda monitor: monitor.log(**scalars))

    def event(self, text: str, **data: Any) -> None:
        """Something that happened."""
        self._call("event", lambda monitor: monitor.event(text, **data))

    def close(self, status: str = "finished") -> None:
        """The training is over."""
        self._call("close", lambda monitor: monitor.close(status))
        self.monitor = None

    def should_stop(self, step: int) -> bool:
        """Whether an alert asks for the end. Of several processes the first decides, for all at the same step."""
        if not self._keywords.get("stop_on"):
            return False
        if self._processes.size == 1:
            self._call("should_stop", self._look)
        elif step - self._asked_at >= STRIDE:
            self._asked_at = step
            self._call("should_stop", self._look)
            self._stop = self._processes.agree(int(self._stop)) == 1
        return self._stop

    def _look(self, monitor: Monitor) -> None:
        self._stop = self._stop or bool(monitor.should_stop)

    def _call(self, what: str, call: Callable[[Monitor], None]) -> None:
        if self.monitor is None:
            return
        try:
            call(self.monitor)
        except Exception as error:
            self._tell(what, error)

    def _tell(self, what: str, error: Exception) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning(
                "the monitor could not %s: %s: %s; training goes on", what, type(error).__name__, error
            )


def unwrapped(model: Any) -> Any:
    """The module inside data-parallel and compiled wrappers: its names are those of a checkpoint."""
    while True:
        if type(model).__name__ in _WRAPPERS:
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model
