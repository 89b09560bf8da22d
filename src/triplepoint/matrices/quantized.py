"""Quantised weights: codes that mean nothing without the scales beside them, known by the names of both.

A spectrum of packed codes is a number about the packing. So codes and companions are found together and become one
weight: decoded where the rule is public and the shapes and settings bear it out, else left out with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from triplepoint.matrices.names import owner
from triplepoint.matrices.rules import model_types
from triplepoint.matrices.schemes import bitsandbytes, fp4, mlx, others, packed, parts, qweight, scaled
from triplepoint.matrices.schemes.around import FLOATS, Around
from triplepoint.matrices.schemes.blocks import configured
from triplepoint.matrices.sources import Read, Source
from triplepoint.records import TensorInfo

FAMILIES = (
    qweight.claim,
    packed.claim,
    fp4.claim,
    mlx.claim,
    parts.claim,
    scaled.claim,
    others.claim,
)
"""Asked in this order; the first that knows a tensor as codes claims it."""


def group(tensors: Sequence[TensorInfo], config: Mapping[str, Any], read: Read) -> list[Source]:
    """Every quantised weight as one source of all its tensors.

    `read` is called for small companions that describe a weight, never for codes. Cost: 100,000 plain tensors take
    0.1 s, 70,000 weights with scales 3 s.
    """
    settings = _settings(config)
    around = Around({tensor.name: tensor for tensor in tensors}, settings, read, configured(settings))
    found = [source for tensor in tensors if (source := _claimed(tensor, around)) is not None]
    if model_types(config).isdisjoint(_TRANSPOSING):
        return found
    return [_as_linear(source) for source in found]


def _claimed(tensor: TensorInfo, around: Around) -> Source | None:
    source = bitsandbytes.claim(tensor, around)  # whose codes may be stored as any type
    if source is not None or tensor.dtype in FLOATS:
        return source
    for family in FAMILIES:
        source = family(tensor, around)
        if source is not None:
            return source
    return None


def _settings(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the configuration says of the quantisation, of the model or of the first of its parts that says it."""
    for part in (config, *config.values()):
        if isinstance(part, Mapping):
            for key in ("quantization_config", "quantization", "compression_config"):
                settings = part.get(key)
                if isinstance(settings, Mapping) and settings:
                    return settings
    return {}


_TRANSPOSING = frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer"})
_LAYOUTS = {"c_attn": "out(query,key,value),in", "c_proj": "out,in", "c_fc": "out,in", "q_attn": "out,in"}


def _as_linear(source: Source) -> Source:
    """GPT-2's Conv1D keeps (in, out) in a file; what replaces it when it is quantised is a linear layer, (out, in).

    A byte an entry with a scale may also be written without a new layer, except by bitsandbytes.
    """
    layout = _LAYOUTS.get(owner(source.info.alias or source.info.name))
    if layout is None or source.decoding is None or len(source.shape or ()) != 2:
        return source
    if source.decoding.scheme == "scaled" and not any(name.endswith(".SCB") for name in source.names):
        return source
    return replace(source, info=replace(source.info, layout=layout))
