"""Random numbers of our own: whatever is drawn inside, the caller's generators stand where they stood.

A `DataLoader` draws from the global generator even to begin an iteration, a dataset may augment with `random` or
NumPy's global state, and a network may keep its dropout. Every pass starts all of them from the same seed, so that two
passes see the same samples and differ in the weights alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_MASK = 2**63 - 1


def stream(*key: int) -> int:
    """A seed of 63 bits from any whole numbers; other keys, unrelated seeds."""
    words = [number for part in key for number in (part & 0xFFFFFFFF, part >> 32 & 0xFFFFFFFF)]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) & _MASK


@contextmanager
def private_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """The global generators of torch, Python and NumPy begin at `seed`, and are put back afterwards."""
    python = random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002 - datasets draw from it
    devices = [device] if device.type not in {"cpu", "meta"} else []
    kind = device.type if devices else "cuda"
    with torch.random.fork_rng(devices=devices, device_type=kind):
        try:
            start = stream(seed)
            torch.manual_seed(start)
            random.seed(start)
            np.random.seed(start & 0xFFFFFFFF)  # noqa: NPY002
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
