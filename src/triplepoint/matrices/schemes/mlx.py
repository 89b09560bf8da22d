"""MLX: `weight` in 32-bit words with `scales` and `biases`; modes without biases use power-of-two scales.

Words and scales alone leave bits and group open (4 × 64 = 8 × 32), so the configuration decides and shapes confirm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from triplepoint.matrices.schemes.around import (
    FLOATS,
    UINT8,
    Around,
    Recipe,
    Undecoded,
    misfit,
    source,
)
from triplepoint.matrices.schemes.blocks import size_of
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_BITS = (2, 3, 4, 5, 6, 8)
_GROUPS = (32, 64, 128)


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of unsigned words with `scales`."""
    if codes.dtype != "U32" or not codes.name.endswith(".weight"):
        return None
    stem = codes.name.removesuffix(".weight")
    near = around.near(stem, (".scales", ".biases"))
    scales, biases = near.get(".scales"), near.get(".biases")
    if scales is None:
        return None
    recipe = partial(_floats, codes, scales)
    if biases is not None:
        recipe = partial(_affine, codes, scales, biases, around)
    return source(codes, codes.alias or codes.name, near.values(), recipe)


def _affine(codes: TensorInfo, scales: TensorInfo, biases: TensorInfo, around: Around) -> Recipe:
    if len(codes.shape) < 2 or scales.shape[:-1] != codes.shape[:-1] or scales.dtype not in FLOATS:
        raise misfit("scales", scales, codes)
    if (biases.dtype, biases.shape) != (scales.dtype, scales.shape) or not scales.size:
        raise misfit("biases", biases, codes)
    words, groups = codes.shape[-1], scales.shape[-1]
    possible = {(bits, group) for bits in _BITS for group in _GROUPS if bits * group * groups == 32 * words}
    said = [pair for pair in _said(codes.name.removesuffix(".weight"), around.settings) if pair in possible]
    if not said and len(possible) != 1:
        raise Undecoded(f"MLX, and nothing says how many bits the codes of {words} words have")
    bits, group = said[0] if said else possible.pop()
    shape = (*codes.shape[:-1], group * groups)
    detail = f"MLX {bits} bit, groups of {group}"
    names = (codes.name, scales.name, biases.name)
    return Recipe(names, Decoding("mlx", (("bits", bits), ("group", group))), shape, detail)


def _floats(codes: TensorInfo, scales: TensorInfo) -> Recipe:
    """MXFP4 has four words a group; MXFP8 and NVFP4 have eight and two."""
    if (
        scales.dtype != UINT8
        or len(codes.shape) < 2
        or codes.shape != (*scales.shape[:-1], 4 * scales.shape[-1])
    ):
        raise Undecoded(f"MLX with {scales.dtype} scales of shape {scales.shape} is not decoded")
    shape = (*codes.shape[:-1], 8 * codes.shape[-1])
    return Recipe(
        (codes.name, scales.name), Decoding("fp4", (("group", 32),)), shape, "MLX MXFP4, groups of 32"
    )


def _said(layer: str, settings: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """(bits, group) of the layer where the settings name it, then of the whole model."""
    for part in (settings.get(layer), settings):
        if isinstance(part, Mapping):
            bits, group = size_of(part.get("bits")), size_of(part.get("group_size"))
            if bits is not None and group is not None:
                yield bits, group
