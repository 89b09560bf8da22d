"""What was asked of `generalization_metrics`, checked, with the defaults that depend on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triplepoint import asked
from triplepoint.errors import UsageError
from triplepoint.metrics import METRICS, MODEL_METRICS, STUDY

if TYPE_CHECKING:
    from triplepoint.generalization.passes import Scores

CRITERIA = ("loss", "accuracy")
TARGETS = {"loss": 0.5, "accuracy": 0.1}
"""Published rises: 0.5 nats for sequences (arXiv 2202.02842), 0.1 of accuracy for images (arXiv 2010.11924)."""
LIMIT = 2.0
LEGACY_LIMIT = 0.2
"""Of the absolute σ with the loss of sequences, as published."""
WINDOWS_AND_BULKS = {False: ("intended", "quantiles"), True: ("legacy", "kde")}
"""By `legacy`, for the means of the metrics of matrices: the peak window of the tails, the fit of the bulk."""

SPECTRAL = tuple(m.name for m in STUDY.values() if m.level == "matrix" and not m.total)
"""Those of the 28 that are means over the matrices of a scan."""
TOTALS = tuple(name for name, metric in METRICS.items() if metric.total)
"""Those that are sums over the counted tensors."""
MEANS = ("w_cka",)
"""Means over the counted tensors."""
NAMES = tuple(dict.fromkeys((*(m.name for m in STUDY.values()), *MEANS, *MODEL_METRICS)))
"""The 28 in the order of the study, then the extras."""
DEFAULT = tuple(name for name in NAMES if not (name in MODEL_METRICS and MODEL_METRICS[name].group))
"""Those of every call; the others are measured when they are named."""


@dataclass(frozen=True, slots=True)
class Request:
    """Settings; those of them that are plain values are part of the result."""

    metrics: tuple[str, ...] | None = None
    criterion: str | None = None
    target: float | None = None
    limit: float | None = None
    draws: int = 10
    depth: int = 15
    margin_quantile: float = 0.1
    m: int | None = None
    ignore_index: int = -100
    legacy: bool = False
    seed: int = 0
    loss: Callable[..., Any] | None = None
    forward: Callable[..., Any] | None = None
    path_input: Any = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for name in self.wanted:
            asked.word("metric", name, NAMES)
        if self.criterion is not None:
            asked.word("criterion", self.criterion, CRITERIA)
        plain: dict[str, Any] = {
            "draws": asked.whole("draws", self.draws, 1),
            "depth": asked.whole("depth", self.depth, 1, 60),
            "margin_quantile": asked.real("margin_quantile", self.margin_quantile, 0.0, 1.0, "0.1"),
            "ignore_index": asked.whole("ignore_index", self.ignore_index, -(2**62)),
            "seed": asked.whole("seed", self.seed, 0, 2**31),
        }
        if self.target is not None:
            plain["target"] = asked.real("target", self.target, 1e-12, 1e12, "0.5 (loss) or 0.1 (accuracy)")
        if self.limit is not None:
            plain["limit"] = asked.real("limit", self.limit, 1e-12, 1e12, "2.0")
        if self.m is not None:
            plain["m"] = asked.whole("m", self.m, 1)
        for name, value in plain.items():
            object.__setattr__(self, name, value)  # Python's numbers, where NumPy's were given
        asked.flag("legacy", self.legacy)
        if self.workers is not None:
            asked.whole("workers", self.workers, 1)
        for name in ("loss", "forward"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise UsageError(name, f"a {type(getattr(self, name)).__name__}", "Pass a function")

    @property
    def wanted(self) -> tuple[str, ...]:
        """Our names of what was asked, of the study's names too, or those of every call."""
        asked_for = DEFAULT if self.metrics is None else self.metrics
        return tuple(dict.fromkeys(STUDY[name].name if name in STUDY else name for name in asked_for))

    def criterion_of(self, scores: Scores) -> str:
        """As asked; else accuracy for single samples, the loss for sequences and for a loss of the caller's."""
        if self.criterion is not None:
            return self.criterion
        single = scores.tokens == scores.samples and scores.accuracy is not None and self.loss is None
        return "accuracy" if single else "loss"

    def target_of(self, criterion: str) -> float:
        """The rise that is borne."""
        return TARGETS[criterion] if self.target is None else float(self.target)

    def limit_of(self, criterion: str, *, magnitude: bool) -> float:
        """Where the search begins."""
        if self.limit is not None:
            return float(self.limit)
        return LEGACY_LIMIT if self.legacy and criterion == "loss" and not magnitude else LIMIT

    def settings(self) -> dict[str, Any]:
        """Plain values, as given."""
        kept = ("draws", "depth", "margin_quantile", "ignore_index", "legacy", "criterion", "target", "limit")
        own = {name: getattr(self, name) is not None for name in ("loss", "forward", "path_input")}
        return {**{name: getattr(self, name) for name in kept}, **{f"own_{k}": v for k, v in own.items()}}
