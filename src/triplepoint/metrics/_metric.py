"""What a metric is: a pure function from records to one number, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Metric:
    """A named, documented function of records.

    The function's annotated parameters say which records it needs (`spectrum: Spectrum`, `fit: PowerLawFit` …);
    it returns a float, or None where the formula has no value.
    """

    function: Callable[..., float | None]
    unit: str
    """`1`, `λ`, `1/λ`, `log10 λ`, `ln λ`, `σ` (singular value), `w` (entry) or `count`."""
    valid: tuple[float | None, float | None]
    """Closed range of possible values; None is unbounded."""
    reference: str
    scale: float | str = 0.0
    """How W → c·W acts: value · c^scale, or `log`: value + 2·log10 c, or `other`."""
    weightwatcher: str | None = None
    """Column in WeightWatcher 0.7.7 where the name differs, with the difference if there is one."""
    misleads: str = ""
    """When the number should not be trusted."""
    needs_precise: bool = False
    """Single precision cannot resolve what this metric counts."""
    group: str = ""
    """The option that adds the metric to a scan: `tails`, `gof`, `randomize`, `null`; empty for those of every scan. A
    metric that is named is measured whatever its group."""
    examples: tuple[tuple[tuple[Any, ...], float], ...] = ()
    """((records …), value): known answers, checked for every metric."""

    @property
    def name(self) -> str:
        """The function's name is the metric's name."""
        return self.function.__name__

    @property
    def definition(self) -> str:
        """First paragraph of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n\n")[0]
