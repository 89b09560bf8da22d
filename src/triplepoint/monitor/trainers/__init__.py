"""Monitors for loops that other people wrote: transformers, Lightning, Accelerate. Each imports its framework late."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from triplepoint.errors import MissingDependency

if TYPE_CHECKING:
    from triplepoint.monitor.trainers.accelerate_tracker import MonitorTracker as MonitorTracker
    from triplepoint.monitor.trainers.hf_trainer import MonitorCallback as MonitorCallback
    from triplepoint.monitor.trainers.lightning_callback import LightningMonitor as LightningMonitor

__all__ = ["LightningMonitor", "MonitorCallback", "MonitorTracker"]

HOMES = {
    "MonitorCallback": "hf_trainer",
    "LightningMonitor": "lightning_callback",
    "MonitorTracker": "accelerate_tracker",
}


def framework(*modules: str) -> Any:
    """The first of these modules that can be imported."""
    for module in modules:
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != module.partition(".")[0]:
                raise
    package = modules[0].partition(".")[0]
    raise MissingDependency(
        f"watch a {package} training",
        f"{package} is not installed",
        f"Run: pip install {package}, or 'triplepoint[trainers]'",
    )


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
