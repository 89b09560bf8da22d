"""The metrics that a document holds: what each means, its unit and its range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from triplepoint.metrics import METRICS


def catalogue(names: Iterable[str]) -> list[dict[str, Any]]:
    """In the order given; a name that this version does not know is there without a meaning."""
    return [_entry(name) for name in names]


def _entry(name: str) -> dict[str, Any]:
    metric = METRICS.get(name)
    if metric is None:
        return {"name": name, "unit": "", "meaning": "", "polarity": None, "low": None, "high": None}
    low, high = metric.valid
    return {
        "name": name,
        "unit": metric.unit,
        "meaning": " ".join(metric.definition.split()),
        "polarity": metric.polarity,
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
    }
