"""What becomes of a tensor: a table, read from the top, first match wins. A new layer type is one more line.

Reasons come before kinds, special kinds before general ones. A rule sees the header alone: number of dimensions,
element type, canonical id, owner (`names.owner`), class of the owning module where one is known, the model types of
the configuration, and what the shapes of its neighbours tell (`siblings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.matrices.names import owner
from triplepoint.matrices.rule import Facts, Rule
from triplepoint.matrices.rules_fused import ATTENTION, CONV1D, EXPERTS, FEED_FORWARD, OTHER_EXPERTS
from triplepoint.records import Reason

FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
"""Element types that are analysed as they are."""

_EMBEDDING = (
    r"wte|wpe|shared|emb|embed|embeddings?|\w+_emb|\w+_embeds?|\w+_embeddings?|embed_(tokens|positions|in)|token_embd"
    r"|relative_attention_bias|relative_position_bias_table"
)
_GATED: dict[str, Any] = {
    "owner": r"(.*[._])?weight_(ih|hh)(_l\d+(_reverse)?)?",
    "id": r"_(ih|hh)(_l\d+(_reverse)?)?$",
}
_CONV = r"(^|[._])[a-z]*conv(olution)?s?([._\d]|$)"
# Whole components, and the last one unless nothing below it can be trained: `pe.weight` is a weight.
_BUFFER = (
    r"(^|\.)(tril|triu|((causal|attn|attention)_)+mask|weight_mask|masked_bias|inv_freq|freqs_cis"
    r"|(cos|sin|cos_sin)_cached?|pe)$|(^|\.)rotary_emb(\.|$)"
)


def _convolutions(axes: int, named: str | None) -> tuple[Rule, ...]:
    """Kernels over `axes` axes; transposed ones by class alone. `layouts.flat` sees to single channels."""
    ndim, kind = (axes + 2, axes + 2), f"conv{axes}d"
    known: dict[str, Any] = {"module": rf"\w*Conv{axes}d", "named_or_module": True} if named else {}
    return (
        Rule(
            "kernels stored as (in, out, …)",
            kind=kind,
            layout="in,out,kernel",
            ndim=ndim,
            module=f"ConvTranspose{axes}d",
        ),
        Rule("kernels: (out, in, …)", kind=kind, layout="out,in,kernel", ndim=ndim, id=named, **known),
    )


RULES: tuple[Rule, ...] = (
    Rule("no elements", Reason.empty, empty=True),
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
    Rule(
        "causal masks kept as floats (GPT-2), stacked biases",
        Reason.not_a_weight,
        owner=r"(.*[._])?bias",
        id="bias$",
    ),
    Rule("buffers of a module", Reason.not_a_weight, buffer=True),
    Rule("masks and tables that are computed, not trained", Reason.not_a_weight, id=_BUFFER),
    Rule(
        "GRU: reset, update, new",
        kind="recurrent",
        layout="out(reset,update,new),in",
        ndim=(2, 2),
        **_GATED,
        gates=3,
    ),
    Rule(
        "LSTM: input, forget, cell, output",
        kind="recurrent",
        layout="out(input,forget,cell,output),in",
        ndim=(2, 2),
        **_GATED,
        gates=4,
    ),
    Rule("a recurrent layer without gates", kind="recurrent", ndim=(2, 2), **_GATED, gates=1),
    Rule("gates of a recurrent layer", Reason.recurrent, **_GATED),
    Rule(
        "projection of a recurrent layer",
        kind="recurrent",
        ndim=(2, 2),
        owner=r"(.*[._])?weight_hr(_l\d+(_reverse)?)?",
    ),
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
    *ATTENTION,
    *FEED_FORWARD,
    *EXPERTS,
    Rule("linear layers stored as (in, out)", kind="dense", layout="in,out", ndim=(2, 2), module="Conv1D"),
    Rule(
        "GPT-2's Conv1D in a file",
        kind="dense",
        layout="in,out",
        ndim=(2, 2),
        id=r"(^|\.)h\.\d+\.",
        owner="c_attn|c_proj|c_fc|q_attn",
        model_types=CONV1D,
    ),
    Rule("linear layers", kind="dense", ndim=(2, 2)),
    *_convolutions(1, named=_CONV),
    *OTHER_EXPERTS,
    *_convolutions(2, named=None),
    *_convolutions(3, named=None),
    Rule(
        "three dimensions in a class that is no convolution",
        Reason.unsupported_rank,
        ndim=(3, 3),
        module=r".*",
    ),
    Rule(
        "a weight that may be the kernel of a convolution",
        Reason.unsupported_rank,
        ndim=(3, 5),
        id=r"(^|\.)weight$",
        detail="if it is a kernel, say so with --layout GLOB=out,in,kernel, or pass the nn.Module",
    ),
    Rule("anything else", Reason.unsupported_rank),
)


class Table:
    """The rules for one checkpoint. It remembers which of them can concern a kind of tensor:

    100,000 tensors have a few hundred kinds, and asking each tensor every rule took half of the planning.
    """

    def __init__(self, model_types: frozenset[str], rules: Sequence[Rule] = RULES) -> None:
        self._rules = rules
        self._model_types = model_types
        self._concerned: dict[tuple[Any, ...], tuple[Rule, ...]] = {}

    def decide(self, facts: Facts) -> Rule:
        """The first rule that holds; the last one always does."""
        tensor = facts.tensor
        kind = (len(tensor.shape), tensor.decoded or tensor.dtype, owner(facts.id), tensor.module)
        rules = self._concerned.get(kind)
        if rules is None:
            rules = tuple(rule for rule in self._rules if rule.concerns(*kind, self._model_types))
            self._concerned[kind] = rules
        return next(rule for rule in rules if rule.holds(facts))


def model_types(config: Mapping[str, Any]) -> frozenset[str]:
    """`model_type` of the configuration and of the sub-models one level below."""
    found = [config.get("model_type")]
    found += [part.get("model_type") for part in config.values() if isinstance(part, Mapping)]
    return frozenset(name for name in found if isinstance(name, str))
