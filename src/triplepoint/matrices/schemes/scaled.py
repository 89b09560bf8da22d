"""One byte an entry with a scale beside it: FP8 and INT8 of many tools. The scale multiplies, whatever its name says.

Facts: DeepSeek-V3 and V4, transformers' `fp8` and `fbgemm_fp8`, compressed-tensors, ModelOpt, bitsandbytes (`SCB`),
ComfyUI, Mistral. ComfyUI also rotates INT8 weights and swizzles group scales under the same names, so scales of
groups are only trusted in the folder of a transformers model, and nothing but plain FP8 beside `comfy_quant`.
"""

from __future__ import annotations

from functools import partial

from triplepoint.matrices.decoding.scales import as_float32
from triplepoint.matrices.schemes import fp4
from triplepoint.matrices.schemes.around import (
    EXPONENTS,
    FLOAT8,
    FLOATS,
    INT8,
    Around,
    Recipe,
    Undecoded,
    misfit,
    source,
    strange,
)
from triplepoint.matrices.schemes.blocks import fit
from triplepoint.matrices.sources import Source
from triplepoint.records import Decoding, TensorInfo

_CODES = FLOAT8 | {"I8", "U8", "I16", "I32", "U32", "I64", "F4"}
_FACTORS = ("_scale_inv", "_scale", ".scale_weight", ".qscale_weight", ".scale", ".SCB")
"""What the codes are multiplied by; a weight has one of them."""
_OF_PARAMETER = (
    *("_scale_inv", "_scale", "_scale_2", "_zero_point", "_g_idx", "_shape", "_global_scale"),
    *("_input_scale", "_scales"),
)
"""Endings that follow the name of the parameter: `q_proj.weight` + `_scale`."""
_OF_MODULE = (
    *(
        ".scale_weight",
        ".qscale_weight",
        ".scale",
        ".SCB",
        ".weight_format",
        ".pre_quant_scale",
        ".comfy_quant",
    ),
    *(".input_scale", ".input_scale_ub", ".scale_input", ".qscale_act", ".act_scale", ".output_scale"),
    *(".svdquant_lora_a", ".svdquant_lora_b", ".tables", ".tables2"),
)
"""Endings that follow the name of the module: `q_proj` + `.scale`."""
_ACTIVATIONS = frozenset(
    {
        *("_input_scale", ".input_scale", ".input_scale_ub", ".scale_input", ".qscale_act", ".act_scale"),
        *(".output_scale", ".comfy_quant"),
    }
)
"""Companions that say nothing of the weight."""
_KNOWN = _ACTIVATIONS | {*_FACTORS, "_zero_point", ".weight_format", ".pre_quant_scale"}
"""Companions with which the rule holds; any other asks for a rule that is not known here."""


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of byte codes, or of integers of unknown packing, that have companions."""
    if codes.dtype not in _CODES:
        return None
    near = around.near(codes.name, _OF_PARAMETER)
    near |= around.near(codes.name.removesuffix(".weight"), _OF_MODULE)
    factors = [near[ending] for ending in _FACTORS if ending in near]
    if not near or (codes.dtype in FLOAT8 and not factors):
        return None  # 8-bit floats without a scale are weights as they are
    recipe = partial(_recipe, codes, factors, near, around)
    return source(codes, codes.alias or codes.name, near.values(), recipe)


def _recipe(
    codes: TensorInfo, factors: list[TensorInfo], near: dict[str, TensorInfo], around: Around
) -> Recipe:
    if len(factors) == 1 and fp4.concerns(codes, factors[0]):
        return _floats(codes, factors[0], near, around)
    if len(factors) != 1 or not near.keys() <= _KNOWN or codes.dtype not in (*FLOAT8, INT8):
        raise strange(codes, near)
    scale = factors[0]
    if ".comfy_quant" in near and (codes.dtype == INT8 or scale.size != 1):
        raise Undecoded("ComfyUI's rotated and swizzled layouts are not decoded")
    if ".SCB" in near:
        return _bitsandbytes(codes, scale, near.get(".weight_format"), around)
    return weight(codes, scale, around, zero=near.get("_zero_point"), inputs=near.get(".pre_quant_scale"))


def _floats(codes: TensorInfo, scale: TensorInfo, near: dict[str, TensorInfo], around: Around) -> Recipe:
    if not near.keys() <= _ACTIVATIONS | {"_scale", "_scale_2", ".scale", ".pre_quant_scale"}:
        raise strange(codes, near)
    if ".comfy_quant" in near or not around.settings:
        raise Undecoded("4-bit floats, and without a quantization_config nothing says how their scales lie")
    return fp4.weight(
        codes, scale, around, multiply=near.get("_scale_2"), inputs=near.get(".pre_quant_scale")
    )


def _bitsandbytes(codes: TensorInfo, scale: TensorInfo, format: TensorInfo | None, around: Around) -> Recipe:
    """LLM.int8(): SCB is the largest magnitude of each row."""
    values = None if format is None else around.small(format)
    if format is not None and (values is None or values.size != 1 or values.reshape(()) != 0):
        raise Undecoded("bitsandbytes 8 bit, in another order than rows")
    if codes.dtype != INT8 or scale.shape != codes.shape[:1]:
        raise misfit("scales", scale, codes)
    return weight(codes, scale, around, factor=1 / 127)


def weight(
    codes: TensorInfo,
    scale: TensorInfo,
    around: Around,
    *,
    zero: TensorInfo | None = None,
    inputs: TensorInfo | None = None,
    factor: float = 1.0,
) -> Recipe:
    """Codes times a scale; `zero` is subtracted first, `inputs` are factors that the layer puts on its inputs."""
    if scale.dtype not in FLOATS and not (scale.dtype in EXPONENTS and around.settings):
        raise Undecoded(f"scales of type {scale.dtype} are not decoded without a quantization_config")
    blocks = fit(scale.shape, codes.shape, around.block)
    stack = len(codes.shape) > 2
    if blocks is None:
        raise misfit("scales", scale, codes)
    names = [codes.name, scale.name]
    if stack and scale.shape[:1] != codes.shape[:1]:
        value = around.small(scale)
        if value is None or value.size != 1 or zero is not None:
            raise misfit("scales", scale, codes)
        factor *= float(as_float32(value).reshape(()))
        names = [codes.name]
    options: list[tuple[str, int | float | bool]] = [("rows", blocks[0]), ("columns", blocks[1])]
    if zero is not None:
        if zero.shape != scale.shape:
            raise misfit("zeros", zero, codes)
        names.append(zero.name)
        options.append(("zero", True))
    if inputs is not None:
        if stack or inputs.shape != codes.shape[-1:] or inputs.dtype not in FLOATS:
            raise misfit("factors of the inputs", inputs, codes)
        names.append(inputs.name)
        options.append(("inputs", True))
    if factor != 1.0:
        options.append(("factor", factor))
    detail = f"{_LABELS.get(codes.dtype, 'FP8')}, {_described(blocks, scale)}"
    return Recipe(tuple(names), Decoding("scaled", tuple(options)), codes.shape, detail)


_LABELS = {INT8: "INT8", "F8_E5M2": "FP8 (E5M2)", "F8_E4M3": "FP8 (E4M3)"}


def _described(blocks: tuple[int, int], scale: TensorInfo) -> str:
    rows, columns = blocks
    if scale.size == 1:
        return "one scale"
    if rows and columns:
        return f"blocks of {rows} × {columns}"
    if rows or columns:
        return f"blocks of {rows} rows" if rows else f"groups of {columns}"
    return "a scale a row" if scale.size == scale.shape[0] else f"scales of shape {scale.shape}"
