"""Stored tensors → weights: most are one tensor, some only make sense together (codes with scales, adapter factors)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.records import Decoding, Reason, TensorInfo

Read = Callable[[str], Any]
"""A stored tensor by its name: an array, or `PackedRows`."""


@dataclass(frozen=True, slots=True)
class Source:
    """One weight before anything is known of its matrices."""

    info: TensorInfo
    """Its first tensor as stored; `alias` is the parameter that it stands for (`….weight` for `….qweight`)."""
    names: tuple[str, ...]
    """Stored tensors in the order that the decoding takes them."""
    decoding: Decoding | None = None
    shape: tuple[int, ...] | None = None
    """Shape of the decoded values; None for the stored one."""
    reason: Reason | None = None
    """Why it cannot be formed, whatever the rules say."""
    detail: str | None = None
    part: str | None = None
    """Dot path of what it is of the parameter that its alias names: `adapter.NAME`."""


Group = Callable[[Sequence[TensorInfo], Mapping[str, Any], Read], list[Source]]
"""Finds the weights of one family; no tensor may be in two of them."""


def gather(
    tensors: Sequence[TensorInfo], config: Mapping[str, Any], read: Read, groups: Sequence[Group]
) -> list[Source]:
    """One source a weight, at the place of the first of its tensors; a tensor of no group stands for itself."""
    claimed: dict[str, Source] = {}
    for group in groups:
        for source in group(tensors, config, read):
            if not any(name in claimed for name in source.names):
                claimed.update(dict.fromkeys(source.names, source))
    found: dict[int, Source] = {}
    for tensor in tensors:
        source = claimed.get(tensor.name) or Source(tensor, (tensor.name,))
        found.setdefault(id(source), source)
    return list(found.values())
