"""Scalars on their way out of the training loop: values as they were given, made into points in another thread.

A loss on a GPU is not waited for: what is kept is a copy of the tensor, and its number is asked for later. Loops faster
than `RATE` are thinned to blocks that keep mean, smallest, largest and count, so a spike of one step is never lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.records import ScalarPoint

RATE = 20.0
"""Points a second and scalar. At 0.1 ms a point (rules, store) 20 take 0.2 % of one core."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Steps whose scalars become one point each, or one point for all."""

    given: Sequence[tuple[int, Mapping[str, Any]]]
    whole: bool
    """One point a step, however fast the loop."""

    @property
    def size(self) -> int:
        """Values in it."""
        return sum(len(scalars) for _, scalars in self.given)


def detached(value: Any) -> Any:
    """A value that later updates in place do not reach, and that keeps no graph alive; None for what is no number.

    0.1 µs for a number, 0.6 for a tensor in main memory; of one elsewhere a copy, whose number is asked for later.
    """
    if type(value) is float:
        return value
    try:
        if not hasattr(value, "detach"):
            return value
        if value.numel() != 1:
            return None
        return value.item() if value.is_cpu else value.detach().clone()
    except Exception:  # whatever was given: the loop must not learn of it
        return None


def points(block: Block) -> tuple[ScalarPoint, ...]:
    """The block as points; a value that is no number is left out.

    >>> points(Block([(1, {"train_loss": 3.0}), (2, {"train_loss": 1.0})], whole=False))
    (ScalarPoint(name='train_loss', step=2, value=2.0, low=1.0, high=3.0, count=2, non_finite=0),)
    """
    series: dict[str, list[tuple[int, float]]] = {}
    for step, scalars in block.given:
        for name, value in scalars.items():
            number = _number(value)
            if number is not None:
                series.setdefault(name, []).append((step, number))
    groups = [
        (name, group)
        for name, found in series.items()
        for group in ([[one] for one in found] if block.whole else [found])
    ]
    return tuple(_point(name, group) for name, group in groups)


def _point(name: str, found: Sequence[tuple[int, float]]) -> ScalarPoint:
    finite = [value for _, value in found if math.isfinite(value)]
    lost = len(found) - len(finite)
    step = found[-1][0]
    if len(found) == 1:
        return ScalarPoint(name, step, finite[0] if finite else None, non_finite=lost)
    if not finite:
        return ScalarPoint(name, step, None, count=len(found), non_finite=lost)
    # Divided before they are added: a sum of large values may leave the range that their mean does not.
    mean = math.fsum(value / len(finite) for value in finite)
    return ScalarPoint(name, step, mean, min(finite), max(finite), len(found), lost)


def _number(value: Any) -> float | None:
    if isinstance(value, (str, bytes)):  # float("nan") is a number, and no loss that diverged
        return None
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except Exception:  # one odd value must not cost the frames that are stored with it
        return None
