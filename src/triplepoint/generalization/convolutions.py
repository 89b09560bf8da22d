"""Spectral norms of the counted tensors with convolutions as circular maps on inputs of the size they have.

The published code takes the size of the network's input for every layer, and every stride for 1 (`legacy`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from triplepoint.generalization.folding import given, wide
from triplepoint.generalization.weights import Weight, spectrum
from triplepoint.linalg.circular import circular_norm
from triplepoint.records import Reason

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(slots=True)
class Sizes:
    """Spatial sizes that convolutions saw while they were watched: their input, of transposed ones the output."""

    of: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def watch(self, model: nn.Module) -> Callable[[], None]:
        """Note the largest size of every convolution until the returned function is called."""
        handles = []
        for name, module in model.named_modules():
            if isinstance(module, CONVOLUTIONS + TRANSPOSED):
                handles.append(module.register_forward_hook(self._hook(name, module), with_kwargs=True))

        def stop() -> None:
            for handle in handles:
                handle.remove()

        return stop

    def _hook(self, name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: Any, named: Any, output: torch.Tensor) -> None:
            seen = output if isinstance(module, TRANSPOSED) else given(inputs, named)
            axes = module.weight.ndim - 2  # type: ignore[operator]
            size = tuple(seen.shape[-axes:])
            self.of[name] = max(size, self.of.get(name, size), key=math.prod)

        return hook


def circular_squares(
    weights: tuple[Weight, ...],
    before: tuple[Weight, ...] | None,
    sizes: Mapping[str, tuple[int, ...]],
    *,
    legacy: bool = False,
) -> tuple[float, ...] | tuple[Reason, str]:
    """‖W_i‖₂², or ‖W_i − W⁰_i‖₂² where `before` is given; the first reason with its tensor's name."""
    found = []
    for place, weight in enumerate(weights):
        values = wide(weight.parameter)
        if before is not None:
            values = values - wide(before[place].parameter)
        owner: Any = weight.owner
        if isinstance(owner, CONVOLUTIONS + TRANSPOSED) and weight.parameter is owner.weight:
            size = sizes.get(weight.name.rpartition(".")[0])
            if legacy and sizes:
                size = next(iter(sizes.values()))
            if size is None:
                return Reason.forward_failed, f"{weight.name}: this convolution does not run"
            if not bool(torch.isfinite(values).all()):
                return Reason.non_finite, weight.name
            how: dict[str, Any] = {"stride": owner.stride, "dilation": owner.dilation, "groups": owner.groups}
            found.append(circular_norm(values.numpy(), size, **({} if legacy else how)) ** 2)
        else:
            one = spectrum(values.reshape(values.shape[0] if values.ndim else 1, -1).numpy())
            if isinstance(one, Reason):
                return one, weight.name
            found.append(float(one.singular_values[0]) ** 2)
    return tuple(found)
