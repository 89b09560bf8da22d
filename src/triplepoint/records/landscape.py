"""What is known of the loss around a network, and along a path between two of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hessian:
    """H (P, P): second derivatives of the mean loss over the data by all trainable parameters as a vector; loss/w²."""

    num_parameters: int
    """P, tied ones once."""
    top: float
    """vᵀHv of the unit vector v that was found for the largest eigenvalue: signed, and never above λ_max."""
    residual: float
    """‖Hv − top·v‖: an eigenvalue lies this near to `top`."""
    steps: int
    """Of Lanczos; k."""
    converged: bool
    """The residual is within the tolerance; else λ_max may be larger."""
    trace: float
    """tr H, signed."""
    trace_error: float | None
    """Its standard error over the probes, 0 where k = P; None for a single probe."""
    probes: int
    """0 where k = P."""
    products: int
    """Hessian–vector products, each a pass over the data forward and twice backward."""


@dataclass(frozen=True, slots=True)
class TopCurvature:
    """A λ_max of the Hessian that has a logarithm."""

    value: float


@dataclass(frozen=True, slots=True)
class TotalCurvature:
    """A trace of the Hessian that has a logarithm."""

    value: float


@dataclass(frozen=True, slots=True)
class PathLosses:
    """The loss on a path γ from one network, t = 0, to another, t = 1."""

    kind: str
    """`linear`: (1 − t)θ₀ + tθ₁. `curve`: (1 − t)²θ₀ + 2t(1 − t)φ + t²θ₁."""
    t: tuple[float, ...]
    losses: tuple[float | None, ...]
    """L(γ(t)), mean over the data; None where it is not finite."""
    accuracies: tuple[float, ...] | None
    """None where the data are no classification."""
    mode_connectivity: float | None
    """½(L₀ + L₁) − L(γ(t*)): below 0 a barrier lies between the two; None where a loss is not finite."""
    t_star: float | None
    """Where on the grid |½(L₀ + L₁) − L(γ(t))| is largest, the first of equals."""


@dataclass(frozen=True, slots=True)
class CurveTraining:
    """How φ, the middle of a curve, was found: SGD from ½(θ₀ + θ₁), one uniform t and one batch a step."""

    steps: int
    lr: float
    momentum: float
    losses: tuple[float, ...]
    """(steps,) of the batch at γ(t) before each step; shorter where one is not finite and the training stopped."""
    distance: float | None
    """‖φ − ½(θ₀ + θ₁)‖; None where it is not finite."""
