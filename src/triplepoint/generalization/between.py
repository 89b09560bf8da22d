"""A network that stands where it is put on a path between two others of its architecture.

Parameters and floating buffers move; the running statistics of batch normalisation are then estimated on the data, at
every point and so at the ends too: those of a point between two networks are not between theirs, and a loss with them
says nothing about the weights (Garipov et al. 2018, arXiv 1802.10026).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from triplepoint.errors import UsageError
from triplepoint.generalization.outputs import call
from triplepoint.generalization.passes import Pass


class Between:
    """Two networks and a third, `model`, that is moved. Memory: the third; the ends are used as they are."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        self.model = copy.deepcopy(first)
        self.parameters = [p for p in self.model.parameters() if p.is_floating_point()]
        self._ends = [_floating(net.parameters()) for net in (first, second)]
        self._buffers = _floating(self.model.buffers())
        self._buffer_ends = [_floating(net.buffers()) for net in (first, second)]
        self.norms = {
            name: module
            for name, module in self.model.named_modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        }

    def middle(self) -> list[torch.Tensor]:
        """½(θ₀ + θ₁), float32 at least."""
        return [torch.lerp(a, b, 0.5) for a, b in self._pairs()]

    @torch.no_grad()
    def put(self, t: float, middle: list[torch.Tensor] | None = None) -> None:
        """On the straight line or on the quadratic Bézier curve with this middle; the ends are exact (de Casteljau)."""
        for k, (a, b) in enumerate(self._pairs()):
            if middle is not None:
                point = torch.lerp(torch.lerp(a, middle[k], t), torch.lerp(middle[k], b, t), t)
            else:
                point = torch.lerp(a, b, t)
            self.parameters[k].copy_(point)
        for buffer, a, b in zip(self._buffers, *self._buffer_ends, strict=True):
            buffer.copy_(torch.lerp(_wide(a), _wide(b), t))

    @torch.no_grad()
    def normalize(self, run: Pass) -> None:
        """Running statistics of the data here: means over the batches, by their samples, of mean and variance."""
        if not self.norms:
            return
        for norm in self.norms.values():
            norm.reset_running_stats()
        count = 0
        with self.by_batches(), run.private():
            for inputs, targets in run.data:
                size = targets.shape[0] if targets.ndim else 1
                if size == 0:
                    continue
                count += size
                for norm in self.norms.values():
                    norm.momentum = size / count
                call(self.model, inputs, run.forward)

    @contextmanager
    def by_batches(self) -> Iterator[None]:
        """Where batch normalisation takes the statistics of the batch, and everything else is as in evaluation."""
        momenta = [norm.momentum for norm in self.norms.values()]
        try:
            for norm in self.norms.values():
                norm.train()
            yield
        finally:
            for norm, momentum in zip(self.norms.values(), momenta, strict=True):
                norm.eval()
                norm.momentum = momentum

    def _pairs(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for a, b in zip(*self._ends, strict=True):
            yield _wide(a), _wide(b)


def _floating(tensors: Iterator[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor for tensor in tensors if tensor.is_floating_point()]


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.promote_types(tensor.dtype, torch.float32))


def check_alike(first: nn.Module, second: nn.Module) -> None:
    """One architecture: the same names and shapes of parameters and buffers."""
    one, other = (
        {name: tuple(x.shape) for name, x in (*net.named_parameters(), *net.named_buffers())}
        for net in (first, second)
    )
    for name in (*one, *other):
        if one.get(name) != other.get(name):
            found = f"{name} is {one.get(name, 'missing')} in the first and {other.get(name, 'missing')} in the second"
            raise UsageError("landscape", found, "Pass two networks of one architecture")


def distance(first: nn.Module, second: nn.Module) -> tuple[float, int]:
    """‖θ₁ − θ₀‖ over all floating parameters, tied ones once, and their number; in float64 on the CPU."""
    squared, count = 0.0, 0
    pairs = zip(_floating(first.parameters()), _floating(second.parameters()), strict=True)
    for a, b in pairs:
        squared += float((a.detach().cpu().double() - b.detach().cpu().double()).square().sum())
        count += a.numel()
    if count == 0:
        raise UsageError("landscape", "networks without parameters", "Pass two that have weights")
    return squared**0.5, count
