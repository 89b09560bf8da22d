"""Random numbers of our own: whatever is drawn inside, the caller's generators stand where they stood.

A `DataLoader` draws from the global generator even to begin an iteration, a dataset may augment with `random` or
NumPy's global state, and a network may keep its dropout. Every pass starts all of them from the same seed, so that two
passes see the same samples and differ in the weights alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_MASK = 2**63 - 1


def stream(*key: int) -> int:
    """A seed of 63 bits from any whole numbers; other keys, unrelated seeds."""
    words = [number for part in key for number in (part & 0xFFFFFFFF, part >> 32 & 0xFFFFFFFF)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) & _MASK


@contextmanager
def private_randomness(
    seed: int, device: torch.device, others: Sequence[torch.Generator] = ()
) -> Iterator[None]:
    """The global generators of torch, Python and NumPy, and others, begin at `seed`, and are put back afterwards.

    Of torch's those of the CPU and of `device`; `torch.manual_seed` would begin those of all devices anew.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - datasets draw from it
    processor, accelerator = torch.get_rng_state(), _Accelerator(device)
    states = [one.get_state() for one in others]
    start = stream(seed)
    try:
        torch.default_generator.manual_seed(start)
        accelerator.begin(start)
        for one in others:
            one.manual_seed(start)
        random.seed(start)
        np.random.seed(start & 0xFFFFFFFF)  # noqa: NPY002
        yield
    finally:
        torch.set_rng_state(processor)
        accelerator.restore()
        for one, state in zip(others, states, strict=True):
            one.set_state(state)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


class _Accelerator:
    """The generator of one device that is not the CPU; nothing for those without one."""

    def __init__(self, device: torch.device) -> None:
        module: Any = None if device.type in {"cpu", "meta"} else getattr(torch, device.type, None)
        self._module = module if hasattr(module, "get_rng_state") else None
        # MPS has one device and takes no name of it.
        self._place = () if device.type == "mps" else (device,)
        self._state = None if self._module is None else self._module.get_rng_state(*self._place)

    def begin(self, seed: int) -> None:
        if self._module is None:
            return
        if self._place:
            with self._module.device(self._place[0]):
                self._module.manual_seed(seed)
        else:
            self._module.manual_seed(seed)

    def restore(self) -> None:
        if self._module is not None:
            self._module.set_rng_state(self._state, *self._place)
