"""GGUF's tensor names as parameter names of the model they were made from, and what their axes mean.

`blk.0.attn_q.weight` of a Llama is `model.layers.0.self_attn.q_proj.weight`, so ids equal those of the original
checkpoint. The values need not lie in the same order: the converter permutes the rows of queries and keys for its
rotary embedding, and puts fused queries, keys and values of GPT-NeoX, BLOOM and Falcon, interleaved there, one after
another. Spectra and statistics of entries do not change when rows are permuted; the layouts here describe GGUF's order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Sequence

from triplepoint.checkpoints.gguf.families import FAMILIES, Family

_NUMBER = re.compile(r"(?<=\.)[0-9]+(?=\.)")
_EMBEDDINGS = ("token_embd", "position_embd", "token_types", "embed_tokens")
_BUFFERS = ("rope_freqs", "rope_factors_long", "rope_factors_short", "attn_rot_embd")
_LAYOUTS = {
    "attn_qkv": "out(query:H*D,key:K*D,value:K*D),in | out,in",
    "attn_kv_b": "out(H x key:N,value:V),in | out,in",
    "ffn_gate_up_exps": "expert,out(gate,up),in",
    "ssm_conv1d": "out,kernel",
}


def family_of(architecture: object, names: Container[str]) -> Family | None:
    """The dialect of `general.architecture`; a tensor that only one of its variants has decides between them."""
    family = FAMILIES.get(architecture) if isinstance(architecture, str) else None
    if family is not None and family.variant is not None and family.marker in names:
        return family.variant
    return family


def alias(name: str, family: Family | None) -> str | None:
    """The parameter name; None where the family or the tensor is not in the table."""
    if family is None or "{" in name:
        return None
    pattern, numbers = _NUMBER.sub("{}", name), _NUMBER.findall(name)
    whole = family.names.get(pattern)
    if whole is not None:
        return whole.format(*numbers)
    stem, _, last = pattern.rpartition(".")
    found = family.names.get(stem)
    return f"{found.format(*numbers)}.{last}" if found is not None and last in ("weight", "bias") else None


def aliases(names: Collection[str], family: Family | None) -> dict[str, str]:
    """Of the tensors that have one. All aliases and the names of the other tensors differ, since ids are made of them:

    where a broken file would give two tensors one alias, the later one keeps its name.
    """
    found: dict[str, str] = {}
    taken = set(names)
    for name in names:
        other = alias(name, family)
        if other is not None and other not in taken:
            found[name] = other
            taken.add(other)
    return found


def module(name: str) -> str | None:
    """The class of the owning layer where the name says it: tables of tokens, positions and types."""
    return "Embedding" if _part(name) in _EMBEDDINGS else None


def is_buffer(name: str) -> bool:
    """Tables for the rotary embedding: computed, not trained."""
    return _part(name) in _BUFFERS


def layout(name: str, shape: Sequence[int], feed_forward: object) -> str | None:
    """What the axes of a weight mean; None for norms, vectors, biases of attention and what is no matrix.

    `feed_forward`: width of the feed-forward layer; a way up that is twice as wide holds gate and up, in that order.
    """
    part = _part(name)
    if not name.endswith(".weight") or part.endswith(("norm", "attn_rel_b")):
        return None
    if len(shape) == 3:
        return _LAYOUTS.get(part, "expert,out,in") if part.endswith("_exps") else None
    if len(shape) != 2:
        return None
    if part == "ffn_up" and isinstance(feed_forward, int) and shape[0] == 2 * feed_forward:
        return "out(gate,up),in"
    return _LAYOUTS.get(part, "out,in")


def _part(name: str) -> str:
    """`attn_q` of `blk.0.attn_q.weight`."""
    return name.rpartition(".")[0].rpartition(".")[2]
