"""The caller's data as (inputs, targets), on the network's device, as often as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from triplepoint.errors import UsageError

_FORMS = "Pass a list or DataLoader of (inputs, targets), or of dicts with `labels`"


@dataclass(frozen=True, slots=True)
class Batches:
    """A source that can be read more than once."""

    source: Any
    device: torch.device

    def __iter__(self) -> Iterator[tuple[Any, torch.Tensor]]:
        for batch in self.source:
            inputs, targets = _parts(batch)
            yield moved(inputs, self.device), targets.to(self.device, copy=True)

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """Those that a `DataLoader` or its sampler was given: they shuffle, and are the caller's."""
        sampler, batched = (getattr(self.source, name, None) for name in ("sampler", "batch_sampler"))
        places = (self.source, sampler, batched, getattr(batched, "sampler", None))
        found = (getattr(place, "generator", None) for place in places)
        return tuple({id(one): one for one in found if isinstance(one, torch.Generator)}.values())


def batches(data: Any, device: torch.device) -> Batches:
    """Check that the data can be read twice; what is in them shows when they are read."""
    if isinstance(data, Iterator):
        raise UsageError(
            "generalization_metrics", "the data can be read only once", "Pass a list or DataLoader"
        )
    if not hasattr(data, "__iter__") or isinstance(data, str | bytes | Mapping | torch.Tensor):
        found = f"data of type {type(data).__name__}"
        raise UsageError("generalization_metrics", found, _FORMS)
    return Batches(data, device)


def _parts(batch: Any) -> tuple[Any, torch.Tensor]:
    found: str
    if isinstance(batch, Mapping):
        if isinstance(batch.get("labels"), torch.Tensor):
            return {key: value for key, value in batch.items() if key != "labels"}, batch["labels"]
        found = "a batch that is a dict without a tensor under `labels`"
    elif isinstance(batch, tuple | list) and len(batch) == 2:
        if isinstance(batch[1], torch.Tensor):
            return batch[0], batch[1]
        found = f"a batch whose targets are a {type(batch[1]).__name__}"
    else:
        found = f"a batch of type {type(batch).__name__}"
    raise UsageError("generalization_metrics", found, _FORMS)


def moved(value: Any, device: torch.device) -> Any:
    """A copy on this device: a network that works in place must not change the caller's data."""
    return mapped(value, lambda tensor: tensor.to(device, copy=True))


def mapped(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """`change` of every tensor in nested tuples, lists and dicts; everything else as it is."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        parts = [mapped(inner, change) for inner in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
