"""What `landscape` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from triplepoint.records import CurveTraining, PathLosses, Reason

SCHEMA = "triplepoint.landscape/1"


@dataclass(frozen=True, slots=True, repr=False)
class Landscape:
    """How far apart two networks are, how alike they answer, and what the loss does between them."""

    l2_distance: float | None
    """‖θ₁ − θ₀‖ over all parameters, in w; None where it is not finite."""
    l2_per_parameter: float | None
    """‖θ₁ − θ₀‖/√P: how far a parameter is on average, root mean square."""
    num_parameters: int
    """P, tied ones once."""
    output_cka: float | None
    """Linear CKA of the outputs on the data, 0 to 1."""
    mixup_cka: float | None
    """The same on mixtures of samples, as published; None where inputs are indices."""
    cka_rows: int
    """Samples or tokens in `output_cka`."""
    linear: PathLosses
    """On the straight line."""
    curve: PathLosses | None
    """On a trained curve; None where it was not asked for or could not be had."""
    training: CurveTraining | None
    """How the curve was found."""
    status: Mapping[str, Reason]
    """Why, for each number that is None."""
    notes: Mapping[str, str]
    """What completes a reason."""
    renormalized: tuple[str, ...]
    """Names of the batch normalisations whose statistics were estimated at every point of a path."""
    seed: int
    settings: Mapping[str, Any]

    @property
    def mode_connectivity(self) -> float | None:
        """½(L₀ + L₁) − L(γ(t*)) on the path that was asked for; None where there is none."""
        path = self.curve if self.settings["path"] == "curve" else self.linear
        return None if path is None else path.mode_connectivity

    def to_dict(self) -> dict[str, Any]:
        """In plain JSON types."""
        return {
            "schema": SCHEMA,
            "mode_connectivity": self.mode_connectivity,
            **asdict(self),
            "status": {name: reason.value for name, reason in self.status.items()},
        }

    def __repr__(self) -> str:
        shown = (
            ("mode_connectivity", self.mode_connectivity),
            ("output_cka", self.output_cka),
            ("mixup_cka", self.mixup_cka),
            ("l2_distance", self.l2_distance),
        )
        parts = (f"{name}={'None' if value is None else format(value, '.4g')}" for name, value in shown)
        return f"Landscape({', '.join(parts)})"
