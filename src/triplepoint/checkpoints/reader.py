"""The one door to every format: names and shapes from the header, bytes on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from triplepoint.records import PackedRows, TensorInfo

FORMATS = (
    *("safetensors", "safetensors-sharded", "torch", "torch-sharded", "gguf", "gguf-sharded"),
    *("onnx", "keras", "hdf5", "npy", "npz", "module", "state_dict", "arrays"),
)


class Reader(Protocol):
    """A checkpoint that has been opened; nothing but headers has been read."""

    @property
    def source(self) -> str:
        """What the user named: a path, or the class name of an object."""

    @property
    def format(self) -> str:
        """One of `FORMATS`."""

    @property
    def config(self) -> Mapping[str, Any]:
        """`config.json` of a Hugging Face folder, or what a format says in its terms; empty elsewhere."""

    def tensors(self) -> Sequence[TensorInfo]:
        """Every tensor, in stored order, from headers alone."""

    def read(self, name: str, at: int | None = None) -> np.ndarray[Any, Any] | PackedRows:
        """The tensor, or entry `at` along its first axis; mapped, not copied, where possible.

        In its stored dtype (`ml_dtypes` for BF16 and FP8), or in `TensorInfo.decoded` where the format itself packs
        values (GGUF blocks, ONNX codes with their scale); a tall matrix of blocks as `PackedRows`. Safe to call from
        several threads at once.
        """

    def prefetch(self, name: str) -> None:
        """The tensor will be read soon: the system may begin to bring its bytes. Returns at once."""

    def release(self, name: str) -> None:
        """The tensor has been dealt with: pages of the file map that it occupied may leave memory.

        Views of it stay valid; touching one reads the file again.
        """

    def digest(self) -> str:
        """`blake2b:` + 32 hex digits that change when a tensor's name, type, shape, place or size changes.

        A sample of the values is covered too, so that two steps of one run differ. A tensor whose values cannot be
        sampled counts by its header alone: this never raises.
        """
