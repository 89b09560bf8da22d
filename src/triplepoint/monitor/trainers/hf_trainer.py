"""`MonitorCallback`: a `transformers.Trainer`, watched."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from typing import Any

from triplepoint.monitor.scalar_names import scalars_of
from triplepoint.monitor.trainers import framework
from triplepoint.monitor.trainers.guarding import Guarded
from triplepoint.records.encoding import plain

TrainerCallback: Any = framework("transformers").TrainerCallback


class MonitorCallback(TrainerCallback):  # type: ignore[misc]
    """A `transformers.TrainerCallback` that makes a `Monitor` of the model when training begins and closes it after.

    Args:
        run: as of a `Monitor`; by default a new name of the time.
        keywords: those of a `Monitor`: `budget`, `schedule`, `sinks`, `stop_on` … `config` is added to the arguments
            of the trainer and the configuration of the model.

    Steps are optimiser steps (`state.global_step`), whatever is accumulated. `loss`, `eval_loss` and `eval_accuracy`
    become `train_loss`, `test_loss` and `test_accuracy`; what else is logged keeps its name. A training that goes on
    from a checkpoint goes on in `run`, where one is named. With `stop_on` an alert ends the training. transformers 5
    reports to nobody by default: pass `callbacks=[MonitorCallback(…)]`.

    Errors: TypeError for an unknown keyword, at once; UsageError when training begins. No other error reaches it.
    Cost: that of the monitor, and microseconds a step.
    """

    def __init__(self, run: str | os.PathLike[str] | None = None, **keywords: Any) -> None:
        self._run = run
        self._watched = Guarded({"run": run, **keywords})

    @property
    def monitor(self) -> Any:
        """The `Monitor` while training goes on, else None."""
        return self._watched.monitor

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """The model is there."""
        again = {"resume": True} if self._run is not None and state.global_step > 0 else {}
        self._watched.begin(model, _configuration(args, model), **again)
        # Nothing is called when training fails; at the end of the process a run that still is open was broken off.
        atexit.register(self._broken_off)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After an optimiser step."""
        self._watched.step(state.global_step)
        if self._watched.should_stop(state.global_step):
            control.should_training_stop = True

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """What the trainer logs; evaluations among it."""
        self._watched.log(scalars_of(logs or {}))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint was written."""
        self._watched.event("checkpoint", step=state.global_step, folder=f"checkpoint-{state.global_step}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Training is over."""
        self._watched.close()
        atexit.unregister(self._broken_off)

    def _broken_off(self) -> None:
        self._watched.close("failed")


def _configuration(args: Any, model: Any) -> dict[str, Any]:
    """Arguments (tokens masked by transformers itself) and model as they describe themselves."""
    found: dict[str, Any] = {"trainer": "transformers"}
    for name, record in (("args", args), ("model", getattr(model, "config", None))):
        try:
            found[name] = plain(record.to_dict())  # type: ignore[union-attr]
        except Exception as error:  # one that cannot describe itself is no reason not to watch
            if record is not None:
                found[name] = f"cannot be read: {type(error).__name__}"
    return found
