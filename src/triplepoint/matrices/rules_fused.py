"""Fused weights and stacks of experts: which names hold several matrices, and in which order. One line each.

Sources: the modelling code that writes each layout, named by its model type. Symbols: `heads`, `siblings`. A name alone
splits nothing: the parts must be as wide as the configuration or the neighbours say, or the weight stays whole.
"""

from __future__ import annotations

from typing import Any

from triplepoint.matrices.rule import Rule
from triplepoint.records import Reason

_PLAIN = "out(query:H*D,key:K*D,value:K*D),in"
_BY_HEAD = "out(H x query:D,key:D,value:D),in"
_BY_GROUP = "out(K x query:H/K*D,key:D,value:D),in"
_THIRDS = "out(query:W,key:W,value:W),in"
_GATED = "out(gate:F,up:F),in"
_INTERLEAVED = "query, key and value are interleaved by heads, whose number the file does not hold"

CONV1D = frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer"})
"""Model types whose linear layers are stored as (in, out)."""


def _fused(
    why: str, owner: str, *layouts: str, kind: str = "attention", types: str = "", **more: Any
) -> Rule:
    """A matrix that stays whole where none of the layouts fits; of the model types in `types`, or of any."""
    return Rule(
        why,
        kind=kind,
        layout=" | ".join((*layouts, "out,in")),
        ndim=(2, 2),
        owner=owner,
        model_types=frozenset(types.split()) if types else None,
        **more,
    )


ATTENTION: tuple[Rule, ...] = (
    _fused("torch's MultiheadAttention", "in_proj_weight", _THIRDS),
    Rule(
        "GPT-2's Conv1D, (in, out), where a decoder attends to an encoder: key and value",
        kind="attention",
        layout="in,out(key:W,value:W) | in,out",
        ndim=(2, 2),
        owner="c_attn",
        id=r"(^|\.)h\.\d+\.crossattention\.",
        model_types=CONV1D,
    ),
    Rule(
        "GPT-2's Conv1D, (in, out)",
        kind="attention",
        layout="in,out(query:W,key:W,value:W) | in,out",
        ndim=(2, 2),
        owner="c_attn",
        id=r"(^|\.)h\.\d+\.",
        model_types=CONV1D,
    ),
    _fused(
        "StarCoder: one key and value for all heads, or by head", "c_attn", _BY_GROUP, types="gpt_bigcode"
    ),
    _fused("Qwen 1", "c_attn", _THIRDS, types="qwen"),
    _fused(
        "by head: query, key, value of each",
        "query_key_value",
        _BY_HEAD,
        types="gpt_neox gpt_neox_japanese bloom persimmon fuyu",
    ),
    # One key-value head makes `by group` the same as one part after another.
    _fused(
        "Falcon: by key-value group, one key and value for all heads, or by head",
        "query_key_value",
        _BY_GROUP,
        types="falcon RefinedWeb RefinedWebModel",
    ),
    _fused(
        "ChatGLM 1: by head; from 2 on one part after another",
        "query_key_value",
        _BY_HEAD,
        _PLAIN,
        types="chatglm",
        id="^(?!.*vision)",
    ),
    _fused("InternLM 2: by key-value group", "wqkv", _BY_GROUP, types="internlm2 internlmxcomposer2"),
    _fused(
        "CodeGen: query, value, key of each of four model-parallel groups",
        "qkv_proj",
        "out(4 x query,value,key),in",
        types="codegen",
    ),
    _fused(
        "MiniMax's linear attention: by head",
        "qkv_proj",
        _BY_HEAD,
        types="minimax minimax_text_01 minimax_m1",
    ),
    _fused("Phi-3, exports of vLLM and GGUF: one part after another", "qkv_proj|attn_qkv", _PLAIN),
    _fused("MPT, DBRX, OLMo 1, Bark, ModernBERT, Baichuan", "Wqkv|att_proj|W_pack", _PLAIN, _THIRDS),
    _fused("TinyViT, EfficientFormer: by head", "qkv", beside="attention_biases", detail=_INTERLEAVED),
    _fused("timm's MaxViT: by head in some", "qkv", id=r"\.attn_(block|grid)\.", detail=_INTERLEAVED),
    _fused("vision transformers: three equal parts", "qkv|to_qkv", _THIRDS),
    _fused("Qwen 3.5's linear attention", "in_proj_qkv", "out(query:L*M,key:L*M,value:W),in"),
    _fused("latent attention: key and value of each head", "kv_b_proj", "out(H x key:N,value:V),in"),
    # Not `kv_proj`: in the resamplers of Qwen-VL and MiniCPM-V that is one matrix.
    _fused("key, then value", "to_kv", "out(key,value),in"),
)

