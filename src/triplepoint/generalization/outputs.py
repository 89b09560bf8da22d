"""From what a network returns to logits of samples or tokens, their loss and their margins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from triplepoint.errors import UsageError


@dataclass(frozen=True, slots=True)
class Classified:
    """Logits (n, classes) and class indices (n,) of the samples or tokens that count."""

    logits: torch.Tensor
    targets: torch.Tensor


def call(model: torch.nn.Module, inputs: Any, forward: Callable[..., Any] | None) -> Any:
    """The network's answer: a dict goes in by names, a tuple or list by places."""
    if forward is not None:
        return forward(model, inputs)
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def logits_of(output: Any) -> Any:
    """The tensor that is meant: itself, `.logits`, `["logits"]` or the first of several; else the output."""
    if isinstance(output, torch.Tensor):
        return output
    found = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if found is None and isinstance(output, tuple | list) and output:
        found = output[0]
    return output if found is None else found


def classified(output: Any, targets: torch.Tensor, ignore_index: int) -> Classified | None:
    """Samples or tokens in rows; None where this is no classification.

    The classes are the last axis, (…, V) for targets (…); where that does not fit the second, as in (B, V, H, W).
    """
    logits = logits_of(output)
    if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
        return None
    if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
        return None
    if logits.shape[:-1] != targets.shape:
        if logits.ndim < 2 or logits.shape[:1] + logits.shape[2:] != targets.shape:
            return None
        logits = logits.movedim(1, -1)
    rows, labels = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1).long()
    kept = labels != ignore_index
    rows, labels = rows[kept].float(), labels[kept]
    if labels.numel() and not (int(labels.min()) >= 0 and int(labels.max()) < rows.shape[1]):
        found = f"targets from {int(labels.min())} to {int(labels.max())} with {rows.shape[1]} logits"
        raise UsageError("generalization_metrics", found, "Give class indices, and ignore_index for the rest")
    return Classified(rows, labels)


def loss_sum(found: Classified) -> float:
    """Σ of the cross-entropy, nats."""
    return float(cross_entropy(found.logits, found.targets, reduction="none").cpu().double().sum())


def right_count(found: Classified) -> int:
    """How many have their largest logit at the right class."""
    return int((found.logits.argmax(dim=1) == found.targets).sum())


def margins_of(found: Classified) -> torch.Tensor:
    """(n,) logit of the right class less the largest other."""
    place = found.targets[:, None]
    right = found.logits.gather(1, place)[:, 0]
    others = found.logits.scatter(1, place, -torch.inf)
    return right - others.amax(dim=1)
