"""Four-bit floats in bytes: MXFP4 (groups of 32, scales that are powers of two) and NVFP4 (groups of 16, FP8 scales).

| written by | codes | scales | scale of the tensor |
|---|---|---|---|
| gpt-oss | `X_blocks` (…, groups, 16) | `X_scales` U8 | – |
| DeepSeek-V4, Quark, ModelOpt | `X.weight` (…, in / 2) | `X.scale`, `X.weight_scale` E8M0 or U8 | – |
| ModelOpt NVFP4 | `X.weight` (…, in / 2) | `X.weight_scale` E4M3 | `X.weight_scale_2`, multiplies |
| compressed-tensors | `X.weight_packed` (…, in / 2) | `X.weight_scale` | `X.weight_global_scale`, divides |
"""

from __future__ import annotations

from functools import partial

from triplepoint.matrices.decoding.scales import as_float32
from triplepoint.matrices.schemes.around import (
    EXPONENTS,
    FLOATS,
    INT8,
    UINT8,
    Around,
    Recipe,
    Undecoded,
    misfit,
    renamed,
    source,
)
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_NVIDIA = "F8_E4M3"


def concerns(codes: TensorInfo, scale: TensorInfo) -> bool:
    """Whether byte codes with this scale are pairs of 4-bit floats: INT8 codes may have power-of-two scales too."""
    if codes.dtype not in (UINT8, INT8) or not codes.shape:
        return False
    if scale.dtype == _NVIDIA:
        return codes.dtype == UINT8
    return scale.dtype in EXPONENTS and scale.shape == (*codes.shape[:-1], codes.shape[-1] // 16)


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of MXFP4 blocks."""
    for ending in ("_blocks", ".blocks"):
        if codes.dtype == UINT8 and codes.name.endswith(ending):
            scale = around.tensors.get(codes.name.removesuffix("blocks") + "scales")
            if scale is not None:
                return source(codes, renamed(codes, ending, ""), [scale], partial(_blocks, codes, scale))
    return None


def _blocks(codes: TensorInfo, scale: TensorInfo) -> Recipe:
    if len(codes.shape) < 3 or codes.shape[-1] != 16 or scale.dtype not in EXPONENTS:
        raise Undecoded(f"blocks of shape {codes.shape} with scales of type {scale.dtype} are not MXFP4")
    if scale.shape != codes.shape[:-1]:
        raise misfit("scales", scale, codes)
    shape = (*codes.shape[:-2], codes.shape[-2] * 32)
    return Recipe((codes.name, scale.name), Decoding("fp4", (("group", 32),)), shape, "MXFP4")


def weight(
    codes: TensorInfo,
    scale: TensorInfo,
    around: Around,
    *,
    multiply: TensorInfo | None = None,
    divide: TensorInfo | None = None,
    inputs: TensorInfo | None = None,
) -> Recipe:
    """Codes packed along the last axis; a scale of the whole tensor multiplies or divides."""
    label, group = ("NVFP4", 16) if scale.dtype == _NVIDIA else ("MXFP4", 32)
    lead, entries = codes.shape[:-1], 2 * codes.shape[-1]
    if not lead or entries % group or scale.shape != (*lead, entries // group):
        raise misfit(f"{label} scales", scale, codes)
    tensor = multiply or divide
    if (label == "NVFP4") != (tensor is not None):
        raise Undecoded(f"{label} {'without a' if tensor is None else 'with a'} scale of the tensor")
    names = [codes.name, scale.name]
    options: list[tuple[str, int | float | str | bool]] = [("group", group)]
    if tensor is not None:
        factor = _whole(tensor, codes, around)
        if factor is None:
            names.append(tensor.name)
            options.append(("tensor", "divide" if multiply is None else "multiply"))
        else:
            options.append(("factor", 1 / factor if multiply is None else factor))
    if inputs is not None:
        if len(lead) > 1 or inputs.shape != (entries,) or inputs.dtype not in FLOATS:
            raise misfit("factors of the inputs", inputs, codes)
        names.append(inputs.name)
        options.append(("inputs", True))
    return Recipe(tuple(names), Decoding("fp4", tuple(options)), (*lead, entries), label)


def _whole(tensor: TensorInfo, codes: TensorInfo, around: Around) -> float | None:
    """The number that scales a whole stack; None where the tensor is read with the entry that it scales."""
    stack = len(codes.shape) > 2
    if tensor.dtype not in FLOATS or tensor.size not in ((1, codes.shape[0]) if stack else (1,)):
        raise misfit("scales of the tensor", tensor, codes)
    if not stack or tensor.shape[:1] == codes.shape[:1]:
        return None
    value = around.small(tensor) if tensor.size == 1 else None
    number = 0.0 if value is None else float(as_float32(value).reshape(()))
    if number == 0:
        raise Undecoded("the scale of the tensor is zero or cannot be read")
    return number
