"""What a GGUF file says of its model, in the terms of a Hugging Face `config.json`: what planning asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FIELDS = {
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "moe_intermediate_size": "expert_feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_experts": "expert_count",
    "num_hidden_layers": "block_count",
    "num_key_value_heads": "attention.head_count_kv",
    "vocab_size": "vocab_size",
}
"""`config.json` → GGUF, where the key begins with the architecture."""


def config(metadata: Mapping[str, Any], model_type: str | None) -> dict[str, Any]:
    """`model_type` is left out where the architecture is not known; numbers that differ by layer are, too."""
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        return {}

    def size(key: str) -> int | None:
        value = metadata.get(f"{architecture}.{key}")
        return value if type(value) is int and 0 < value < 2**31 else None

    found: dict[str, Any] = {"gguf_architecture": architecture, "model_type": model_type}
    found |= {name: size(key) for name, key in _FIELDS.items()}
    key = size("attention.key_length_mla") or size("attention.key_length")
    if size("attention.kv_lora_rank") is None:
        found["head_dim"] = key
    else:  # latent attention: keys have a part that turns with the position and one that does not
        turning = size("rope.dimension_count")
        found["qk_nope_head_dim"] = key - turning if key and turning and turning < key else None
        found["v_head_dim"] = size("attention.value_length_mla") or size("attention.value_length")
    return {name: value for name, value in found.items() if value is not None}
