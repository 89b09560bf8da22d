"""What becomes of a tensor: a table, read from the top, first match wins. A new layer type is one more line.

Reasons come before kinds, special kinds before general ones. A rule sees the header alone: number of
dimensions, element type, canonical id, owner (`names.owner`), class of the owning module where one is known,
and the model types of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from triplepoint.matrices.names import owner
from triplepoint.records import Reason, TensorInfo

FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
"""Element types that are analysed as they are."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one tensor before its values."""

    tensor: TensorInfo
    id: str
    owner: str
    quantized: bool
    model_types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions that are given must hold. Yields a reason, or a kind with the steps that form it."""

    why: str
    reason: Reason | None = None
    kind: str | None = None
    steps: tuple[str, ...] = ()
    ndim: tuple[int, int] = (0, 99)
    """Fewest and most dimensions."""
    id: str | None = None
    """Regular expression found in the canonical id."""
    owner: str | None = None
    """Regular expression for the whole owner."""
    module: str | None = None
    """Regular expression for the whole class name; does not hold where the class is unknown."""
    named_or_module: bool = False
    """`id` and `owner`, or else `module`, suffices."""
    dtype: str | None = None
    """Regular expression for the whole element type."""
    model_types: frozenset[str] | None = None
    empty: bool = False
    quantized: bool = False
    buffer: bool = False
    detail: str | None = None
    """What completes the reason for the user; of no influence."""

    def concerns(self, ndim: int, dtype: str) -> bool:
        """Whether it can hold for any tensor of this kind."""
        return self.ndim[0] <= ndim <= self.ndim[1] and (
            self.dtype is None or re.fullmatch(self.dtype, dtype) is not None
        )

    def holds(self, facts: Facts) -> bool:
        """Whether the rule, which concerns the tensor, decides it."""
        tensor = facts.tensor
        if (self.empty and tensor.size) or (self.quantized and not facts.quantized):
            return False
        if self.buffer and not tensor.buffer:
            return False
        named = (
            (self.id is None or re.search(self.id, facts.id) is not None)
            and (self.owner is None or re.fullmatch(self.owner, facts.owner) is not None)
            and (self.model_types is None or not self.model_types.isdisjoint(facts.model_types))
        )
        if self.module is None:
            return named
        owned = tensor.module is not None and re.fullmatch(self.module, tensor.module) is not None
        return (named or owned) if self.named_or_module else (named and owned)


_EMBEDDING = (
    r"wte|wpe|shared|emb|embed|embeddings?|\w+_emb|\w+_embeds?|\w+_embeddings?|embed_(tokens|positions|in)|token_embd"
    r"|relative_attention_bias|relative_position_bias_table"
)
_CONV = r"(^|[._])[a-z]*conv(olution)?s?([._\d]|$)"
# Whole components, and the last one unless nothing below it can be trained: `pe.weight` is a weight.
_BUFFER = (
    r"(^|\.)(tril|triu|((causal|attn|attention)_)+mask|weight_mask|masked_bias|inv_freq|freqs_cis"
    r"|(cos|sin|cos_sin)_cached?|pe)$|(^|\.)rotary_emb(\.|$)"
)

RULES: tuple[Rule, ...] = (
    Rule("no elements", Reason.empty, empty=True),
    Rule("codes and scales of a quantised weight", Reason.quantized, quantized=True),
    Rule("scalars and vectors", Reason.vector, ndim=(0, 1)),
    Rule("integers and masks", Reason.integer, dtype=r"[IU]\d+|BOOL"),
    Rule("torch's quantised types", Reason.quantized, dtype=r"q(u)?int\d\w*"),
    Rule("complex numbers", Reason.complex, dtype=r"C\d+"),
    Rule(
        "floats without a plain meaning",
        Reason.unsupported_dtype,
        dtype=rf"(?!({'|'.join(sorted(FLOATS))})$)(?s:.*)",
    ),
    Rule("factors of a low-rank adapter", Reason.adapter, id=r"(^|[._])(lora_|hada_w|lokr_w|ia3_l)"),
    Rule("causal masks kept as floats (GPT-2), stacked biases", Reason.not_a_weight, id=r"(^|[._])bias$"),
    Rule("buffers of a module", Reason.not_a_weight, buffer=True),
    Rule("masks and tables that are computed, not trained", Reason.not_a_weight, id=_BUFFER),
    Rule("gates of a recurrent layer", Reason.recurrent, id=r"(^|[._])weight_(ih|hh)(_l\d+(_reverse)?)?$"),
    Rule(
        "positions of an image or of extra axes",
        Reason.unsupported_rank,
        ndim=(3, 9),
        id=r"pos(ition(al)?)?_emb",
    ),
    Rule(
        "embedding tables",
        kind="embedding",
        ndim=(2, 2),
        owner=_EMBEDDING,
        module=r"Embedding(Bag)?",
        named_or_module=True,
    ),
    Rule(
        "linear layers stored as (in, out)", kind="dense", steps=("transpose",), ndim=(2, 2), module="Conv1D"
    ),
    Rule(
        "GPT-2's Conv1D in a file",
        kind="dense",
        steps=("transpose",),
        ndim=(2, 2),
        id=r"(^|\.)h\.\d+\.",
        owner="c_attn|c_proj|c_fc|q_attn",
        model_types=frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer"}),
    ),
    Rule("linear layers, also fused ones", kind="dense", ndim=(2, 2)),
    Rule(
        "kernels stored as (in, out, …)",
        kind="conv2d",
        steps=("conv:slices", "transpose"),
        ndim=(4, 4),
        module="ConvTranspose2d",
    ),
    Rule(
        "kernels stored as (in, out, …)",
        kind="conv1d",
        steps=("conv:slices", "transpose"),
        ndim=(3, 3),
        module="ConvTranspose1d",
    ),
    Rule("images: (out, in, height, width)", kind="conv2d", steps=("conv:slices",), ndim=(4, 4)),
    Rule(
        "sequences: (out, in, length)",
        kind="conv1d",
        steps=("conv:slices",),
        ndim=(3, 3),
        id=_CONV,
        module=r"\w*Conv1d",
        named_or_module=True,
    ),
    Rule("experts stacked in one tensor", Reason.stacked_experts, ndim=(3, 3), id="expert|moe"),
    Rule(
        "three dimensions in a class that is no convolution",
        Reason.unsupported_rank,
        ndim=(3, 3),
        module=r".*",
    ),
    Rule(
        "a weight that may be the kernel of a sequence convolution",
        Reason.unsupported_rank,
        ndim=(3, 3),
        id=r"(^|\.)weight$",
        detail="if it is a Conv1d kernel, pass the nn.Module, or rename it so that a component says conv",
    ),
    Rule("anything else", Reason.unsupported_rank),
)


def decide(tensor: TensorInfo, id: str, *, quantized: bool, model_types: frozenset[str]) -> Rule:
    """The first rule that holds; the last one always does."""
    facts = Facts(tensor, id, owner(id), quantized, model_types)
    return next(rule for rule in _concerned(len(tensor.shape), tensor.dtype) if rule.holds(facts))


@cache
def _concerned(ndim: int, dtype: str) -> tuple[Rule, ...]:
    # A checkpoint of 100,000 tensors has a handful of ranks and types; asking each tensor took three times as long.
    return tuple(rule for rule in RULES if rule.concerns(ndim, dtype))


def model_types(config: Mapping[str, Any]) -> frozenset[str]:
    """`model_type` of the configuration and of the sub-models one level below."""
    found = [config.get("model_type")]
    found += [part.get("model_type") for part in config.values() if isinstance(part, Mapping)]
    return frozenset(name for name in found if isinstance(name, str))