FEED_FORWARD: tuple[Rule, ...] = (
    _fused(
        "Phi-4's audio encoder: up, then gate",
        "gate_up_proj",
        "out(up:F,gate:F),in",
        kind="dense",
        id=r"(^|\.)feed_forward_(in|out)\.",
    ),
    _fused("gated feed-forward layers: gate, then up", "gate_up_proj|w12", _GATED, kind="dense"),
    _fused("Granite's shared expert", "input_linear", _GATED, kind="dense", id=r"(^|\.)shared_mlp\."),
    _fused("ChatGLM from 2 on", "dense_h_to_4h", _GATED, kind="dense", types="chatglm"),
    # Its first half goes through the activation, as a gate does elsewhere, whatever its own names say.
    _fused("ModernBERT", "Wi", _GATED, kind="dense", types="modernbert modernbert-decoder"),
)


def _stack(why: str, owner: str, layout: str, types: str = "", **more: Any) -> Rule:
    """Experts stacked along the first axis; of the model types in `types`, or of any."""
    return Rule(
        why,
        kind="expert",
        layout=layout,
        ndim=(3, 3),
        owner=owner,
        model_types=frozenset(types.split()) if types else None,
        **more,
    )


_DIRECT = r"(^|\.)(experts?|moe)\.(?!\d+(\.|$))[^.]+(\.weight)?$"
"""Right below the experts: `experts.gate_up_proj`, not `experts.0.conv`."""
_BIAS = "gate_up_proj_bias"
_OUT_FIRST, _IN_FIRST = "expert,out(gate,up),in", "expert,in,out(gate,up)"
EXPERTS: tuple[Rule, ...] = (
    _stack(
        "gpt-oss: gate and up in turn",
        "gate_up_proj",
        "expert,in,out(* x gate:1,up:1)",
        "gpt_oss",
        beside=_BIAS,
        inputs_first=True,
    ),
    _stack(
        "gpt-oss with its blocks decoded",
        "gate_up_proj",
        "expert,out(* x gate:1,up:1),in",
        "gpt_oss",
        beside=_BIAS,
        inputs_first=False,
    ),
    _stack(
        "a privacy filter with gpt-oss's names: gate, then up",
        "gate_up_proj",
        "expert,in,out(gate,up)",
        "openai_privacy_filter",
        beside=_BIAS,
        inputs_first=True,
    ),
    Rule(
        "one of the two, and nothing says which",
        Reason.stacked_experts,
        ndim=(3, 3),
        owner="gate_up_proj",
        beside=_BIAS,
        detail="gate and up may come in turn; the model type in config.json tells",
    ),
    Rule(
        "gpt-oss without its bias",
        Reason.stacked_experts,
        ndim=(3, 3),
        owner="gate_up_proj",
        model_types=frozenset({"gpt_oss"}),
        detail="no gate_up_proj_bias, which gpt-oss has",
    ),
    _stack("gate, then up", "gate_up_proj", _OUT_FIRST, id=_DIRECT, inputs_first=False),
    _stack("the same as Llama 4 stores it", "gate_up_proj", _IN_FIRST, id=_DIRECT, inputs_first=True),
    Rule("gate and up somehow", Reason.stacked_experts, ndim=(3, 3), id=_DIRECT, owner="gate_up_proj"),
    _stack("the way out of such a one", "down_proj", "expert,in,out", id=_DIRECT, inputs_first=True),
    _stack("JetMoE", "input_linear", _OUT_FIRST, beside="output_linear.weight", inputs_first=False),
    _stack("JetMoE's way out", "output_linear", "expert,out,in", inputs_first=False),
    # Which axis is the input changes no number of a matrix that is not fused, only what is called a row.
    _stack("a way in", "gate_proj|up_proj", "expert,out,in:X | expert,in:X,out | expert,out,in", id=_DIRECT),
    _stack("a way out", "down_proj", "expert,out:X,in | expert,in,out:X | expert,out,in", id=_DIRECT),
    Rule(
        "DBRX: all experts one below the other",
        Reason.stacked_experts,
        ndim=(2, 2),
        id=r"(^|\.)experts\.mlp\.(w1|v1|w2)$",
        detail="the experts lie one below the other in two dimensions",
    ),
    Rule("one expert of many", kind="expert", ndim=(2, 2), id=r"(^|\.)experts?\.(expert_)?\d+\."),
)

OTHER_EXPERTS: tuple[Rule, ...] = (
    Rule("other weights of stacked experts", kind="expert", layout="expert,out,in", ndim=(3, 3), id=_DIRECT),
)
