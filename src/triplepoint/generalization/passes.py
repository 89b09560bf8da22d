"""One pass over the data: mean loss and accuracy, and where asked the margins of all samples or tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from triplepoint.errors import TriplepointError, UsageError
from triplepoint.generalization.batches import Batches
from triplepoint.generalization.outputs import (
    call,
    classified,
    logits_of,
    loss_sum,
    margins_of,
    right_count,
)
from triplepoint.generalization.private import private_randomness

Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the network makes of the data."""

    loss: float
    """Mean over samples or tokens: cross-entropy in nats, or the caller's loss."""
    accuracy: float | None
    """None where the data are no classification."""
    samples: int
    """Along the first axis of the targets: sequences, not tokens."""
    tokens: int
    """What loss and margins are means and quantiles over."""
    classes: int | None
    """Number of logits; None where the data are no classification."""
    margins: Array | None
    """(tokens,) float32; None where they were not asked for or the data are no classification."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How a network is run over the data."""

    data: Batches
    seed: int
    loss: Callable[..., Any] | None = None
    forward: Callable[..., Any] | None = None
    ignore_index: int = -100

    def first(self) -> tuple[Any, torch.Tensor]:
        """The first batch that is not empty."""
        with self.private():
            for inputs, targets in self.data:
                if targets.numel():
                    return inputs, targets
        raise UsageError("generalization_metrics", "the data are empty", "Pass at least one batch")

    def private(self) -> AbstractContextManager[None]:
        """Where everything random begins at the seed, whoever draws, and the caller's generators stay."""
        return private_randomness(self.seed, self.data.device, self.data.generators)

    def __call__(self, model: torch.nn.Module, *, margins: bool = False) -> Scores:
        """Scores of this network. An answer that is not finite makes the loss infinite."""
        total = 0.0
        right = samples = tokens = classes = 0
        kept: list[Array] = []
        is_classification = True
        with torch.no_grad(), self.private():
            for inputs, targets in self.data:
                output = call(model, inputs, self.forward)
                samples += targets.shape[0] if targets.ndim else 1
                found = classified(output, targets, self.ignore_index)
                if found is None:
                    is_classification = False
                else:
                    right += right_count(found)
                    classes = found.logits.shape[1]
                    if margins and found.logits.shape[1] > 1:
                        kept.append(margins_of(found).cpu().numpy())
                count = (targets.shape[0] if targets.ndim else 1) if found is None else len(found.targets)
                tokens += count
                if self.loss is not None and count == 0:
                    continue  # the mean of nothing is no number
                if self.loss is not None:
                    total += _own(self.loss(logits_of(output), targets), count)
                elif found is not None:
                    total += loss_sum(found)
                else:
                    raise UsageError(
                        "generalization_metrics",
                        f"outputs and targets {tuple(targets.shape)} that are no classification",
                        "Pass loss=, a function of outputs and targets",
                    )
        if not tokens:
            raise UsageError("generalization_metrics", "the data are empty", "Pass at least one target")
        return Scores(
            loss=total / tokens if math.isfinite(total) else math.inf,
            accuracy=right / tokens if is_classification else None,
            samples=samples,
            tokens=tokens,
            classes=classes if is_classification else None,
            margins=np.concatenate(kept) if kept and is_classification else None,
        )


def _own(value: Any, count: int) -> float:
    """A loss of the caller's as a sum: a mean over the batch, or one number a sample."""
    if isinstance(value, torch.Tensor) and value.ndim:
        if value.numel() != count:
            found = f"a loss of {value.numel()} numbers for {count} samples"
            raise UsageError("generalization_metrics", found, "Return their mean, or one number a sample")
        return float(value.cpu().double().sum())
    return float(value) * count


@contextmanager
def explained() -> Iterator[None]:
    """Around the first passes: what goes wrong there is how the network was called."""
    try:
        yield
    except TriplepointError:
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        found = f"the forward pass fails with {type(error).__name__}: {line}"
        advice = "Check the shapes of the inputs, or pass forward=, a function of model and inputs"
        raise UsageError("generalization_metrics", found, advice) from error
