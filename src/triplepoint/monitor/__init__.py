"""Watching a training loop: the same numbers as a scan, while the run can still be stopped."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triplepoint.monitor.actions import Webhook as Webhook
    from triplepoint.monitor.monitor import Monitor as Monitor
    from triplepoint.monitor.sinks import JsonLines as JsonLines
    from triplepoint.monitor.sinks import MLflow as MLflow
    from triplepoint.monitor.sinks import Sink as Sink
    from triplepoint.monitor.sinks import TensorBoard as TensorBoard
    from triplepoint.monitor.sinks import Trackio as Trackio
    from triplepoint.monitor.sinks import WandB as WandB
    from triplepoint.monitor.trainers import LightningMonitor as LightningMonitor
    from triplepoint.monitor.trainers import MonitorCallback as MonitorCallback
    from triplepoint.monitor.trainers import MonitorTracker as MonitorTracker

# No `__all__`: a star import must not need transformers.
_HOMES = {
    "Monitor": "monitor",
    "Webhook": "actions",
    **dict.fromkeys(("JsonLines", "MLflow", "Sink", "TensorBoard", "Trackio", "WandB"), "sinks"),
    **dict.fromkeys(("LightningMonitor", "MonitorCallback", "MonitorTracker"), "trainers"),
}


def __getattr__(name: str) -> Any:
    # Trackers and trainers are imported when they are asked for.
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
