"""What a metric is: a pure function from records to one number, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["shape", "scale", "hybrid"]
Polarity = Literal["lower", "higher"]
Need = Literal["init", "forward", "data"]


@dataclass(frozen=True, slots=True)
class Study:
    """Place among the 28 generalisation metrics of the NLP study (Yang et al. 2023, arXiv 2202.02842).

    Every one is oriented there so that less is better. What was seen is the median Spearman correlation along the
    epochs of one training, positive where less went with better; read off a figure, ± .02.
    """

    number: int
    """1 to 28."""
    name: str
    """Its name there."""
    quality: float
    """Seen with the quality on test data."""
    gap: float
    """Seen with the gap between training and test."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named, documented function of records.

    The function's annotated parameters say which records it needs (`spectrum: Spectrum`, `fit: PowerLawFit` …);
    it returns a float, or None where the formula has no value.
    """

    function: Callable[..., float | None]
    unit: str
    """`1`, `λ`, `1/λ`, `log10 λ`, `ln λ`, `σ` (singular value), `w` (entry), `w²` or `count`; along a run `y` (that of
    the trajectory), `y/step` or `step`."""
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
    """The option that adds the metric to a scan: `tails`, `vectors`, `gof`, `randomize`, `null` …; empty for those of
    every scan. A metric that is named is measured whatever its group."""
    examples: tuple[tuple[tuple[Any, ...], float], ...] = ()
    """((records …), value): known answers, checked for every metric."""
    kind: Kind | None = None
    """`shape` (of the spectrum), `scale` (its size) or `hybrid`; by default shape where W → c·W changes nothing."""
    polarity: Polarity | None = None
    """Which way is better by the publication that proposed it as a measure of quality; None where none did."""
    needs: tuple[Need, ...] = ()
    """Beside the weights: `init` (the weights before training), `forward` (the network, run without data), `data`."""
    total: bool = False
    """Of a whole model the sum over its matrices is published, not their mean."""
    study: Study | None = None
    level: Literal["matrix", "model", "trajectory"] = "matrix"
    """What one number is of."""

    def __post_init__(self) -> None:
        if self.kind is None:
            object.__setattr__(self, "kind", "shape" if self.scale == 0 else "scale")
        if self.polarity is None and self.study is not None:
            object.__setattr__(self, "polarity", "lower")

    @property
    def name(self) -> str:
        """The function's name is the metric's name."""
        return self.function.__name__

    @property
    def definition(self) -> str:
        """First paragraph of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n\n")[0]
