"""Batch normalisation folded into the layer before it: W' = s·W, b' = s·(b − μ) + β with s = γ/√(v + ε).

Which layer that is shows when the network runs: the one whose output, the very tensor, goes into the normalisation. The
published code takes the convolution that was registered last, which in a DenseNet is another one. A folded network must
answer as before; a layer with which it does not (its output feeds something else as well) is left as it is.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

FOLDED_INTO = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
TOLERANCE = 1e-3
"""Of the largest output: float32 rounding of a folded network is some 1e-6 of it, a wrong fold of the order of 1."""
ROUNDINGS = 16
"""Of the coarsest type among the weights, where that is more: bfloat16 is at some 3e-2."""

Pairs = tuple[tuple[str, str], ...]
Answer = Callable[[nn.Module], torch.Tensor]


def foldable(model: nn.Module, answer: Answer) -> Pairs:
    """(layer, normalisation) by name, in a network that is run once by `answer`."""
    layers = {name: m for name, m in model.named_modules() if isinstance(m, FOLDED_INTO)}
    norms = {name: m for name, m in model.named_modules() if isinstance(m, _BatchNorm)}
    if not norms:
        return ()
    owners = Counter(id(p) for m in model.modules() for p in m.parameters(recurse=False))
    made: dict[int, list[str]] = {}
    kept: list[torch.Tensor] = []  # so that no identity is used twice
    eaten: list[tuple[str, int]] = []
    runs: Counter[str] = Counter()

    def produced(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            runs[name] += 1
            kept.append(output)
            made.setdefault(id(output), []).append(name)

        return hook

    def consumed(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: Any, named: Any) -> None:
            runs[name] += 1
            kept.append(given(inputs, named))
            eaten.append((name, id(kept[-1])))

        return hook

    handles = [m.register_forward_hook(produced(name)) for name, m in layers.items()]
    handles += [m.register_forward_pre_hook(consumed(name), with_kwargs=True) for name, m in norms.items()]
    try:
        answer(model)
    finally:
        for handle in handles:
            handle.remove()
    pairs = []
    for name, key in eaten:
        for layer in made.get(key, ()):
            once = runs[layer] == runs[name] == 1 and owners[id(layers[layer].weight)] == 1
            if once and _fits(layers[layer], norms[name]):
                pairs.append((layer, name))
    return tuple(pairs)


def _fits(layer: nn.Module, norm: _BatchNorm) -> bool:
    weight = layer.weight
    return (
        norm.running_mean is not None
        and isinstance(weight, torch.Tensor)
        and weight.shape[0] == norm.num_features
        and not (isinstance(layer, nn.Linear) and not isinstance(norm, nn.BatchNorm1d))
    )


@torch.no_grad()
def folded(model: nn.Module, pairs: Pairs) -> nn.Module:
    """A copy with these normalisations inside their layers, each replaced by the identity."""
    result = copy.deepcopy(model)
    for layer_name, norm_name in pairs:
        layer: Any = result.get_submodule(layer_name)
        norm: Any = result.get_submodule(norm_name)
        gain, shift = scale_and_shift(norm)
        kind, place = layer.weight.dtype, layer.weight.device
        weight = wide(layer.weight) * gain.view(-1, *[1] * (layer.weight.ndim - 1))
        bias = shift if layer.bias is None else shift + gain * wide(layer.bias)
        layer.weight = nn.Parameter(weight.to(kind).to(place), requires_grad=False)
        layer.bias = nn.Parameter(bias.to(kind).to(place), requires_grad=False)
        parent, _, key = norm_name.rpartition(".")
        setattr(result.get_submodule(parent), key, nn.Identity())
    return result


def scale_and_shift(norm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """A normalisation with running statistics as x → s·x + t, float64, one number a channel."""
    gain = (wide(norm.running_var) + norm.eps).rsqrt()
    if norm.weight is not None:
        gain = gain * wide(norm.weight)
    shift = -gain * wide(norm.running_mean)
    return gain, shift if norm.bias is None else shift + wide(norm.bias)


def given(inputs: tuple[torch.Tensor, ...], named: dict[str, torch.Tensor]) -> torch.Tensor:
    """What a layer of one input was called with, by place or by name."""
    return (*inputs, *named.values())[0]


def wide(tensor: torch.Tensor) -> torch.Tensor:
    """In float64 on the CPU: not every device has it."""
    return tensor.detach().cpu().double()


def fold(model: nn.Module, answer: Answer) -> tuple[nn.Module, Pairs]:
    """The folded network and what was folded, or the network itself where nothing can be.

    Cost: three passes of `answer`; where not all can be folded, a copy and a pass for each.
    """
    pairs = foldable(model, answer)
    if not pairs:
        return model, ()
    before = answer(model)
    if before.numel() == 0:  # an answer that is no tensor cannot be compared
        return model, ()
    types = {p.dtype for p in model.parameters() if p.is_floating_point()}
    tolerance = max(TOLERANCE, *(ROUNDINGS * torch.finfo(one).eps for one in types)) * float(
        before.abs().max()
    )

    def holds(some: Pairs) -> bool:
        after = answer(folded(model, some))
        return before.shape == after.shape and not float((before - after).abs().max()) > tolerance

    if not holds(pairs):
        pairs = tuple(pair for pair in pairs if holds((pair,)))
        if not pairs or not holds(pairs):
            return model, ()
    return folded(model, pairs), pairs
