"""What a header says of one tensor, before any of its bytes are read."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One named tensor of a checkpoint."""

    name: str
    """Parameter name exactly as stored."""
    dtype: str
    """Storage type in safetensors spelling: F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 … BOOL, or the raw spelling."""
    shape: tuple[int, ...]
    module: str | None = None
    """Class of the owning `nn.Module` (`Linear`, `Conv1d` …) where one is known; None for files."""
    storage: tuple[int, ...] | None = None
    """Address and strides in bytes, equal for tied tensors; None where the format cannot share storage."""
    buffer: bool = False
    """Kept with the model but not trained: registered with `register_buffer`, or of a file whose format says so."""
    alias: str | None = None
    """The parameter's name by the structure of the format, where the stored one is arbitrary (`onnx::MatMul_853`) or
    of another dialect (`blk.0.attn_q.weight`); ids are made of it."""
    layout: str | None = None
    """What the axes mean, where the format says so; in the language of `matrices.layouts`: `in,out`."""
    decoded: str | None = None
    """Type of the values that are read, where the format packs them (GGUF blocks, ONNX codes); None if as stored."""

    @property
    def size(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)
