"""The network is copied before anything is done with it, so the caller's weights, mode and hooks cannot change.

A copy costs the memory of the weights once more, as clones to restore from would; but nothing needs restoring, whatever
stops the computation.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from triplepoint.errors import UsageError


def evaluation_copy(model: Any) -> torch.nn.Module:
    """A deep copy in evaluation mode, without gradients, with the weights that its layers multiply with."""
    return effective(faithful_copy(model))


def faithful_copy(model: Any) -> torch.nn.Module:
    """The same with its parametrisations, and without the wrapper of `torch.compile`, under which no hook is called."""
    if not isinstance(model, torch.nn.Module):
        found = f"a model of type {type(model).__name__}"
        raise UsageError("generalization_metrics", found, "Pass a torch.nn.Module")
    if isinstance(model, torch.jit.ScriptModule):
        raise UsageError("generalization_metrics", "a TorchScript module", "Pass the module it was made of")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise UsageError(
                "generalization_metrics", f"no values in {name} yet", "Run the model once before"
            )
        if tensor.is_meta:
            found = f"no values in {name}: it is on the meta device"
            raise UsageError("generalization_metrics", found, "Load the weights first")
    for name, module in model.named_modules():
        small = [p for p in module.parameters(recurse=False) if p.dtype in {torch.int8, torch.uint8}]
        if small or hasattr(module, "_packed_params"):
            found = f"quantised weights in {name or type(module).__name__}"
            raise UsageError("generalization_metrics", found, "Pass the network before quantisation")
    try:
        copied = copy.deepcopy(_uncompiled(model), _results(model))
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        found = f"the model cannot be copied ({type(error).__name__}: {line})"
        raise UsageError("generalization_metrics", found, "Pass the bare module, unwrapped") from error
    for module in list(copied.modules()):
        for key, child in list(module.named_children()):
            if _uncompiled(child) is not child:
                setattr(module, key, _uncompiled(child))
    return copied.eval().requires_grad_(False)


def _uncompiled(module: torch.nn.Module) -> torch.nn.Module:
    inner = getattr(module, "_orig_mod", None)
    return inner if isinstance(inner, torch.nn.Module) else module


def _results(model: torch.nn.Module) -> dict[int, Any]:
    """Copies of what a forward pass with gradients left in attributes: deepcopy refuses them."""
    return {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, torch.Tensor) and not value.is_leaf
    }


def effective(model: torch.nn.Module) -> torch.nn.Module:
    """Weights that are computed of others (weight and spectral normalisation, pruning masks) become weights, in place.

    The direction of a weight normalisation has a length that the network does not see.
    """
    with torch.no_grad():
        for module in list(model.modules()):
            if parametrize.is_parametrized(module):
                _settle(module)
            for hook in list(module._forward_pre_hooks.values()):
                if isinstance(hook, WeightNorm):
                    remove_weight_norm(module, hook.name)
                elif isinstance(hook, SpectralNorm):
                    remove_spectral_norm(module, hook.name)
                elif isinstance(hook, prune.BasePruningMethod):
                    prune.remove(module, hook._tensor_name)  # type: ignore[no-untyped-call]
    return model.requires_grad_(False)


def _settle(module: Any) -> None:
    """Values in place of parametrisations. Not by torch's function: it changes the class, which the original shares."""
    values = {key: getattr(module, key) for key in module.parametrizations}
    module.__class__ = type(module).__bases__[0]
    del module._modules["parametrizations"]
    for key, value in values.items():
        module.register_parameter(key, torch.nn.Parameter(value.detach().clone(), requires_grad=False))


def device_of(model: torch.nn.Module) -> torch.device:
    """Where the weights are; inputs are sent there."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    raise UsageError("generalization_metrics", "a model without parameters", "Pass one that has weights")
