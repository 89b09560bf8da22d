"""The one door to every format: names and shapes from the header, bytes on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from triplepoint.records import TensorInfo


class Reader(Protocol):
    """A checkpoint that has been opened; nothing but headers has been read."""

    @property
    def source(self) -> str:
        """What the user named: a path, or the class name of an object."""

    @property
    def format(self) -> str:
        """`safetensors` · `safetensors-sharded` · `npy` · `npz` · `module` · `state_dict` · `arrays`."""

    @property
    def config(self) -> Mapping[str, Any]:
        """`config.json` of a Hugging Face folder; empty elsewhere."""

    def tensors(self) -> Sequence[TensorInfo]:
        """Every tensor, in stored order, from headers alone."""

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The tensor in its stored dtype (`ml_dtypes` for BF16 and FP8), mapped, not copied, where possible.

        Safe to call from several threads at once.
        """

    def release(self, name: str) -> None:
        """The tensor has been dealt with: pages of the file map that it occupied may leave memory.

        Views of it stay valid; touching one reads the file again.
        """

    def digest(self) -> str:
        """`blake2b:` + 32 hex digits that change when a tensor's name, type, shape, place or size changes.

        A sample of the values is covered too (see `digests.sample`), so that two steps of one run differ.
        A tensor whose values cannot be sampled counts by its header alone: this never raises.
        """
