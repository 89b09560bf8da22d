"""GPTQ and AWQ: `qweight`, `qzeros`, `scales` and perhaps `g_idx`, told apart by their shapes.

| | qweight | qzeros | scales |
|---|---|---|---|
| GPTQ | (in · bits / 32, out) | (groups, out · bits / 32) | (groups, out) |
| AWQ `gemm` | (in, out / 8) | (groups, out / 8) | (groups, out) |

Whether GPTQ's zeros are stored minus one stands in the configuration alone. Without one the zeros of the first group
are looked at: symmetric codes have them all in the middle. Facts: AutoGPTQ, GPTQModel's `FORMAT`, AutoAWQ, AutoRound's
`packing_format`.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from triplepoint.matrices.decoding.bits import unpack
from triplepoint.matrices.decoding.damaged import words
from triplepoint.matrices.schemes.around import (
    FLOATS,
    Around,
    Recipe,
    Undecoded,
    misfit,
    renamed,
    source,
    strange,
)
from triplepoint.matrices.schemes.blocks import size_of
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_KNOWN = (".qzeros", ".scales", ".g_idx")
_STRANGE = (".zeros", ".scales_and_zeros", ".channel_scales", ".theta", ".pairs", ".s_channel", ".s_group")
"""Companions of other tools' packings and rotations, which are not decoded."""
_BITS = (2, 3, 4, 8)
_ROUNDED = ("", "auto-round", "intel/auto-round")
_ADD = {"gptq": 1, "gptq_v2": 0, "auto_round:auto_gptq": 1, "auto_round": 0, "auto_round:gptqmodel": 0}
"""What the stored zeros lack, by the name of the format."""


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of a `qweight` that has companions."""
    if not codes.name.endswith(".qweight"):
        return None
    near = around.near(codes.name.removesuffix(".qweight"), (*_KNOWN, *_STRANGE))
    if not near:
        return None
    parameter = renamed(codes, ".qweight", ".weight")
    return source(codes, parameter, near.values(), partial(_recipe, codes, near, around))


def _recipe(codes: TensorInfo, near: dict[str, TensorInfo], around: Around) -> Recipe:
    zeros, scales = near.get(".qzeros"), near.get(".scales")
    if (
        zeros is None
        or scales is None
        or not near.keys() <= {*_KNOWN}
        or {codes.dtype, zeros.dtype} != {"I32"}
    ):
        raise strange(codes, near)
    if scales.dtype not in FLOATS or len(codes.shape) != 2 or len(scales.shape) != 2 or not scales.size:
        raise misfit("scales", scales, codes)
    groups, outputs = scales.shape
    rows, columns = codes.shape
    bits, uneven = divmod(32 * zeros.size // groups, outputs)
    if len(zeros.shape) != 2 or zeros.shape[0] != groups or uneven or bits not in _BITS:
        raise misfit("zeros", zeros, codes)
    if columns == outputs and not 32 * rows % bits:
        return _gptq(codes, zeros, scales, order=near.get(".g_idx"), bits=bits, around=around)
    if bits != 4 or columns * 8 != outputs or not rows or rows % groups:
        raise misfit("scales", scales, codes)
    method, version = around.word("quant_method"), around.word("version")
    if method not in (*_ROUNDED, "awq") or version not in ("", "gemm") or ".g_idx" in near:
        raise Undecoded(f"the shapes are those of AWQ's gemm, the configuration says {method} {version}")
    size = rows // groups
    names = (codes.name, zeros.name, scales.name)
    return Recipe(names, Decoding("awq", (("group", size),)), (outputs, rows), f"AWQ 4 bit, groups of {size}")


def _gptq(
    codes: TensorInfo,
    zeros: TensorInfo,
    scales: TensorInfo,
    *,
    order: TensorInfo | None,
    bits: int,
    around: Around,
) -> Recipe:
    inputs = 32 * codes.shape[0] // bits
    groups, outputs = scales.shape
    size = _group_size(inputs, groups, around)
    if order is not None and (order.dtype != "I32" or order.shape != (inputs,)):
        raise misfit("group numbers", order, codes)
    if size is None and order is None:
        raise Undecoded(f"nothing says how {inputs} inputs make {groups} groups")
    options: list[tuple[str, int | bool]] = [
        ("bits", bits),
        ("group", size or 0),
        ("add", _add(zeros, bits, around)),
    ]
    names = [codes.name, zeros.name, scales.name]
    if order is not None:
        names.append(order.name)
        options.append(("order", True))
    detail = f"GPTQ {bits} bit, groups of {size}" if size else f"GPTQ {bits} bit, {groups} groups"
    return Recipe(tuple(names), Decoding("gptq", tuple(options)), (outputs, inputs), detail)


def _group_size(inputs: int, groups: int, around: Around) -> int | None:
    """Even groups, or the size of the settings where the last group is short."""
    if not inputs % groups:
        return inputs // groups or None
    size = size_of(around.settings.get("group_size"))
    return size if size is not None and -(-inputs // size) == groups else None


def _add(zeros: TensorInfo, bits: int, around: Around) -> int:
    method = around.word("quant_method")
    if method not in (*_ROUNDED, "gptq"):
        raise Undecoded(f"the shapes are GPTQ's, the configuration says {method}")
    format = around.word("checkpoint_format") or around.word("packing_format") or method
    if format in _ADD:
        return _ADD[format]
    if format not in _ROUNDED:
        raise Undecoded(f"GPTQ of the format {format!r} is not decoded")
    first = around.values(zeros)
    stored = set() if first is None else {*np.unique(unpack(words("zeros", first[:1]), bits)).tolist()}
    middle = 2 ** (bits - 1)
    if stored not in ({middle - 1}, {middle}):
        raise Undecoded("GPTQ, and without config.json nothing says whether its zeros are stored minus one")
    return 1 if stored == {middle - 1} else 0
