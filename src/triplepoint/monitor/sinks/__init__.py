"""Where frames go besides the store: JSON lines and the trackers that a team already looks at.

A sink is any object with `begin`, `write` and `close`. Those here are written plainly: they may block and raise.
`sink_of` puts each behind a queue with a thread of its own, so that neither training nor the store waits for a network.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from triplepoint.errors import MissingDependency, UsageError
from triplepoint.records import Frame

if TYPE_CHECKING:
    from triplepoint.monitor.sinks.json_lines import JsonLines as JsonLines
    from triplepoint.monitor.sinks.mlflow_run import MLflow as MLflow
    from triplepoint.monitor.sinks.tensorboard_events import TensorBoard as TensorBoard
    from triplepoint.monitor.sinks.trackio_run import Trackio as Trackio
    from triplepoint.monitor.sinks.wandb_run import WandB as WandB

__all__ = ["JsonLines", "MLflow", "Sink", "TensorBoard", "Trackio", "WandB", "sink_of"]

_HOMES = {
    "JsonLines": "json_lines",
    "Trackio": "trackio_run",
    "WandB": "wandb_run",
    "TensorBoard": "tensorboard_events",
    "MLflow": "mlflow_run",
}
_NAMES = {"trackio": "Trackio", "wandb": "WandB", "tensorboard": "TensorBoard", "mlflow": "MLflow"}


@runtime_checkable
class Sink(Protocol):
    """What a monitor forwards to. Exceptions are caught, counted and kept as events of the run by who calls."""

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """Called once, in the thread that made the monitor, where trackers know the run that the user has begun."""

    def write(self, frame: Frame) -> None:
        """Take a frame that has been stored, in order."""

    def close(self) -> None:
        """No more will come."""


def sink_of(value: Any) -> Sink:
    """A sink from an object, a tracker's name or `jsonl:PATH`, behind a queue of its own.

    Errors: UsageError for what is none; MissingDependency where the tracker is not installed.

    >>> sink_of("aim")
    Traceback (most recent call last):
    triplepoint.errors.UsageError: sink 'aim': unknown. Use one of jsonl:PATH, trackio, wandb, tensorboard, mlflow
    """
    from triplepoint.monitor.sinks.forwarding import Forwarding

    if isinstance(value, Forwarding):
        return value
    return Forwarding(_plain_sink(value))


def called(sink: Sink) -> str:
    """What a sink is called in messages: the tracker, not the queue before it."""
    return type(getattr(sink, "sink", sink)).__name__


def _plain_sink(value: Any) -> Sink:
    if isinstance(value, str):
        kind, _, path = value.partition(":")
        if kind == "jsonl" and path:
            return __getattr__("JsonLines")(path)  # type: ignore[no-any-return]
        if value in _NAMES:
            return __getattr__(_NAMES[value])()  # type: ignore[no-any-return]
    elif not isinstance(value, type) and isinstance(value, Sink):
        return value
    asked_for = f"sink {value!r}"
    raise UsageError(
        asked_for if len(asked_for) <= 80 else f"{asked_for[:79]}…",
        "unknown" if isinstance(value, str) else "no object with begin, write and close",
        f"Use one of jsonl:PATH, {', '.join(_NAMES)}",
    )


def installed(package: str) -> None:
    """Say at once, in the thread of the user, that a tracker is missing; it is imported later, in another."""
    spec = importlib.util.find_spec(package)
    # A folder of that name beside the script, such as the one W&B writes, is no package.
    if spec is None or spec.origin is None:
        raise MissingDependency(
            f"sink {package}",
            "it is not installed",
            f"Run: pip install {package}, or 'triplepoint[trackers]'",
        )


def loaded(module: str) -> Any:
    """A module of a tracker."""
    return importlib.import_module(module)


def __getattr__(name: str) -> Any:
    # A tracker's module is only loaded when it is asked for.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
