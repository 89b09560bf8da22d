"""The network is copied before anything is done with it, so the caller's weights, mode and hooks cannot change.

A copy costs the memory of the weights once more, as clones to restore from would; but nothing needs restoring, whatever
stops the computation.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from triplepoint.errors import UsageError


def evaluation_copy(model: Any) -> torch.nn.Module:
    """A deep copy in evaluation mode, without gradients."""
    if not isinstance(model, torch.nn.Module):
        found = f"a model of type {type(model).__name__}"
        raise UsageError("generalization_metrics", found, "Pass a torch.nn.Module")
    try:
        copied = copy.deepcopy(model)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        found = f"the model cannot be copied ({type(error).__name__}: {line})"
        raise UsageError("generalization_metrics", found, "Pass the bare module, unwrapped") from error
    return copied.eval().requires_grad_(False)


def device_of(model: torch.nn.Module) -> torch.device:
    """Where the weights are; inputs are sent there."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    raise UsageError("generalization_metrics", "a model without parameters", "Pass one that has weights")
