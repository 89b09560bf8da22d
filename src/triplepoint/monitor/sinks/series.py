"""What a tracker is given of a frame: rows of named numbers, one a step. Few metrics by default: 40 of each of hundreds
of layers are thousands of plots that nobody reads."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from triplepoint import asked
from triplepoint.errors import UsageError
from triplepoint.records import Alert, AlertState, Frame

DEFAULT_METRICS = (
    "alpha",
    "num_traps",
    "num_spikes",
    "stable_rank",
    "effective_rank",
    "log_norm",
    "log_spectral_norm",
)
LONGEST = 180
"""Characters of a matrix id or scalar in the name of a series; longer ones are cut and told apart by a digest."""


@dataclass(frozen=True, slots=True)
class Series:
    """Where a number belongs."""

    group: str
    """`spectral/<matrix id>`, or the name of the scalar."""
    name: str
    """`<group>/<metric>`, or the name of the scalar."""


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers of one step."""

    step: int
    values: Mapping[Series, float]
    """NaN where a scalar had no finite value in its block; a metric without a value is left out."""


def chosen(metrics: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """The metrics that are forwarded: None for all of them.

    >>> chosen(None)[:2], chosen("all"), chosen(["alpha"])
    (('alpha', 'num_traps'), None, ('alpha',))
    """
    names = asked.names("metrics", metrics)
    if names is None:
        return DEFAULT_METRICS
    if "all" in names:
        return None
    from triplepoint.metrics import METRICS

    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise UsageError(
            f"metrics {unknown[0]!r}"[:80], "unknown", "Use names of `triplepoint explain`, or 'all'"
        )
    return names


def rows(frame: Frame, metrics: tuple[str, ...] | None, prefix: str = "") -> list[Row]:
    """The numbers of a frame by step, ascending; rows that do not count (slices, fused wholes) only with all metrics.

    `prefix`: before the names of scalars.
    """
    found: dict[int, dict[Series, float]] = {}
    for point in frame.scalars:
        name = prefix + printable(point.name)
        known = math.nan if point.value is None else point.value
        found.setdefault(point.step, {})[Series(name, name)] = known
    for visit in frame.visits:
        if metrics is not None and visit.row is not None and not visit.row.counted:
            continue
        group = group_of(visit.matrix)
        for metric, value in visit.metrics.items():
            if value is not None and (metrics is None or metric in metrics):
                found.setdefault(visit.step, {})[Series(group, f"{group}/{metric}")] = float(value)
    return [Row(step, found[step]) for step in sorted(found)]


def group_of(matrix: str) -> str:
    """`spectral/<matrix id>`, printable.

    >>> group_of("layers.0.mlp"), group_of("a\\x1b[31m*")
    ('spectral/layers.0.mlp', 'spectral/a%1b[31m%2a')
    """
    return f"spectral/{printable(matrix)}"


def printable(name: str) -> str:
    """A name that every tracker can store and a terminal can show; different names stay different."""
    text = "".join(char if char.isprintable() and char not in r"%\\*" else _escaped(char) for char in name)
    if len(text) <= LONGEST:
        return text or "%"
    return f"{text[:LONGEST]}~{digest(name)}"


def digest(text: str) -> str:
    """Eight hexadecimal digits of it."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def words(alert: Alert) -> tuple[str, str]:
    """Title and text of an alert, printable."""
    title = alert.title if alert.state is AlertState.raised else f"cleared: {alert.title}"
    return line(title), line(alert.statement)


def line(text: str) -> str:
    """Text in one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def flat(configuration: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as one level: `optimizer.lr`.

    >>> flat({"lr": 0.1, "data": {"name": "x"}})
    {'lr': 0.1, 'data.name': 'x'}
    """
    found: dict[str, Any] = {}
    for key, value in configuration.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{name}.")
        else:
            found[name] = value
    return found


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
