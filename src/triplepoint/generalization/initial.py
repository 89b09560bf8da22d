"""The network as it was before training: a copy that is given the initial weights by name.

Only weights enter distances, but batch normalisation needs its own statistics too, to be folded as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from triplepoint import checkpoints
from triplepoint.generalization.copies import effective, faithful_copy
from triplepoint.records import Reason, TensorInfo


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there are no initial weights, with the first name that was looked for in vain."""

    reason: Reason
    detail: str | None = None


def initial_copy(model: torch.nn.Module, init: Any, *, allow_pickle: bool) -> torch.nn.Module | Missing:
    """A copy of `model` with the parameters and buffers of `init`: a path, a module, a state dict, a dict of arrays.

    Names must agree with those of the network; wrapper prefixes (`module.`, `_orig_mod.`) may differ, of a tied tensor
    any of its names will do, and a weight that is computed of others may be there as such. Buffers that the checkpoint
    does not have stay as they are, but for the statistics of batch normalisation.
    """
    if init is None:
        return Missing(Reason.no_init)
    reader = checkpoints.open(init, allow_pickle=allow_pickle)
    stored = {_bare(info.name): info for info in reader.tensors()}
    found = _filled(faithful_copy(model), reader, stored)
    if isinstance(found, Missing):
        plain = effective(faithful_copy(model))
        again = _filled(plain, reader, stored)
        return found if isinstance(again, Missing) else again
    return effective(found)


def _filled(
    copied: torch.nn.Module, reader: checkpoints.Reader, stored: Mapping[str, TensorInfo]
) -> torch.nn.Module | Missing:
    names: dict[int, list[str]] = {}
    for name, parameter in copied.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    buffers = dict(copied.named_buffers())
    tensors: dict[str, torch.Tensor] = {**dict(copied.named_parameters()), **buffers}
    with torch.no_grad():
        for name, tensor in tensors.items():
            known = (stored.get(_bare(alias)) for alias in names.get(id(tensor), [name]))
            info = next(filter(None, known), None)
            if info is None:
                if name in buffers and not name.endswith(("_mean", "_var")):
                    continue
                return Missing(Reason.not_in_init, name)
            if name in buffers and not tensor.is_floating_point():
                continue
            if tuple(info.shape) != tuple(tensor.shape):
                return Missing(Reason.not_in_init, f"{name}: {tuple(info.shape)}, not {tuple(tensor.shape)}")
            values = np.asarray(reader.read(info.name))
            tensor.copy_(torch.from_numpy(values.astype(np.float64)).reshape(tensor.shape))
    return copied


def _bare(name: str) -> str:
    return name.replace("_orig_mod.", "").removeprefix("module.")
