"""Tensors of a torch file as strided views of their storages.

Storages are shared: transposed, sliced, expanded and tied tensors all are views of one. Equal places make equal
`TensorInfo.storage`, by which ties are known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from triplepoint.checkpoints.dtypes import numpy_dtype, torch_spelling
from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import FREE_INFLATION_BYTES, MAX_BYTES, MAX_INFLATION
from triplepoint.checkpoints.mapped import Bytes, MappedFile
from triplepoint.checkpoints.stored import Array, Stored, Values
from triplepoint.checkpoints.torch.structure import Entry
from triplepoint.records import TensorInfo

Place = tuple[int, int] | str
"""First byte of a storage and the byte after its last, or one clause that says why it cannot be read."""


def stored(name: str, entry: Entry, file: MappedFile, place: Place | None, before: int) -> Stored:
    """The tensor with its values, or with the reason why it has none.

    `place`: of its storage; None where the file has none of that key. `before` tells shards apart.
    """
    dtype = torch_spelling(entry.dtype)
    native = numpy_dtype(dtype)
    info = TensorInfo(name, dtype, entry.shape, entry.module, buffer=entry.buffer)
    refusal = entry.refusal
    if not refusal and place is None:
        refusal = "has no values in the file"
    elif not refusal and isinstance(place, str):
        refusal = f"has values in a member that {place}"
    elif not refusal and native is None:
        refusal = f"has elements of type {shown(dtype)}, which NumPy has no view of"
    if refusal or native is None or not isinstance(place, tuple):
        return Stored(info, None, 0, 0, None, refusal)
    # The stride of a side of 1 is arbitrary.
    steps = [
        0 if side == 1 else step * native.itemsize
        for side, step in zip(entry.shape, entry.stride, strict=True)
    ]
    if 0 in entry.shape:
        if math.prod(side for side in entry.shape if side) * native.itemsize > MAX_BYTES:
            return Stored(info, None, 0, 0, None, "has a shape larger than any memory")
        return Stored(info, file, place[0], place[0], _strided(native, entry.shape, steps))
    begin = place[0] + entry.begin
    end = (
        begin
        + sum((side - 1) * step for side, step in zip(entry.shape, steps, strict=True))
        + native.itemsize
    )
    nbytes = math.prod(entry.shape) * native.itemsize
    if end > place[1]:
        refusal = f"reaches beyond its storage of {place[1] - place[0]:,} bytes"
    elif nbytes > max(
        FREE_INFLATION_BYTES, MAX_INFLATION * (end - begin)
    ):  # strides of 0 repeat what there is
        refusal = f"would spread {end - begin:,} bytes over {nbytes:,}"
    if refusal:
        return Stored(info, None, 0, 0, None, refusal)
    info = TensorInfo(name, dtype, entry.shape, entry.module, (before + begin, *steps), entry.buffer)
    return Stored(info, file, begin, end, _strided(native, entry.shape, steps))


def _strided(dtype: np.dtype[Any], shape: tuple[int, ...], steps: list[int]) -> Values:
    def values(raw: Bytes, at: int | None) -> Array:
        if 0 in shape:
            array: Array = np.empty(shape, dtype)
        else:
            array = np.ndarray(shape, dtype, raw.data, strides=steps)
        return array if at is None else array[at]

    return values
