"""Which dialect of `dialects` an architecture speaks: one line each.

An architecture that is not listed keeps GGUF's names. So do those whose originals fuse what GGUF has apart
(InternLM 2, Baichuan), since no name of the original would fit. Models that Hugging Face wraps (the language half of a
vision model) have a prefix there that GGUF has dropped: their ids differ by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triplepoint.checkpoints.gguf import dialects as names
from triplepoint.checkpoints.gguf import dialects_other as other
from triplepoint.checkpoints.gguf.dialects import LLAMA, layers


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of one architecture spell their parameters in Hugging Face checkpoints."""

    model_type: str
    """As in `config.json`."""
    names: Mapping[str, str]
    marker: str = ""
    """A tensor that only files of `variant` have."""
    variant: Family | None = None


_MOE = LLAMA | names.EXPERTS
_QWEN_MOE = _MOE | names.SHARED_EXPERT
_GEMMA = LLAMA | names.GEMMA_NORMS
_AFTER = LLAMA | names.NORMS_AFTER
_DEEPSEEK = LLAMA | names.LATENT | names.EXPERTS | names.NEXT_TOKENS
_NORM_AFTER = layers("model.layers", {"post_attention_norm": "post_attention_layernorm"})
_GATED = "enc.blk.0.ffn_gate.weight"

FAMILIES: dict[str, Family] = {
    "llama": Family("llama", LLAMA, "blk.0.ffn_gate_inp.weight", Family("mixtral", names.MIXTRAL)),
    "mistral3": Family("mistral", LLAMA),
    "qwen": Family("qwen", other.QWEN),
    "qwen2": Family("qwen2", LLAMA),
    "qwen2moe": Family("qwen2_moe", _QWEN_MOE),
    "qwen2vl": Family("qwen2_vl", LLAMA),
    "qwen3": Family("qwen3", LLAMA),
    "qwen3moe": Family("qwen3_moe", _MOE),
    "qwen3vl": Family("qwen3_vl", LLAMA),
    "qwen3vlmoe": Family("qwen3_vl_moe", _MOE),
    "gemma": Family("gemma", LLAMA),
    "gemma2": Family("gemma2", _GEMMA),
    "gemma3": Family("gemma3_text", _GEMMA),
    "gemma-embedding": Family(
        "gemma3_text", {name: target.removeprefix("model.") for name, target in _GEMMA.items()}
    ),
    "phi2": Family(
        "phi",
        LLAMA
        | {"output_norm": "model.final_layernorm"}
        | layers(
            "model.layers", {"attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"}
        ),
    ),
    "phi3": Family("phi3", LLAMA | layers("model.layers", {"ffn_up": "mlp.gate_up_proj"})),
    "phimoe": Family("phimoe", names.MIXTRAL),
    "deepseek": Family("deepseek", _DEEPSEEK),
    "deepseek2": Family("deepseek_v2", _DEEPSEEK),
    "minicpm": Family("minicpm", LLAMA),
    "minicpm3": Family("minicpm3", LLAMA | names.LATENT),
    "olmo": Family("olmo", LLAMA),
    "olmo2": Family("olmo2", _AFTER),
    "olmoe": Family("olmoe", _MOE),
    "starcoder2": Family(
        "starcoder2", LLAMA | layers("model.layers", {"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"})
    ),
    "command-r": Family("cohere", LLAMA),
    "cohere2": Family("cohere2", LLAMA),
    "granite": Family("granite", LLAMA),
    "granitemoe": Family(
        "granitemoe",
        _MOE
        | layers(
            "model.layers",
            {
                "ffn_gate_inp": "block_sparse_moe.router.layer",
                "ffn_down_exps.weight": "block_sparse_moe.output_linear",
                "ffn_down_shexp": "shared_mlp.output_linear",
            },
        ),
    ),
    "stablelm": Family("stablelm", LLAMA),
    "smollm3": Family("smollm3", LLAMA),
    "nemotron": Family("nemotron", LLAMA),
    "orion": Family("orion", LLAMA),
    "xverse": Family("xverse", LLAMA),
    "arcee": Family("arcee", LLAMA),
    "seed_oss": Family("seed_oss", LLAMA | _NORM_AFTER),
    "ernie4_5": Family("ernie4_5", LLAMA),
    "chameleon": Family("chameleon", LLAMA),
    "bitnet": Family("bitnet", LLAMA),
    "exaone": Family("exaone", other.EXAONE),
    "exaone4": Family("exaone4", _AFTER),
    "glm4": Family(
        "glm4",
        LLAMA
        | names.NEXT_TOKENS
        | layers(
            "model.layers",
            {
                "ffn_up": "mlp.gate_up_proj",
                "post_attention_norm": "post_self_attn_layernorm",
                "post_ffw_norm": "post_mlp_layernorm",
            },
        ),
    ),
    "glm4moe": Family(
        "glm4_moe",
        _DEEPSEEK | _NORM_AFTER,
    ),
    "dots1": Family("dots1", _MOE),
    "gpt-oss": Family(
        "gpt_oss",
        _MOE
        | _NORM_AFTER
        | layers("model.layers", {"attn_sinks.weight": "self_attn.sinks", "ffn_gate_inp": "mlp.router"}),
    ),
    "chatglm": Family("chatglm", other.CHATGLM),
    "bert": Family("bert", other.BERT),
    "nomic-bert": Family("nomic_bert", other.NOMIC),
    "modern-bert": Family("modernbert", other.MODERN_BERT),
    "gpt2": Family("gpt2", other.GPT2),
    "gptneox": Family("gpt_neox", other.NEOX),
    "bloom": Family("bloom", other.BLOOM),
    "falcon": Family("falcon", other.FALCON, "blk.0.attn_norm_2.weight", Family("falcon", other.FALCON_40B)),
    "mpt": Family("mpt", other.MPT),
    "starcoder": Family("gpt_bigcode", other.STARCODER),
    "mamba": Family("mamba", other.MAMBA),
    "t5": Family("t5", other.T5, _GATED, Family("t5", other.T5_GATED)),
    "t5encoder": Family("t5", other.T5, _GATED, Family("t5", other.T5_GATED)),
}
