"""One file a metric; `METRICS` holds all of them by name, found by membership in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from triplepoint.metrics._metric import Metric

__all__ = ["METRICS", "Metric"]


def _scan() -> Mapping[str, Metric]:
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        content = vars(importlib.import_module(f"{__name__}.{module.name}"))
        for metric in content.get("METRICS") or (content["METRIC"],):
            found[metric.name] = metric
    return MappingProxyType(found)


METRICS: Mapping[str, Metric] = _scan()
