"""The loss of one batch as a tensor with its graph; `passes` has the same as a number."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import cross_entropy

from triplepoint.generalization.outputs import call, classified, logits_of
from triplepoint.generalization.passes import Pass


class NotDifferentiable(Exception):
    """The loss cannot be differentiated as often as is needed; the text says why."""


def summed_loss(
    model: torch.nn.Module, run: Pass, inputs: Any, targets: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """Σ of the loss over the samples or tokens of a batch that count, and how many they are."""
    output = call(model, inputs, run.forward)
    found = classified(output, targets, run.ignore_index)
    count = (targets.shape[0] if targets.ndim else 1) if found is None else len(found.targets)
    if run.loss is None:
        assert found is not None, "the pass that scores the network refuses it"
        return cross_entropy(found.logits, found.targets, reduction="sum"), count
    if count == 0:
        return torch.zeros(()), 0
    value = run.loss(logits_of(output), targets)
    if not isinstance(value, torch.Tensor):
        raise NotDifferentiable(f"loss returns a {type(value).__name__}, no tensor")
    return (value.sum() if value.ndim else value * count), count
