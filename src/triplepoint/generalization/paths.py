"""f_{w²}(1): the network with squared weights on one input of ones, in float64 on the CPU."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from triplepoint.generalization.batches import mapped
from triplepoint.generalization.outputs import call, logits_of
from triplepoint.generalization.path_mode import Escaped, PathMode, Unseen
from triplepoint.generalization.path_norms import Deviations, square
from triplepoint.generalization.path_rules import FIXED, TOKENS, VALUE, Kind
from triplepoint.records import PathNorm, Reason

BESIDE = ("mask", "type", "position")
"""Words in the names of inputs that are no tokens."""


def path_norm(
    model: torch.nn.Module,
    inputs: Any,
    deviations: Deviations,
    *,
    forward: Callable[..., Any] | None = None,
    legacy: bool = False,
) -> PathNorm | tuple[Reason, str]:
    """Sum of all outputs; or a reason, with the operation that no sum over paths describes.

    `inputs` are a batch of which one sample, and of tokens one, is made ones. Memory: the weights in float64, twice.
    """
    squared = copy.deepcopy(model).cpu().double()
    problem = square(squared, deviations, legacy=legacy)
    if problem is not None:
        return Reason.no_path_norm, problem
    mode = PathMode()
    ones, tokens = _ones(inputs, mode)
    if tokens:
        for name, buffer in squared.named_buffers():
            # Tables of positions, as the published code empties them; batch normalisation keeps its own squares.
            is_table = buffer.ndim > 1 and buffer.is_floating_point()
            if is_table and not name.endswith(("running_mean", "running_var")):
                buffer.zero_()
    try:
        with torch.device("cpu"), torch.no_grad(), Unseen(mode), mode:
            output = logits_of(call(squared, ones, forward))
    except Exception as error:
        return _failed(error)
    if not isinstance(output, torch.Tensor):
        return Reason.forward_failed, f"it returns a {type(output).__name__}"
    mark = mode.of(output)
    if mark.kind not in (Kind.value, Kind.last):
        return Reason.no_path_norm, mark.because or "the output does not depend on the input"
    total = float(output.sum())
    if not math.isfinite(total):
        is_finite = all(bool(torch.isfinite(p).all()) for p in model.parameters())
        return (Reason.overflow if is_finite else Reason.non_finite), "the sum over the outputs"
    return PathNorm(total) if total >= 0 else (Reason.no_path_norm, "an output is negative")


def _failed(error: Exception) -> tuple[Reason, str]:
    line = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, Escaped):
        return Reason.no_path_norm, line
    return Reason.forward_failed, f"{type(error).__name__}: {line}"


def _ones(inputs: Any, mode: PathMode) -> tuple[Any, bool]:
    """One sample of ones, or one token; and whether there are tokens."""
    found = False

    def one(tensor: torch.Tensor, name: str = "") -> torch.Tensor:
        nonlocal found
        beside = any(word in name for word in BESIDE)
        if tensor.is_floating_point() and not beside:
            return mode.mark(torch.ones_like(tensor[:1], dtype=torch.float64, device="cpu"), VALUE)
        single = tensor[:1, :1] if tensor.ndim > 1 else tensor[:1]
        single = single.detach().cpu().clone()
        if tensor.is_floating_point():
            single = single.double()
        is_token = not (beside or tensor.is_floating_point() or tensor.dtype == torch.bool)
        found = found or is_token
        return mode.mark(single, TOKENS if is_token else FIXED)

    if isinstance(inputs, Mapping):
        made = {k: one(v, str(k)) if isinstance(v, torch.Tensor) else v for k, v in inputs.items()}
        return made, found
    return mapped(inputs, one), found
