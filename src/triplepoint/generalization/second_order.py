"""Products of a vector with the Hessian of the mean loss: two backward passes a batch (Pearlmutter 1994).

    Hv = ∇(∇L·v),  L = Σ_batches Σ_samples ℓ / n

so that a sample or token weighs the same whatever batch it is in. Fused attention has no second derivative and
neither have the recurrent layers of cuDNN: both are made of their parts here, with the same result up to rounding.
Parameters of half precision are widened to float32, values unchanged: their products would be noise.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from triplepoint.generalization.batches import mapped
from triplepoint.generalization.differentiable import NotDifferentiable, summed_loss
from triplepoint.generalization.passes import Pass

HALF = (torch.float16, torch.bfloat16)


class HessianProducts:
    """H as an operator on vectors (P,) of float32 or float64, on the network's device.

    `trainable`: names of the parameters that count; tied ones are one, and all ask for gradients from now on. Each
    product reads the data once. Memory: the graph of one batch, twice, and three vectors.
    """

    def __init__(self, model: nn.Module, run: Pass, trainable: frozenset[str]) -> None:
        self._is_half = any(p.dtype in HALF for p in model.parameters())
        self._model = _widened(model) if self._is_half else model
        self._run = run
        self._parameters = [p for name, p in self._model.named_parameters() if name in trainable]
        self._sizes = [p.numel() for p in self._parameters]
        self.size = sum(self._sizes)
        self.dtype = torch.float32
        for parameter in self._parameters:
            self.dtype = torch.promote_types(self.dtype, parameter.dtype)
        self.products = 0

    def gaussian(self, seed: int) -> torch.Tensor:
        """(P,) the same on every device."""
        drawn = torch.randn(self.size, generator=torch.Generator().manual_seed(seed))
        return self._here(drawn)

    def signs(self, seed: int) -> torch.Tensor:
        """(P,) of −1 and 1."""
        drawn = torch.randint(2, (self.size,), generator=torch.Generator().manual_seed(seed))
        return self._here(2.0 * drawn - 1.0)

    def __call__(self, vector: torch.Tensor) -> torch.Tensor:
        """H·vector, (P,). Raises NotDifferentiable, or the RuntimeError of a step that has no second derivative."""
        parts = [
            part.view_as(p).to(p.dtype)
            for part, p in zip(torch.split(vector, self._sizes), self._parameters, strict=True)
        ]
        total = torch.zeros_like(vector)
        count, is_reached = 0, False
        with self._differentiable(), self._run.private():
            for inputs, targets in self._run.data:
                loss, weight = self._loss(inputs, targets)
                count += weight
                if weight and loss.requires_grad:
                    is_reached = True
                    total += self._product(loss, parts)
        if not is_reached:
            raise NotDifferentiable(
                "the loss does not come from the parameters in steps that have a gradient"
            )
        self.products += 1
        return total / count

    def _loss(self, inputs: Any, targets: torch.Tensor) -> tuple[torch.Tensor, int]:
        if self._is_half:
            inputs = mapped(inputs, lambda x: x.float() if x.dtype in HALF else x)
        return summed_loss(self._model, self._run, inputs, targets)

    def _product(self, loss: torch.Tensor, vector: list[torch.Tensor]) -> torch.Tensor:
        gradients = torch.autograd.grad(loss, self._parameters, create_graph=True, allow_unused=True)
        pairs = [(g, v) for g, v in zip(gradients, vector, strict=True) if g is not None and g.requires_grad]
        if self.products == 0:
            _check_no_dead_end([g for g, _ in pairs])
        found: tuple[torch.Tensor | None, ...] = (None,) * len(vector)
        if pairs:
            found = torch.autograd.grad(
                [g for g, _ in pairs], self._parameters, [v for _, v in pairs], allow_unused=True
            )
        return torch.cat(
            [
                (torch.zeros_like(p) if one is None else one).detach().flatten().to(self.dtype)
                for one, p in zip(found, self._parameters, strict=True)
            ]
        )

    @contextmanager
    def _differentiable(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad())
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if any(isinstance(m, nn.RNNBase) for m in self._model.modules()):
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            for parameter in self._parameters:
                parameter.requires_grad_(True)
            yield

    def _here(self, vector: torch.Tensor) -> torch.Tensor:
        return vector.to(self._parameters[0].device, self.dtype)


def _check_no_dead_end(gradients: list[torch.Tensor]) -> None:
    """A `once_differentiable` function ends the graph in a node that fails when it is visited, and it never is.

    Autograd walks to the parameters alone: what lies behind would silently count as zero.
    """
    seen: set[Any] = set()
    waiting = [gradient.grad_fn for gradient in gradients]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            if node.name() == "torch::autograd::Error":
                raise NotDifferentiable(
                    "a function of the network or the loss is marked as once_differentiable"
                )
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]


def _widened(model: nn.Module) -> nn.Module:
    copied = copy.deepcopy(model)
    for tensor in (*copied.parameters(), *copied.buffers()):
        if tensor.dtype in HALF:
            tensor.data = tensor.data.float()
    return copied


def trainable(given: nn.Module, copied: nn.Module) -> frozenset[str]:
    """Names in the copy of the floating parameters that train; of all of them where the whole network is frozen.

    A weight that is computed of others (see `copies`) trains, unless nothing does.
    """
    frozen = {name.replace("_orig_mod.", "") for name, p in given.named_parameters() if not p.requires_grad}
    floating = frozenset(name for name, p in copied.named_parameters() if p.is_floating_point())
    return floating - frozen or floating
