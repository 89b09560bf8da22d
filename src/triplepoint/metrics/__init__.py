"""One file a metric, found by membership in this folder.

`METRICS` of a matrix, `MODEL_METRICS` of a whole model, `TRAJECTORY_METRICS` of one number along a run.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from triplepoint.metrics._metric import Metric, Study

__all__ = ["METRICS", "MODEL_METRICS", "STUDY", "TRAJECTORY_METRICS", "Metric", "Study"]


def _scan() -> tuple[Metric, ...]:
    found: list[Metric] = []
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            content = vars(importlib.import_module(f"{__name__}.{module.name}"))
            found += content.get("METRICS") or (content["METRIC"],)
    return tuple(found)


_ALL = _scan()
METRICS: Mapping[str, Metric] = MappingProxyType({m.name: m for m in _ALL if m.level == "matrix"})
MODEL_METRICS: Mapping[str, Metric] = MappingProxyType({m.name: m for m in _ALL if m.level == "model"})
TRAJECTORY_METRICS: Mapping[str, Metric] = MappingProxyType(
    {m.name: m for m in _ALL if m.level == "trajectory"}
)
STUDY: Mapping[str, Metric] = MappingProxyType(
    {m.study.name: m for m in sorted(_ALL, key=lambda m: m.study.number if m.study else 0) if m.study}
)
"""The 28 generalisation metrics of the NLP study under their names there, in its order."""
