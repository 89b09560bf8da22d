"""The middle of a quadratic Bézier curve between two networks, trained so that the loss along the curve is small.

Garipov et al. 2018, arXiv 1802.10026: min over φ of E_t L(γ(t)), γ(t) = (1 − t)²θ₀ + 2t(1 − t)φ + t²θ₁, t uniform on
[0, 1], by stochastic gradients, ∂γ/∂φ = 2t(1 − t). Rate and momentum as in the published code: constant for half of the
steps, down to a hundredth on a line until nine tenths, then constant; no weight decay, and no dropout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from triplepoint.generalization.between import Between
from triplepoint.generalization.differentiable import NotDifferentiable, summed_loss
from triplepoint.generalization.passes import Pass
from triplepoint.generalization.private import stream
from triplepoint.records import CurveTraining

MOMENTUM = 0.9
KEY = 0x6375


def trained_middle(
    between: Between, run: Pass, *, steps: int, lr: float, seed: int
) -> tuple[list[torch.Tensor], CurveTraining]:
    """φ and how it was found. Cost: a forward and a backward pass of one batch a step. Memory: φ and its velocity."""
    start = between.middle()
    middle, velocity = [x.clone() for x in start], [torch.zeros_like(x) for x in start]
    drawn = torch.rand(steps, generator=torch.Generator().manual_seed(stream(KEY, seed)), dtype=torch.float64)
    losses: list[float] = []
    with between.by_batches(), run.private():
        for step, (inputs, targets) in zip(range(steps), _endlessly(run), strict=False):
            t = float(drawn[step])
            between.put(t, middle)
            loss, gradients = _gradients(between, run, inputs, targets)
            if not math.isfinite(loss):
                break
            losses.append(loss)
            rate = lr * _factor(step / steps)
            for x, v, g in zip(middle, velocity, gradients, strict=True):
                if g is not None:
                    v.mul_(MOMENTUM).add_(g.to(v.dtype), alpha=2 * t * (1 - t))
                x.sub_(v, alpha=rate)
    moved = sum(float((x - y).double().cpu().square().sum()) for x, y in zip(middle, start, strict=True))
    distance = moved**0.5 if math.isfinite(moved) else None
    return middle, CurveTraining(steps, lr, MOMENTUM, tuple(losses), distance)


def _gradients(
    between: Between, run: Pass, inputs: Any, targets: torch.Tensor
) -> tuple[float, tuple[torch.Tensor | None, ...]]:
    """The mean loss of the batch at the point where the network is, and its gradient there."""
    for parameter in between.parameters:
        parameter.requires_grad_(True)
    with torch.enable_grad():
        total, count = summed_loss(between.model, run, inputs, targets)
        if not total.requires_grad:
            raise NotDifferentiable(
                "the loss does not come from the parameters in steps that have a gradient"
            )
        gradients = torch.autograd.grad(total / count, between.parameters, allow_unused=True)
    return float(total.detach()) / count, gradients


def _endlessly(run: Pass) -> Iterator[tuple[Any, torch.Tensor]]:
    """Batches in which something counts, over and over; a `DataLoader` that shuffles gives another order each time."""
    while True:
        for inputs, targets in run.data:
            if bool((targets != run.ignore_index).any()):
                yield inputs, targets


def _factor(share: float) -> float:
    return min(1.0, max(0.01, 1.0 - 0.99 * (share - 0.5) / 0.4))
