"""What is known of a whole network: norms of its weights, margins, and how much noise its weights bear.

The weights are the tensors that the study counts (see `generalization.weights`): no biases, batch normalisation folded
into the layer before it, everything with more than one axis as the matrix (first axis, all others).
"""

from __future__ import annotations

from dataclasses import dataclass

from triplepoint.records.initial import InitialDistance


@dataclass(frozen=True, slots=True)
class WeightNorms:
    """Squared norms of every counted tensor; D of them."""

    names: tuple[str, ...]
    spectral: tuple[float, ...]
    """‖W_i‖₂², in w²."""
    frobenius: tuple[float, ...]
    """‖W_i‖_F², in w²."""
    num_weights: int
    """ω, entries of all of them."""


@dataclass(frozen=True, slots=True)
class WeightDistances:
    """W_i − W⁰_i, in the order of `WeightNorms`."""

    layers: tuple[InitialDistance, ...]

    @property
    def squared(self) -> float:
        """‖w − w⁰‖² of all weights as one vector."""
        return sum(layer.frobenius for layer in self.layers)


@dataclass(frozen=True, slots=True)
class CircularNorms:
    """‖·‖₂² where a convolution is taken as the linear map it is on a torus of its input's size; else as stored."""

    spectral: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CircularDistances:
    """The same of W_i − W⁰_i."""

    spectral: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Margins:
    """Logit of the right class less the largest other, over samples or tokens."""

    gamma: float
    """γ, their `quantile`; never interpolated. Logit units."""
    quantile: float
    count: int
    negative: float
    """Share that is not positive: samples that are classified wrongly."""


@dataclass(frozen=True, slots=True)
class PositiveMargin:
    """A γ that can be divided by."""

    gamma: float


@dataclass(frozen=True, slots=True)
class PathNorm:
    """Sum over the outputs of the network with squared weights on an input of ones."""

    value: float


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest standard deviation of Gaussian weight noise for which the loss rises by no more than `target`."""

    sigma: float
    upper: float
    """The least that was tried and was too much; the limit of the search where nothing was."""
    limit: float
    at_limit: bool
    """σ is the limit, and the true one is larger."""
    target: float
    criterion: str
    """`loss` (nats, or the units of a loss of one's own) or `accuracy` (share)."""
    increase: float | None
    """Mean rise at σ, over the draws; None where it is not finite, at which the published search may end."""
    increase_error: float | None
    """Its standard error over the draws; None for a single one."""
    sigma_error: float | None
    """Standard error of σ from that of the rise and the slope; None where the slope is not known."""
    draws: int
    evaluations: int
    """Passes over the data."""


@dataclass(frozen=True, slots=True)
class AbsoluteTolerance:
    """Noise of one standard deviation σ for every parameter."""

    tolerance: Tolerance

    @property
    def sigma(self) -> float:
        """σ, in w."""
        return self.tolerance.sigma


@dataclass(frozen=True, slots=True)
class MagnitudeTolerance:
    """Noise of standard deviation √(σ'²w² + ε²) for the parameter w."""

    tolerance: Tolerance
    epsilon: float

    @property
    def sigma(self) -> float:
        """σ', a share of the parameter's own size."""
        return self.tolerance.sigma


@dataclass(frozen=True, slots=True)
class MagnitudeSum:
    """Σ_j ln(ε² + σ'²(w_j − w⁰_j)²) over all ω weights, at the σ' of the `MagnitudeTolerance`."""

    log_sum: float


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Size of the training set."""

    m: int
