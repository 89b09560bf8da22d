"""Fused weights and stacks of experts: which names hold several matrices, and in which order. One line each.

Sources: the modelling code that writes each layout, named by its model type. Symbols: `heads`.
"""

from __future__ import annotations

from triplepoint.matrices.rule import Rule
from triplepoint.records import Reason

_PLAIN = "out(query:H*D,key:K*D,value:K*D),in"
_BY_HEAD = "out(H x query:D,key:D,value:D),in"
_BY_GROUP = "out(K x query:H/K*D,key:D,value:D),in"
_THIRDS = "out(query,key,value),in"
_AS_STORED = "out,in"


def _types(*names: str) -> frozenset[str]:
    return frozenset(names)


ATTENTION: tuple[Rule, ...] = (
    Rule(
        "torch's MultiheadAttention",
        kind="attention",
        layout=_THIRDS,
        ndim=(2, 2),
        id=r"(^|\.)in_proj_weight$",
    ),
    Rule(
        "GPT-2's Conv1D: (in, out), three equal parts",
        kind="attention",
        layout=f"in,{_THIRDS.removesuffix(',in')}",
        ndim=(2, 2),
        owner="c_attn",
        id=r"(^|\.)h\.\d+\.",
        model_types=_types("gpt2", "openai-gpt", "imagegpt", "decision_transformer"),
    ),
    Rule(
        "StarCoder: one key and value for all heads, or each head with its own",
        kind="attention",
        layout=f"out(query:H*D,key:D,value:D),in | out(H x query,key,value),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="c_attn",
        model_types=_types("gpt_bigcode"),
    ),
    Rule("Qwen 1", kind="attention", layout=_THIRDS, ndim=(2, 2), owner="c_attn", model_types=_types("qwen")),
    Rule(
        "head by head: query, key, value of each",
        kind="attention",
        layout=f"{_BY_HEAD} | {_AS_STORED}",
        ndim=(2, 2),
        owner="query_key_value",
        model_types=_types("gpt_neox", "gpt_neox_japanese", "bloom", "persimmon", "fuyu"),
    ),
    Rule(
        "Falcon: by key-value group, one key and value for all heads, or head by head",
        kind="attention",
        layout=f"{_BY_GROUP} | {_AS_STORED}",
        ndim=(2, 2),
        owner="query_key_value",
        # One key-value head makes `by group` the same as one part after another.
        model_types=_types("falcon", "RefinedWeb", "RefinedWebModel"),
    ),
    Rule(
        "ChatGLM: one part after another",
        kind="attention",
        layout=f"{_PLAIN} | {_AS_STORED}",
        ndim=(2, 2),
        owner="query_key_value",
        model_types=_types("chatglm", "glm"),
    ),
    Rule(
        "InternLM 2: by key-value group",
        kind="attention",
        layout=f"{_BY_GROUP} | {_AS_STORED}",
        ndim=(2, 2),
        owner="wqkv",
    ),
    Rule(
        "CodeGen: query, value, key of each of four model-parallel groups",
        kind="attention",
        layout="out(4 x query,value,key),in",
        ndim=(2, 2),
        owner="qkv_proj",
        model_types=_types("codegen"),
    ),
    Rule(
        "Phi-3, MPT, DBRX, OLMo 1 and exports of vLLM: one part after another, by the numbers of heads",
        kind="attention",
        layout=f"{_PLAIN} | {_AS_STORED}",
        ndim=(2, 2),
        owner="qkv_proj|Wqkv|att_proj|attn_qkv|qkv_proj_layer",
    ),
    Rule(
        "vision transformers: three equal parts",
        kind="attention",
        layout=f"{_THIRDS} | {_AS_STORED}",
        ndim=(2, 2),
        owner="qkv|to_qkv|in_proj_qkv",
    ),
    Rule(
        "latent attention: key and value of each head",
        kind="attention",
        layout=f"out(H x key:N,value:V),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="kv_b_proj",
    ),
    Rule(
        "key, then value",
        kind="attention",
        layout=f"out(key,value),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="to_kv|kv_proj",
    ),
)

FEED_FORWARD: tuple[Rule, ...] = (
    Rule(
        "gated feed-forward layers: gate, then up",
        kind="dense",
        layout=f"out(gate,up),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="gate_up_proj|w12",
    ),
    Rule(
        "ChatGLM's gated feed-forward layer",
        kind="dense",
        layout=f"out(gate,up),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="dense_h_to_4h",
        model_types=_types("chatglm"),
    ),
    Rule(
        "ModernBERT's gated feed-forward layer",
        kind="dense",
        layout=f"out(gate,up),in | {_AS_STORED}",
        ndim=(2, 2),
        owner="Wi",
        model_types=_types("modernbert"),
    ),
)

_STACK = r"(^|[._])(experts?|moe)([._]|$)"
EXPERTS: tuple[Rule, ...] = (
    Rule(
        "gpt-oss: (expert, in, out), gate and up in turn",
        kind="expert",
        # Dequantised MXFP4 blocks hold the outputs first.
        layout="expert,in:X,out(* x gate:1,up:1) | expert,out(* x gate:1,up:1),in",
        ndim=(3, 3),
        owner="gate_up_proj",
        model_types=_types("gpt_oss"),
    ),
    Rule(
        "Llama 4: (expert, in, out)",
        kind="expert",
        layout="expert,in,out(gate,up)",
        ndim=(3, 3),
        owner="gate_up_proj",
        model_types=_types("llama4", "llama4_text"),
    ),
    Rule(
        "gate and up of every expert, whichever axis is as wide as the model",
        kind="expert",
        layout="expert,out(gate,up),in:X | expert,in:X,out(gate,up)",
        otherwise=Reason.stacked_experts,
        ndim=(3, 3),
        id=_STACK,
        owner="gate_up_proj|w13",
    ),
    Rule(
        "GraniteMoE and JetMoE",
        kind="expert",
        layout="expert,out(gate,up),in:X | expert,in:X,out(gate,up)",
        otherwise=Reason.stacked_experts,
        ndim=(3, 3),
        owner="input_linear",
    ),
    Rule(
        "the way into every expert",
        kind="expert",
        layout="expert,out,in:X | expert,in:X,out | expert,out,in",
        ndim=(3, 3),
        id=_STACK,
        owner="gate_proj|up_proj|w1|w3",
    ),
    Rule(
        "the way out of every expert",
        kind="expert",
        layout="expert,out:X,in | expert,in,out:X | expert,out,in",
        ndim=(3, 3),
        id=_STACK,
        owner="down_proj|w2",
    ),
    Rule(
        "the way out of every expert (GraniteMoE, JetMoE)",
        kind="expert",
        layout="expert,out:X,in | expert,in,out:X | expert,out,in",
        ndim=(3, 3),
        owner="output_linear",
    ),
    Rule("other weights of stacked experts", kind="expert", layout="expert,out,in", ndim=(3, 3), id=_STACK),
    Rule("one expert of many", kind="expert", ndim=(2, 2), id=r"(^|\.)experts?\.\d+\."),
)
