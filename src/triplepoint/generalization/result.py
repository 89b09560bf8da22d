"""What `generalization_metrics` returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from triplepoint.errors import UsageError
from triplepoint.generalization import scaling
from triplepoint.records import Hessian, Margins, Reason, Tolerance

SCHEMA = "triplepoint.generalization/1"


@dataclass(frozen=True, slots=True)
class GeneralizationMetrics:
    """One number a metric, or the reason why there is none, with what they were computed from."""

    values: Mapping[str, float | None]
    status: Mapping[str, Reason]
    """Why, for each that is None."""
    notes: Mapping[str, str]
    """What completes a reason (a name, an operation) or must be known of a number (σ is the limit of the search)."""
    m: int
    """Size of the training set that the formulas took."""
    seed: int
    settings: Mapping[str, Any]
    normalized_by_m: bool = False
    loss: float | None = None
    """Mean on the data, unperturbed: nats, or the units of the caller's loss."""
    accuracy: float | None = None
    margins: Margins | None = None
    absolute: Tolerance | None = None
    """The search for σ; None where no metric asked or it failed."""
    magnitude: Tolerance | None = None
    """The search for σ'."""
    hessian: Hessian | None = None
    """Signed λ_max and trace with their errors; None where no metric asked or it could not be had."""
    weights: tuple[str, ...] = ()
    """Names of the counted tensors."""
    folded: tuple[str, ...] = ()
    """Names of the batch normalisations that were folded into the layer before."""
    matrices: Mapping[str, int] = field(default_factory=dict)
    """Over how many matrices the means of spectral metrics are."""

    def __getitem__(self, name: str) -> float | None:
        """The value of a metric."""
        if name not in self.values:
            raise UsageError(f"metric {name!r}", "not among those that were computed", "See .values")
        return self.values[name]

    def __repr__(self) -> str:
        """In one line how many numbers there are, and what the noise, the margin and the size of the data were."""
        known = sum(value is not None for value in self.values.values())
        parts = {
            "σ": self.absolute and self.absolute.sigma,
            "σ'": self.magnitude and self.magnitude.sigma,
            "γ": self.margins and self.margins.gamma,
        }
        shown = [f"{name} = {value:.4g}" for name, value in parts.items() if value is not None]
        count = f"{known} of {len(self.values)} metrics have values"
        return f"<{type(self).__name__}: {', '.join((count, *shown, f'm = {self.m}'))}>"

    def __iter__(self) -> Iterator[str]:
        """Names of the metrics."""
        return iter(self.values)

    def normalized(self) -> GeneralizationMetrics:
        """As published, scaled by the size of the training set: ½(v − ln m) for `log_…`, √(v/m) for the others."""
        if self.normalized_by_m:
            return self
        values, status = dict(self.values), dict(self.status)
        for name, value in self.values.items():
            if value is not None:
                values[name] = scaling.normalized(name, value, self.m)
                if values[name] is None:
                    status[name] = Reason.undefined
        return replace(self, values=values, status=status, normalized_by_m=True)

    def restored(self) -> GeneralizationMetrics:
        """The inverse of `normalized`; what had no root stays without a value."""
        if not self.normalized_by_m:
            return self
        values = {
            name: None if value is None else scaling.restored(name, value, self.m)
            for name, value in self.values.items()
        }
        return replace(self, values=values, normalized_by_m=False)

    def to_dict(self) -> dict[str, Any]:
        """In plain JSON types."""
        plain = {key: getattr(self, key) for key in ("m", "seed", "normalized_by_m", "loss", "accuracy")}
        records = {
            key: None if record is None else asdict(record)
            for key, record in (
                ("margins", self.margins),
                ("absolute", self.absolute),
                ("magnitude", self.magnitude),
                ("hessian", self.hessian),
            )
        }
        return {
            "schema": SCHEMA,
            "values": dict(self.values),
            "status": {name: reason.value for name, reason in self.status.items()},
            "notes": dict(self.notes),
            **plain,
            "settings": dict(self.settings),
            **records,
            "weights": list(self.weights),
            "folded": list(self.folded),
            "matrices": dict(self.matrices),
        }
