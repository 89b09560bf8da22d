"""What normalisations are among squared weights. Each is one function that `path_mode` knows by its name.

A normalisation divides by a deviation that is no weight. Batch normalisation has a running one and is the affine map
that it is in evaluation. Layer normalisation has one for every token: here it is frozen at the root of its mean square
over the data, as batch normalisation freezes its own. Its linear map g ⊙ (x − mean(x))/s has the entries
g_i(δ_ij − 1/n)/s, and they are squared one by one: the diagonal (1 − 1/n)²g²/s², all others g²/(n s)².
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import handle_torch_function, has_torch_function_unary

from triplepoint.generalization.folding import given, scale_and_shift

LAYER_NORMS: tuple[type[nn.Module], ...] = (nn.LayerNorm, nn.RMSNorm)


class Deviations:
    """Mean over tokens of the squared deviation (with ε) of every layer normalisation, while it is watched."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def watch(self, model: nn.Module) -> Callable[[], None]:
        """Note deviations until the returned function is called."""
        handles = [
            module.register_forward_pre_hook(self._hook(name), with_kwargs=True)
            for name, module in model.named_modules()
            if isinstance(module, LAYER_NORMS)
        ]

        def stop() -> None:
            for handle in handles:
                handle.remove()

        return stop

    def _hook(self, name: str) -> Callable[..., None]:
        def hook(module: Any, inputs: Any, named: Any) -> None:
            seen = given(inputs, named).detach()
            if seen.is_nested:  # of sentences without their padding, as torch's own encoder makes them
                seen = torch.cat(seen.unbind())
            wide = seen.to(torch.float32).flatten(-len(module.normalized_shape))
            centred = wide if isinstance(module, nn.RMSNorm) else wide - wide.mean(dim=-1, keepdim=True)
            squares = centred.square().mean(dim=-1)
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + float(squares.sum()), count + squares.numel()

        return hook

    def of(self, name: str, module: Any) -> float | None:
        """s² of this module; None where it never ran."""
        total, count = self._sums.get(name, (0.0, 0))
        eps = module.eps if module.eps is not None else torch.finfo(torch.float32).eps
        return total / count + eps if count else None


def frozen_norm(
    input: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor | None, sides: int, *, centred: bool
) -> torch.Tensor:
    """Layer normalisation at a frozen deviation; `gain` is g²/s², `shift` b², over the last `sides` axes."""
    if has_torch_function_unary(input):
        out: torch.Tensor = handle_torch_function(
            frozen_norm, (input,), input, gain, shift, sides, centred=centred
        )
        return out
    out = input
    if centred:
        axes = tuple(range(-sides, 0))
        n = input.shape[-sides:].numel()
        # Both terms are sums of what is not negative: no cancellation.
        others = (input.sum(dim=axes, keepdim=True) - input).clamp_min(0.0)
        out = input * (1.0 - 1.0 / n) ** 2 + others / n**2
    out = out * gain
    return out if shift is None else out + shift


def published_norm(
    input: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
) -> torch.Tensor:
    """The layer normalisation of the published path norm: (x + mean²)/(var + ε)·w² + b², var of the squared network."""
    if has_torch_function_unary(input):
        out: torch.Tensor = handle_torch_function(published_norm, (input,), input, weight, bias, eps)
        return out
    mean = input.mean(dim=-1, keepdim=True)
    out = (input + mean.square()) / ((input - mean).square().mean(dim=-1, keepdim=True) + eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def standing_norm(input: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Batch normalisation that could not be folded: s²·x + t²."""
    if has_torch_function_unary(input):
        out: torch.Tensor = handle_torch_function(standing_norm, (input,), input, gain, shift)
        return out
    sides = [1] * (input.ndim - 2)
    return input * gain.view(-1, *sides) + shift.view(-1, *sides)


def square(model: nn.Module, deviations: Deviations, *, legacy: bool) -> str | None:
    """Square all weights of a float64 copy in place and teach its normalisations; else why it cannot be done.

    Modules keep their attributes and get another `forward`.
    """
    replaced: list[tuple[Any, Callable[..., torch.Tensor]]] = []
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            if module.running_mean is None:
                return f"{name}: batch normalisation without running statistics"
            gain, shift = scale_and_shift(module)
            replaced.append((module, partial(standing_norm, gain=gain.square(), shift=shift.square())))
        elif isinstance(module, LAYER_NORMS):
            found: Any = module
            bias = getattr(found, "bias", None)
            squared = [None if p is None else p.detach().square() for p in (found.weight, bias)]
            if legacy and isinstance(module, nn.LayerNorm):
                replaced.append(
                    (module, partial(published_norm, weight=squared[0], bias=squared[1], eps=found.eps))
                )
                continue
            deviation = deviations.of(name, module)
            if deviation is None:
                return f"{name}: this normalisation did not run on the data"
            gain = torch.ones(found.normalized_shape, dtype=torch.float64, device="cpu") / deviation
            gain = gain if squared[0] is None else gain * squared[0]
            sides, centred = len(found.normalized_shape), isinstance(module, nn.LayerNorm)
            frozen = partial(frozen_norm, gain=gain, shift=squared[1], sides=sides, centred=centred)
            replaced.append((module, frozen))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.square_()
    for module, forward in replaced:
        module.forward = forward
    return None
