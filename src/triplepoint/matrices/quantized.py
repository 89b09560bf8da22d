"""Quantised weights: codes that mean nothing without the scales beside them, known by the names of both.

A spectrum of packed codes is a number about the packing. So codes and scales are found together: a scheme
applies only where at least one of its companions is present, and then it covers the whole group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.matrices.sources import Read, Source
from triplepoint.records import Reason, TensorInfo

_CODES = frozenset(
    {"I8", "U8", "I16", "I32", "U32", "I64", "F4", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}
)


@dataclass(frozen=True, slots=True)
class Scheme:
    """`codes` ends the name of the codes; `companions` replace that ending in the names of the scales."""

    codes: str
    companions: tuple[str, ...]


SCHEMES: tuple[Scheme, ...] = (
    # GPTQ and AWQ
    Scheme(".qweight", (".qzeros", ".scales", ".g_idx")),
    # FP8, INT8 and NVFP4 of DeepSeek, compressed-tensors, ModelOpt, ComfyUI; bitsandbytes INT8 (SCB)
    Scheme(
        ".weight",
        (
            ".weight_scale_inv",
            ".weight_scale",
            ".weight_scale_2",
            ".weight_zero_point",
            ".weight_shape",
            ".scale",
            ".scale_weight",
            ".input_scale",
            ".SCB",
            ".weight_format",
        ),
    ),
    # bitsandbytes 4 bit
    Scheme(
        ".weight",
        (
            ".weight.absmax",
            ".weight.quant_map",
            ".weight.nested_absmax",
            ".weight.nested_quant_map",
            ".weight.quant_state.bitsandbytes__nf4",
            ".weight.quant_state.bitsandbytes__fp4",
        ),
    ),
    # compressed-tensors, packed
    Scheme(
        ".weight_packed",
        (
            ".weight_scale",
            ".weight_shape",
            ".weight_zero_point",
            ".weight_g_idx",
            ".weight_global_scale",
            ".input_global_scale",
        ),
    ),
    # MXFP4 experts
    Scheme("_blocks", ("_scales",)),
    # parameters without `.weight`, such as stacked experts
    Scheme("", ("_scale_inv", "_scale", "_scale_2", ".scale", "_input_scale")),
)


def members(tensors: Sequence[TensorInfo]) -> frozenset[str]:
    """Names of all codes and companions. Cost: one look-up a tensor and companion."""
    names = {tensor.name for tensor in tensors}
    found: set[str] = set()
    for tensor in tensors:
        if tensor.dtype in _CODES:
            for scheme in SCHEMES:
                if tensor.name.endswith(scheme.codes):
                    base = tensor.name.removesuffix(scheme.codes)
                    group = names.intersection(base + companion for companion in scheme.companions)
                    if group:
                        found.update(group, (tensor.name,))
    return frozenset(found)


def group(tensors: Sequence[TensorInfo], config: Mapping[str, Any], read: Read) -> list[Source]:
    """Codes with their companions as sources; without a decoding they are left out."""
    found = members(tensors)
    return [Source(t, (t.name,), reason=Reason.quantized) for t in tensors if t.name in found]
