"""Element types: the safetensors spelling on one side, bits and NumPy types on the other."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

BITS: dict[str, int] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
"""Bits per element of every type that safetensors 0.8 knows."""

_NUMPY: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("<u1"),
    "I8": np.dtype("<i1"),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "I16": np.dtype("<i2"),
    "U16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "F32": np.dtype("<f4"),
    "C64": np.dtype("<c8"),
    "C128": np.dtype("<c16"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
}

_SPELLING: dict[np.dtype[Any], str] = {dtype: name for name, dtype in _NUMPY.items()}

_TORCH: dict[str, str] = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float4_e2m1fn_x2": "F4",
    "int16": "I16",
    "uint16": "U16",
    "float16": "F16",
    "bfloat16": "BF16",
    "int32": "I32",
    "uint32": "U32",
    "float32": "F32",
    "complex64": "C64",
    "complex128": "C128",
    "float64": "F64",
    "int64": "I64",
    "uint64": "U64",
}


def numpy_dtype(spelling: str) -> np.dtype[Any] | None:
    """The NumPy type of a spelling; None where elements are smaller than a byte or the type is unknown."""
    return _NUMPY.get(spelling)


def spelling_of(dtype: np.dtype[Any]) -> str:
    """The spelling of a NumPy type in any byte order; NumPy's own name where safetensors has none."""
    little = dtype.newbyteorder("<") if dtype.byteorder == ">" else dtype
    return _SPELLING.get(little, str(dtype))


def torch_spelling(dtype: object) -> str:
    """The spelling of a `torch.dtype`, known by its printed name so that torch is not imported."""
    name = str(dtype).removeprefix("torch.")
    return _TORCH.get(name, name)
