"""GGUF's names of tensors and the parameters they stand for in Llama and its kin, one line a name.

`{}` stands for the number of a layer or expert. A name without ending goes with `.weight` and `.bias`; one that ends
in either, or has none, is replaced as a whole. A tensor that is not listed keeps its name. Source: the names in
published checkpoints; the tests ask llama.cpp's own table whether each leads back to its GGUF name.
"""

from __future__ import annotations

from collections.abc import Mapping


def layers(prefix: str, names: Mapping[str, str], block: str = "blk") -> dict[str, str]:
    """The lines of one layer: both sides with their prefix and the number of the layer."""
    return {f"{block}.{{}}.{name}": f"{prefix}.{{}}.{target}" for name, target in names.items()}


LLAMA = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    **layers(
        "model.layers",
        {
            "attn_norm": "input_layernorm",
            "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj",
            "attn_qkv": "self_attn.qkv_proj",
            "attn_output": "self_attn.o_proj",
            "attn_q_norm": "self_attn.q_norm",
            "attn_k_norm": "self_attn.k_norm",
            "ffn_norm": "post_attention_layernorm",
            "ffn_gate": "mlp.gate_proj",
            "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj",
        },
    ),
}
LATENT = layers(
    "model.layers",
    {
        "attn_q_a": "self_attn.q_a_proj",
        "attn_q_a_norm": "self_attn.q_a_layernorm",
        "attn_q_b": "self_attn.q_b_proj",
        "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa",
        "attn_kv_a_norm": "self_attn.kv_a_layernorm",
        "attn_kv_b": "self_attn.kv_b_proj",
    },
)
EXPERTS = layers(
    "model.layers",
    {
        "ffn_gate_inp": "mlp.gate",
        "exp_probs_b.bias": "mlp.gate.e_score_correction_bias",
        "ffn_gate_exps.weight": "mlp.experts.gate_proj",
        "ffn_up_exps.weight": "mlp.experts.up_proj",
        "ffn_down_exps.weight": "mlp.experts.down_proj",
        "ffn_gate_up_exps.weight": "mlp.experts.gate_up_proj",
        "ffn_gate_exps.bias": "mlp.experts.gate_proj_bias",
        "ffn_up_exps.bias": "mlp.experts.up_proj_bias",
        "ffn_down_exps.bias": "mlp.experts.down_proj_bias",
        "ffn_gate_shexp": "mlp.shared_experts.gate_proj",
        "ffn_up_shexp": "mlp.shared_experts.up_proj",
        "ffn_down_shexp": "mlp.shared_experts.down_proj",
    },
)
NEXT_TOKENS = layers(
    "model.layers",
    {
        "nextn.eh_proj": "eh_proj",
        "nextn.embed_tokens": "embed_tokens",
        "nextn.enorm": "enorm",
        "nextn.hnorm": "hnorm",
        "nextn.shared_head_head": "shared_head.head",
        "nextn.shared_head_norm": "shared_head.norm",
    },
)
MIXTRAL = LLAMA | layers(
    "model.layers",
    {
        "ffn_gate_inp": "block_sparse_moe.gate",
        "ffn_gate_exps.weight": "block_sparse_moe.experts.w1",
        "ffn_down_exps.weight": "block_sparse_moe.experts.w2",
        "ffn_up_exps.weight": "block_sparse_moe.experts.w3",
        "ffn_gate.{}": "block_sparse_moe.experts.{}.w1",  # files from before experts were stacked
        "ffn_down.{}": "block_sparse_moe.experts.{}.w2",
        "ffn_up.{}": "block_sparse_moe.experts.{}.w3",
    },
)
SHARED_EXPERT = layers(
    "model.layers",
    {
        "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
        "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
        "ffn_up_shexp": "mlp.shared_expert.up_proj",
        "ffn_down_shexp": "mlp.shared_expert.down_proj",
    },
)
GEMMA_NORMS = layers(
    "model.layers",
    {
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
)
NORMS_AFTER = layers(
    "model.layers",
    {
        "post_attention_norm": "post_attention_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
)
