"""The part that a tensor plays in an adapter, by its name alone.

| dialect | names below the adapted module |
|---|---|
| PEFT | `lora_A.weight`, `lora_B.weight`; `lora_embedding_A`, `lora_embedding_B`; in a module `lora_A.NAME.weight` |
| kohya, ComfyUI | `lora_down.weight`, `lora_up.weight`, `alpha` |
| diffusers | `lora.down.weight`, `lora_linear_layer.down.weight`, `to_q_lora.down.weight` |
| torchtune, GGUF, MLX | `lora_a.weight`; `weight.lora_a`; `lora_a`, where the last is (in, r) |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """One tensor of the adapter called `adapter` of the module at `path`."""

    path: str
    adapter: str | None
    role: str
    """`down` (r × in), `up` (out × r), `magnitude`, or `other`: something that changes the product."""
    embedding: bool = False
    """Factors of a lookup table, whose update is the transpose of their product."""


_ROLES = {
    "lora_A": "down",
    "lora_B": "up",
    "lora_embedding_A": "down",
    "lora_embedding_B": "up",
    "lora_down": "down",
    "lora_up": "up",
    "lora_a": "down",
    "lora_b": "up",
    "lora_magnitude_vector": "magnitude",
    "lora_magnitude": "magnitude",
    "dora_scale": "magnitude",
    # the diagonals of AdaLoRA and KaSA, the core of a decomposed kernel
    "lora_E": "other",
    "lora_diag": "other",
    "lora_mid": "other",
}
_KINDS = {
    "LoHa": "hada_w1_a hada_w1_b hada_w2_a hada_w2_b hada_t1 hada_t2",
    "LoKr": "lokr_w1 lokr_w1_a lokr_w1_b lokr_w2 lokr_w2_a lokr_w2_b lokr_t2",
    "IA3": "ia3_l",
    "OFT": "oft_R oft_embedding_R oft_blocks oft_diag",
    "BOFT": "boft_R boft_s",
    "VeRA": "vera_A vera_B vera_lambda_b vera_lambda_d",
    "RandLoRA": "randlora_A randlora_B randlora_lambda randlora_gamma",
    "FourierFT": "fourierft_spectrum",
    "GraLoRA": "gralora_A gralora_B gralora_A_general gralora_B_general",
    "HiRA": "hira_A hira_B hira_embedding_A hira_embedding_B",
    "DeLoRA": "delora_A delora_B delora_lambda",
    "GLoRA": "glora_A glora_B glora_C glora_D glora_E",
    "Poly": "poly_lora_A poly_lora_B poly_router",
    "VB-LoRA": "vblora_logits_A vblora_logits_B vblora_vector_bank",
    "Lily": "lily_A lily_B lily_router",
    "MiSS": "miss_block bone_block",
    "SHiRA": "shira_weight",
    "C3A": "c3a_kernel",
    "HRA": "hra_u",
    "RoAd": "road_theta road_alpha",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}


def member(name: str) -> Member | None:
    """The part of a factor or its companion; None for any other tensor. Costs one split of the last four words."""
    words = name.rsplit(".", 3)
    if words[-1] == "bias":
        return None
    if words[-1] == "weight" and len(words) > 1:
        words.pop()
    if (role := _ROLES.get(words[-1])) is not None:
        return Member(".".join(words[:-1]), None, role, "embedding" in words[-1])
    if len(words) < 2:
        return None
    *path, owner, last = words
    if (role := _ROLES.get(owner)) is not None:
        return Member(".".join(path), last, role, "embedding" in owner)
    if last in ("down", "up") and (owner in ("lora", "lora_linear_layer") or owner.endswith("_lora")):
        # `to_q_lora` stands beside the `to_q` that it adapts
        return Member(".".join([*path, owner[:-5]] if owner.endswith("_lora") else path), None, last)
    return None


def kind(name: str) -> str | None:
    """What an adapter that is no product of two factors calls itself, such as LoHa; None for any other tensor."""
    words = (_KIND_OF.get(word) for word in name.rsplit(".", 3)[-3:])
    return next((found for found in words if found is not None), None)
