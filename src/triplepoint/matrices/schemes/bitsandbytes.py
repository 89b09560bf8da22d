"""bitsandbytes' 4 bits: `weight` with `weight.absmax`, `weight.quant_map` and a JSON text in `weight.quant_state`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from triplepoint.matrices.schemes.around import (
    UINT8,
    Around,
    Recipe,
    Undecoded,
    misfit,
    source,
    strange,
)
from triplepoint.matrices.schemes.blocks import size_of
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_STATES = (".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4")
_COMPANIONS = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map")
_BYTES = {"U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F16": 2, "BF16": 2, "F32": 4, "F64": 8}
"""Types that the codes may be stored as (`quant_storage`)."""
MAX_BRACKETS = 16
"""Lists and objects of the JSON, which has two; thousands within each other exhaust the stack of the parser."""


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of codes with a state; codes that lost theirs are left out."""
    if codes.name + ".absmax" not in around.tensors:
        return None
    state = around.near(codes.name, _STATES)
    near = around.near(codes.name, _COMPANIONS)
    recipe = partial(_recipe, codes, near, state, around)
    return source(codes, codes.alias or codes.name, [*near.values(), *state.values()], recipe)


def _recipe(
    codes: TensorInfo, near: dict[str, TensorInfo], state: dict[str, TensorInfo], around: Around
) -> Recipe:
    absmax, table = near.get(".absmax"), near.get(".quant_map")
    if len(state) != 1 or absmax is None or table is None or codes.dtype not in _BYTES:
        raise strange(codes, [*near, *state])
    ((ending, info),) = state.items()
    kind = ending[-3:]
    settings = _settings(info, around)
    shape, block = settings.get("shape"), size_of(settings.get("blocksize"))
    sizes = [size_of(size) for size in shape] if isinstance(shape, list) and len(shape) == 2 else [None]
    if settings.get("quant_type") != kind or block is None or None in sizes:
        raise Undecoded(f"bitsandbytes {kind} whose state does not give the shape and block of a matrix")
    rows, columns = (size or 0 for size in sizes)
    count, width = rows * columns, _BYTES[codes.dtype]
    if codes.size != -(-count // (2 * width)) or table.size != 16:
        raise Undecoded(
            f"bitsandbytes {kind}: codes of shape {codes.shape} for a weight of {(rows, columns)}"
        )
    blocks = -(-count // block)
    if absmax.size != blocks:
        raise misfit("block scales", absmax, codes)
    names = [codes.name, absmax.name, table.name]
    options: list[tuple[str, int | float]] = [("block", block)]
    detail = f"bitsandbytes {kind}, blocks of {block}"
    if not near.keys().isdisjoint({".nested_absmax", ".nested_quant_map"}):
        outer, values = near.get(".nested_absmax"), near.get(".nested_quant_map")
        size, offset = size_of(settings.get("nested_blocksize")), settings.get("nested_offset")
        if outer is None or values is None or size is None or not isinstance(offset, int | float):
            raise Undecoded(f"bitsandbytes {kind} whose nested state is incomplete")
        if outer.size != -(-blocks // size) or values.size != 256 or absmax.dtype != UINT8:
            raise misfit("nested scales", outer, absmax)
        names += [outer.name, values.name]
        options += [("nested", size), ("offset", _clipped(offset))]
        detail += ", nested"
    return Recipe(tuple(names), Decoding("bitsandbytes", tuple(options)), (rows, columns), detail)


def _settings(info: TensorInfo, around: Around) -> Mapping[str, Any]:
    """The JSON object in the bytes of the state; empty where there is none."""
    values = around.small(info) if info.dtype == UINT8 else None
    text = b"" if values is None else np.ascontiguousarray(values).tobytes()
    if text.count(b"[") + text.count(b"{") > MAX_BRACKETS:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _clipped(value: float) -> float:
    """Within the range of float32: JSON knows whole numbers of any length."""
    return float(max(min(value, 2**127), -(2**127)))
