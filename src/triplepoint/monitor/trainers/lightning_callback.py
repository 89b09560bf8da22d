"""`LightningMonitor`: a Lightning trainer, watched, whether it is `lightning.pytorch` or `pytorch_lightning`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from triplepoint.monitor.scalar_names import scalars_of
from triplepoint.monitor.trainers import framework
from triplepoint.monitor.trainers.guarding import Guarded
from triplepoint.records.encoding import plain

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def LightningMonitor(run: str | os.PathLike[str] | None = None, **keywords: Any) -> Any:
    """A Lightning callback that makes a `Monitor` of the module when training begins and closes it after.

    It is a `Callback` of whichever of the two packages is imported by then (of both, where both are); neither is
    imported for its sake while the other is there.

    Args:
        run: as of a `Monitor`; by default a new name of the time.
        keywords: those of a `Monitor`; `config` is added to the hyperparameters of the module.

    Steps are those of `trainer.global_step`, so accumulated batches count once. The loss that `training_step` returns
    is `train_loss`, its mean over the batches of a step, without waiting for the device; metrics that the module logs
    are taken every `log_every_n_steps` steps, at the end of an epoch and after validation, where `val_loss` and
    `val_acc` become `test_loss` and `test_accuracy`. With `stop_on` an alert sets `trainer.should_stop`. A training
    that goes on from a checkpoint goes on in the same run.

    Errors: TypeError for an unknown keyword, at once; UsageError when training begins. No other error reaches it.
    """
    return _class(tuple(name for name in _PACKAGES if name in sys.modules))(run, keywords)


@cache
def _class(loaded: tuple[str, ...]) -> Any:
    modules = [sys.modules[name] for name in loaded] or [framework(*_PACKAGES)]
    return type(
        "LightningMonitor", (_Hooks, *(module.Callback for module in modules)), {"__doc__": _Hooks.__doc__}
    )


class _Hooks:
    """See `LightningMonitor`."""

    def __init__(self, run: str | os.PathLike[str] | None, keywords: Mapping[str, Any]) -> None:
        self._run = run
        self._watched = Guarded({"run": run, **keywords})
        self._fresh = Fresh()
        self._path: str | None = None
        self._step = 0
        self._losses: list[Any] = []
        """Of the batches since the last step, where they were computed."""

    @property
    def monitor(self) -> Any:
        """The `Monitor` while training goes on, else None."""
        return self._watched.monitor

    @property
    def state_key(self) -> str:
        """The same from either package."""
        return "triplepoint.LightningMonitor"

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The module is there, and restored if it is to be."""
        self._step, self._losses = trainer.global_step, []
        changes: dict[str, Any] = {}
        if self._step > 0:
            path = self._run if self._run is not None else self._path
            if path is not None and (self._run is not None or Path(path).exists()):
                changes = {"run": path, "resume": True}
        self._watched.begin(pl_module, _configuration(pl_module), **changes)
        self._fresh = Fresh()
        self._fresh.of(trainer.callback_metrics)
        if self.monitor is not None:
            self._path = str(Path(self.monitor.path).absolute())

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """After a batch, and an optimiser step if there was one."""
        loss = _loss(outputs, trainer)
        if loss is not None:
            self._losses.append(loss)
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        losses, self._losses = self._losses, []
        scalars = {"train_loss": sum(losses) / len(losses)} if losses else {}
        self._watched.step(self._step, **scalars)
        if self._step % max(1, trainer.log_every_n_steps) == 0:
            self._log(trainer, without=tuple(scalars))
        if self._watched.should_stop(self._step):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Metrics of the epoch."""
        self._log(trainer, without=("train_loss",))

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Lightning computes the metrics of an epoch once more after its end: new objects, old numbers."""
        self._fresh.of(trainer.callback_metrics)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Metrics of the validation; the trial run comes before there is a monitor."""
        self._log(trainer, without=("train_loss",))

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        """A checkpoint is written."""
        self._watched.event("checkpoint", step=trainer.global_step)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Training failed or was interrupted."""
        self._watched.event(f"training ended with {type(exception).__name__}: {exception}"[:500])
        self._watched.close("interrupted" if isinstance(exception, KeyboardInterrupt) else "failed")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Training is over."""
        self._watched.close()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Whatever happened."""
        self._watched.close()

    def state_dict(self) -> dict[str, Any]:
        """Which run a checkpoint belongs to."""
        return {"run": self._path}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on in that run."""
        found = state_dict.get("run")
        self._path = found if isinstance(found, str) else None

    def _log(self, trainer: Any, without: tuple[str, ...]) -> None:
        found = scalars_of(self._fresh.of(trainer.callback_metrics))
        self._watched.log({name: value for name, value in found.items() if name not in without})


class Fresh:
    """What is new in a dict that also keeps what was logged long ago: the values that are other objects than before."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}

    def of(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """The new numbers, read off their device."""
        fresh = {name: value for name, value in metrics.items() if self._seen.get(name) is not value}
        self._seen.update(fresh)
        found: dict[str, float] = {}
        for name, value in fresh.items():
            try:
                found[name] = float(value)
            except (TypeError, ValueError, RuntimeError):
                continue
        return found


def _loss(outputs: Any, trainer: Any) -> Any:
    """The loss of a batch: Lightning divides it by the number of batches that are accumulated."""
    loss: Any = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    return loss.detach() * trainer.accumulate_grad_batches if hasattr(loss, "detach") else None


def _configuration(module: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"trainer": "lightning", "module": type(module).__name__}
    try:
        parameters = plain(dict(module.hparams))
    except Exception as error:  # hyperparameters that cannot be read are no reason not to watch
        return {**found, "hparams": f"cannot be read: {type(error).__name__}"}
    return {**found, "hparams": parameters} if parameters else found
