"""Names of the architectures that are not of Llama's kin, in the form of `dialects`."""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.checkpoints.gguf.dialects import layers

BERT = {
    "token_embd": "embeddings.word_embeddings",
    "token_embd_norm": "embeddings.LayerNorm",
    "token_types": "embeddings.token_type_embeddings",
    "position_embd": "embeddings.position_embeddings",
    **layers(
        "encoder.layer",
        {
            "attn_q": "attention.self.query",
            "attn_k": "attention.self.key",
            "attn_v": "attention.self.value",
            "attn_output": "attention.output.dense",
            "attn_output_norm": "attention.output.LayerNorm",
            "ffn_up": "intermediate.dense",
            "ffn_down": "output.dense",
            "layer_output_norm": "output.LayerNorm",
        },
    ),
}
NOMIC = {
    "token_embd": "embeddings.word_embeddings",
    "token_embd_norm": "emb_ln",
    "token_types": "embeddings.token_type_embeddings",
    **layers(
        "encoder.layers",
        {
            "attn_qkv": "attn.Wqkv",
            "attn_output": "attn.out_proj",
            "attn_output_norm": "norm1",
            "ffn_up": "mlp.fc11",
            "ffn_gate": "mlp.fc12",
            "ffn_down": "mlp.fc2",
            "layer_output_norm": "norm2",
        },
    ),
}
MODERN_BERT = {
    "token_embd": "embeddings.tok_embeddings",
    "token_embd_norm": "embeddings.norm",
    "output_norm": "final_norm",
    **layers(
        "layers",
        {
            "attn_norm": "attn_norm",
            "attn_qkv": "attn.Wqkv",
            "attn_output": "attn.Wo",
            "ffn_norm": "mlp_norm",
            "ffn_up": "mlp.Wi",
            "ffn_down": "mlp.Wo",
        },
    ),
}
GPT2 = {
    "token_embd": "wte",
    "position_embd": "wpe",
    "output_norm": "ln_f",
    "output": "lm_head",
    **layers(
        "h",
        {
            "attn_norm": "ln_1",
            "attn_qkv": "attn.c_attn",
            "attn_output": "attn.c_proj",
            "ffn_norm": "ln_2",
            "ffn_up": "mlp.c_fc",
            "ffn_down": "mlp.c_proj",
        },
    ),
}
STARCODER = {
    name: target if target == "lm_head" else f"transformer.{target}" for name, target in GPT2.items()
}
QWEN = STARCODER | layers("transformer.h", {"ffn_gate": "mlp.w2", "ffn_up": "mlp.w1"})
NEOX = {
    "token_embd": "gpt_neox.embed_in",
    "output_norm": "gpt_neox.final_layer_norm",
    "output": "embed_out",
    **layers(
        "gpt_neox.layers",
        {
            "attn_norm": "input_layernorm",
            "attn_qkv": "attention.query_key_value",
            "attn_output": "attention.dense",
            "ffn_norm": "post_attention_layernorm",
            "ffn_up": "mlp.dense_h_to_4h",
            "ffn_down": "mlp.dense_4h_to_h",
        },
    ),
}
_MEGATRON = {
    "attn_norm": "input_layernorm",
    "attn_qkv": "self_attention.query_key_value",
    "attn_output": "self_attention.dense",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.dense_h_to_4h",
    "ffn_down": "mlp.dense_4h_to_h",
}
BLOOM = {
    "token_embd": "word_embeddings",
    "token_embd_norm": "word_embeddings_layernorm",
    "output_norm": "ln_f",
    "output": "lm_head",
    **layers("h", _MEGATRON),
}
FALCON = {
    "token_embd": "transformer.word_embeddings",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
    **layers(
        "transformer.h",
        {
            "attn_norm": "input_layernorm",
            "attn_qkv": "self_attention.query_key_value",
            "attn_output": "self_attention.dense",
            "ffn_up": "mlp.dense_h_to_4h",
            "ffn_down": "mlp.dense_4h_to_h",
        },
    ),
}
FALCON_40B = FALCON | layers("transformer.h", {"attn_norm": "ln_mlp", "attn_norm_2": "ln_attn"})
MPT = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.norm_f",
    "output": "lm_head",
    **layers(
        "transformer.blocks",
        {
            "attn_norm": "norm_1",
            "attn_qkv": "attn.Wqkv",
            "attn_output": "attn.out_proj",
            "attn_q_norm": "attn.q_ln",
            "attn_k_norm": "attn.k_ln",
            "ffn_norm": "norm_2",
            "ffn_up": "ffn.up_proj",
            "ffn_down": "ffn.down_proj",
        },
    ),
}
EXAONE = {
    "token_embd": "transformer.wte",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
    **layers(
        "transformer.h",
        {
            "attn_norm": "ln_1",
            "attn_q": "attn.attention.q_proj",
            "attn_k": "attn.attention.k_proj",
            "attn_v": "attn.attention.v_proj",
            "attn_output": "attn.attention.out_proj",
            "ffn_norm": "ln_2",
            "ffn_gate": "mlp.c_fc_0",
            "ffn_up": "mlp.c_fc_1",
            "ffn_down": "mlp.c_proj",
        },
    ),
}
CHATGLM = {
    "token_embd": "transformer.embedding.word_embeddings",
    "output_norm": "transformer.encoder.final_layernorm",
    "output": "transformer.output_layer",
    **layers("transformer.encoder.layers", _MEGATRON),
}
MAMBA = {
    "token_embd": "backbone.embeddings",
    "output_norm": "backbone.norm_f",
    "output": "lm_head",
    **layers(
        "backbone.layers",
        {
            "attn_norm": "norm",
            "ssm_in": "mixer.in_proj",
            "ssm_conv1d": "mixer.conv1d",
            "ssm_x": "mixer.x_proj",
            "ssm_dt": "mixer.dt_proj",
            "ssm_d": "mixer.D",  # not `ssm_a`, which is -exp(A_log)
            "ssm_out": "mixer.out_proj",
        },
    ),
}


def _t5(block: str, place: int, feed_forward: Mapping[str, str]) -> dict[str, str]:
    """One half of a T5: self-attention, in the decoder cross-attention, then at `place` the feed-forward layer."""
    attention = {"attn": "layer.0.SelfAttention"}
    if block == "decoder":
        attention["cross_attn"] = "layer.1.EncDecAttention"
    names = {
        f"{short}_{letter}": f"{full}.{letter}" for short, full in attention.items() for letter in "qkvo"
    }
    names |= {f"{short}_norm": f"{full[:7]}.layer_norm" for short, full in attention.items()}
    names |= {"attn_rel_b": "layer.0.SelfAttention.relative_attention_bias"}
    names |= {"ffn_norm": f"layer.{place}.layer_norm", "ffn_down": f"layer.{place}.DenseReluDense.wo"}
    names |= {short: f"layer.{place}.DenseReluDense.{full}" for short, full in feed_forward.items()}
    return {
        f"{block[:3]}.output_norm": f"{block}.final_layer_norm",
        **layers(f"{block}.block", names, f"{block[:3]}.blk"),
    }


def _t5_whole(feed_forward: Mapping[str, str]) -> dict[str, str]:
    return {
        "token_embd": "shared",
        "output": "lm_head",
        **_t5("encoder", 1, feed_forward),
        **_t5("decoder", 2, feed_forward),
    }


T5 = _t5_whole({"ffn_up": "wi"})
T5_GATED = _t5_whole({"ffn_gate": "wi_0", "ffn_up": "wi_1"})
