"""The header of the `.npy` format, read without pickle and without believing its shape.

Layout: magic, version, header length, a Python literal `{'descr', 'fortran_order', 'shape'}`, data.
Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.checkpoints.dtypes import spelling_of
from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_BYTES, MAX_NPY_HEADER_BYTES, MAX_RANK

_MAGIC = b"\x93NUMPY"
_NUMBER = re.compile(r"[<>|=]?[biufc][0-9]{1,2}")
LONGEST = 12 + MAX_NPY_HEADER_BYTES
"""Bytes of a file within which its header must end."""


class NpyError(ValueError):
    """What is wrong with a header, as one clause."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What the header claims; `array` holds it against the bytes."""

    dtype: str
    """Safetensors spelling, or the raw `descr`."""
    numpy: np.dtype[Any] | None
    """None for objects, texts, dates and records: they are named but never read."""
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    """Byte at which the data begin."""

    @property
    def nbytes(self) -> int:
        """Bytes of the data; 0 where the type is not read."""
        return math.prod(self.shape) * self.numpy.itemsize if self.numpy else 0

    def array(self, flat: np.ndarray[Any, Any], at: int | None = None) -> np.ndarray[Any, Any]:
        """The elements in their shape, or entry `at` of the first axis, in native byte order; a copy only then."""
        values = flat.reshape(self.shape, order="F" if self.fortran else "C")
        if at is not None:
            values = values[at]
        return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def parse(start: bytes) -> NpyHeader:
    """The header at the beginning of `start`, which holds `LONGEST` bytes or all there are."""
    if start[:6] != _MAGIC:
        raise NpyError("it does not begin like a .npy file")
    version = tuple(start[6:8])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise NpyError(f"its .npy version {'.'.join(map(str, version))} is unknown")
    at = 10 if version == (1, 0) else 12
    length = int.from_bytes(start[8:at], "little")
    if length > MAX_NPY_HEADER_BYTES:
        raise NpyError(f"its .npy header claims {length:,} bytes, more than {MAX_NPY_HEADER_BYTES:,}")
    if len(start) < at + length:
        raise NpyError("it ends within its .npy header")
    try:
        text = start[at : at + length].decode("utf-8" if version == (3, 0) else "latin-1")
        fields = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise NpyError("its .npy header is not a Python literal") from None
    if not isinstance(fields, dict) or fields.keys() != {"descr", "fortran_order", "shape"}:
        raise NpyError("its .npy header must have descr, fortran_order and shape and nothing else")
    shape, fortran = fields["shape"], fields["fortran_order"]
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise NpyError(f"its shape {shown(shape)} is not a tuple of sizes")
    if not isinstance(fortran, bool):
        raise NpyError("its fortran_order is neither True nor False")
    dtype, spelling = _dtype(fields["descr"])
    if len(shape) > MAX_RANK or math.prod(side for side in shape if side) * 16 > MAX_BYTES:
        raise NpyError(f"its shape {shown(shape)} is larger than any memory")
    return NpyHeader(spelling, dtype, shape, fortran, at + length)


def _dtype(descr: object) -> tuple[np.dtype[Any] | None, str]:
    """Numbers by name; everything else (objects, records, texts) keeps its `descr` and is never built."""
    if isinstance(descr, str) and _NUMBER.fullmatch(descr):
        try:
            dtype = np.dtype(descr)
        except TypeError:
            raise NpyError(f"its element type {shown(descr)} is unknown") from None
        return dtype, spelling_of(dtype)
    if isinstance(descr, str):
        return None, descr[:80].lstrip("|")
    return None, "record"
