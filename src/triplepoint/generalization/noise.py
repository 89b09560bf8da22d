"""Gaussian noise in every parameter of a network, and its removal to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from triplepoint.generalization.private import stream

EPSILON = 1e-3
"""ε of the magnitude-aware noise, as published."""

# Draws are made on the CPU and sent to the network's device: the same numbers everywhere.
_CPU = torch.device("cpu")


class Noise:
    """The parameters of a copy with what they were: all floating ones, biases too, tied ones once.

    `relative`: standard deviation √(σ²w² + ε²) for the parameter w instead of σ. A draw is named by (seed, number) and
    scaled with σ, so that two σ see the same directions. The sum is formed in float32 at least and rounded once.
    `as_published`: the variance where the standard deviation belongs, σ² and σ²w² + ε².
    """

    def __init__(
        self,
        model: torch.nn.Module,
        seed: int,
        *,
        relative: bool,
        epsilon: float = EPSILON,
        as_published: bool = False,
    ) -> None:
        self._parameters = [p for p in model.parameters() if p.is_floating_point()]
        self._before = [p.detach().clone() for p in self._parameters]
        self._seed, self._relative, self._epsilon = seed, relative, epsilon
        self._as_published = as_published

    @contextmanager
    def added(self, draw: int, sigma: float) -> Iterator[None]:
        """The network with draw number `draw` at σ; afterwards exactly as it was."""
        generator = torch.Generator(_CPU).manual_seed(stream(self._seed, draw))
        try:
            with torch.no_grad():
                for parameter, before in zip(self._parameters, self._before, strict=True):
                    wide = torch.promote_types(before.dtype, torch.float32)
                    normal = torch.randn(before.shape, generator=generator, dtype=torch.float32, device=_CPU)
                    value = before.to(wide)
                    parameter.copy_(value + self._spread(value, sigma) * normal.to(value.device, wide))
            yield
        finally:
            self.remove()

    def remove(self) -> None:
        """Every parameter as it was."""
        with torch.no_grad():
            for parameter, before in zip(self._parameters, self._before, strict=True):
                parameter.copy_(before)

    def _spread(self, values: torch.Tensor, sigma: float) -> torch.Tensor | float:
        if not self._relative:
            return sigma**2 if self._as_published else sigma
        variance = sigma**2 * values**2 + self._epsilon**2
        return variance if self._as_published else variance.sqrt()
