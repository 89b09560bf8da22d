"""compressed-tensors: `weight_packed` holds integers in 32-bit words, or pairs of 4-bit floats in bytes."""

from __future__ import annotations

from functools import partial

import numpy as np

from triplepoint.matrices.schemes import fp4
from triplepoint.matrices.schemes.around import (
    FLOATS,
    UINT8,
    Around,
    Recipe,
    Undecoded,
    misfit,
    renamed,
    source,
    strange,
)
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_OF_PARAMETER = ("_scale", "_shape", "_zero_point", "_g_idx", "_global_scale", "_input_scale")
_OF_MODULE = (".input_scale", ".input_global_scale", ".input_zero_point", ".output_scale")
_STRANGE = (".scale_packed", ".meta")
"""Companions of Marlin's 2:4 layout."""
_BITS = (2, 4, 8)
"""Widths that all versions pack alike."""


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of a `…_packed` that has companions."""
    if not codes.name.endswith("_packed"):
        return None
    name = codes.name.removesuffix("_packed")
    near = around.near(name, _OF_PARAMETER)
    near |= around.near(name.removesuffix(".weight"), (*_OF_MODULE, *_STRANGE))
    if not near:
        return None
    recipe = partial(_recipe, codes, near, around)
    return source(codes, renamed(codes, "_packed", ""), near.values(), recipe)


def _recipe(codes: TensorInfo, near: dict[str, TensorInfo], around: Around) -> Recipe:
    scale = near.get("_scale")
    if scale is None or not near.keys().isdisjoint(_STRANGE) or len(codes.shape) != 2:
        raise strange(codes, near)
    if codes.dtype == UINT8 and "_zero_point" not in near:
        return fp4.weight(codes, scale, around, divide=near.get("_global_scale"))
    if codes.dtype == "I32" and "_global_scale" not in near:
        return _integers(codes, scale, near, around)
    raise strange(codes, near)


def _integers(codes: TensorInfo, scale: TensorInfo, near: dict[str, TensorInfo], around: Around) -> Recipe:
    outputs, inputs = _shape(near.get("_shape"), around)
    fitting = [bits for bits in _BITS if -(-inputs * bits // 32) == codes.shape[1]]
    if outputs != codes.shape[0] or len(fitting) != 1:
        raise Undecoded(
            f"codes of shape {codes.shape} for a weight of {(outputs, inputs)}: not 2, 4 or 8 bits"
        )
    bits = fitting[0]
    count = scale.shape[1] if len(scale.shape) == 2 else 1
    if scale.dtype not in FLOATS or scale.shape not in ((1,), (1, 1), (outputs,), (outputs, count)):
        raise misfit("scales", scale, codes)
    if not count or inputs % count:
        raise Undecoded(f"{inputs} inputs do not make {count} even groups")
    names = [codes.name, scale.name]
    options: list[tuple[str, int | bool]] = [("bits", bits), ("group", inputs // count)]
    zero, order = near.get("_zero_point"), near.get("_g_idx")
    if zero is not None:
        if zero.dtype != "I32" or zero.shape != (-(-outputs * bits // 32), count):
            raise misfit("zeros", zero, codes)
        names.append(zero.name)
        options.append(("zero", True))
    if order is not None:
        if order.dtype not in ("I32", "I64") or order.shape != (inputs,):
            raise misfit("group numbers", order, codes)
        names.append(order.name)
        options.append(("order", True))
    detail = f"INT{bits}, {'a scale a row' if count == 1 else f'groups of {inputs // count}'}"
    return Recipe(tuple(names), Decoding("packed", tuple(options)), (outputs, inputs), detail)


def _shape(info: TensorInfo | None, around: Around) -> tuple[int, int]:
    values = around.small(info) if info is not None and info.dtype in ("I32", "I64") else None
    if values is None or values.shape != (2,) or not bool(np.all((values > 0) & (values < 2**31))):
        raise Undecoded("the shape of the weight is missing, cannot be read or is none of a matrix")
    return int(values[0]), int(values[1])
