"""What becomes of every tensor of the model families in use: full-size names and shapes, with their configuration.

The lists in `families/` come from the modelling code of transformers, timm and others, not from ours. `{8}` in a name
stands for 0 to 7. `FUSED` says what must be split, and how; everything else must be left in one piece.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from triplepoint import matrices
from triplepoint.matrices.rule import Rule
from triplepoint.matrices.rules import RULES
from triplepoint.records import MatrixPlan, Reason, TensorInfo

FOLDER = Path(__file__).parent / "families"
FAMILIES = sorted(path.stem for path in FOLDER.glob("*.json"))

GATED_STACK = {  # (expert, out, in)
    "model.layers.0.mlp.experts.gate_up_proj": "expert,out(1 x gate:{F},up:{F}),in",
    "model.layers.0.mlp.experts.down_proj": "expert,out,in",
}
FUSED: dict[str, dict[str, str]] = {
    "bark-semantic": {"layers.0.attn.att_proj.weight": "out(1 x query:1024,key:1024,value:1024),in"},
    "bigcode-mha": {"transformer.h.0.attn.c_attn.weight": "out(16 x query:128,key:128,value:128),in"},
    "bloom-560m": {
        "transformer.h.0.self_attention.query_key_value.weight": "out(16 x query:64,key:64,value:64),in"
    },
    "chatglm-6b": {
        "transformer.layers.0.attention.query_key_value.weight": "out(32 x query:128,key:128,value:128),in"
    },
    "chatglm3-6b": {
        "transformer.encoder.layers.0.self_attention.query_key_value.weight": (
            "out(1 x query:4096,key:256,value:256),in"
        ),
        "transformer.encoder.layers.0.mlp.dense_h_to_4h.weight": "out(1 x gate:13696,up:13696),in",
    },
    "codegen-350m": {"transformer.h.0.attn.qkv_proj.weight": "out(4 x query:256,value:256,key:256),in"},
    "dbrx": {
        "transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight": "out(1 x query:6144,key:1024,value:1024),in"
    },
    "deepseek-v3": {
        f"model.layers.{k}.self_attn.kv_b_proj.weight": "out(128 x key:128,value:128),in" for k in (0, 1)
    },
    "falcon-40b": {
        "transformer.h.0.self_attention.query_key_value.weight": "out(8 x query:1024,key:64,value:64),in"
    },
    "falcon-7b": {
        "transformer.h.0.self_attention.query_key_value.weight": "out(1 x query:4544,key:64,value:64),in"
    },
    "falcon-rw-1b": {
        "transformer.h.0.self_attention.query_key_value.weight": "out(32 x query:64,key:64,value:64),in"
    },
    "flux-original": {"double_blocks.0.img_attn.qkv.weight": "out(1 x query:3072,key:3072,value:3072),in"},
    "gpt-oss-20b": {
        "model.layers.0.mlp.experts.gate_up_proj": "expert,in,out(2880 x gate:1,up:1)",
        "model.layers.0.mlp.experts.down_proj": "expert,in,out",  # as wide as long; the way in tells
    },
    "gpt2": {
        "h.0.attn.c_attn.weight": "in,out(1 x query:768,key:768,value:768)",
        **{f"h.0.{name}.weight": "in,out" for name in ("attn.c_proj", "mlp.c_fc", "mlp.c_proj")},
    },
    "granite-3.0-1b-a400m": {
        "model.layers.0.block_sparse_moe.input_linear.weight": "expert,out(1 x gate:512,up:512),in",
        "model.layers.0.block_sparse_moe.output_linear.weight": "expert,out,in",
    },
    "granite-3.0-1b-a400m-stacked": {
        "model.layers.0.block_sparse_moe.experts.gate_up_proj": "expert,out(1 x gate:512,up:512),in",
        "model.layers.0.block_sparse_moe.experts.down_proj": "expert,out,in",
    },
    "granite-speech-2b": {
        "encoder.layers.0.attn.to_kv.weight": "out(1 x key:1024,value:1024),in",
        "language_model.model.layers.0.shared_mlp.input_linear.weight": "out(1 x gate:1024,up:1024),in",
    },
    "internlm2-7b": {"model.layers.0.attention.wqkv.weight": "out(8 x query:512,key:128,value:128),in"},
    "jetmoe-8b": {
        "model.layers.0.self_attention.experts.input_linear.weight": "expert,out,in",
        "model.layers.0.self_attention.experts.output_linear.weight": "expert,out,in",
        "model.layers.0.mlp.input_linear.weight": "expert,out(1 x gate:5632,up:5632),in",
        "model.layers.0.mlp.output_linear.weight": "expert,out,in",
    },
    "llama-4-scout": {
        "language_model.model.layers.0.feed_forward.experts.gate_up_proj": (
            "expert,in,out(1 x gate:8192,up:8192)"
        ),
        "language_model.model.layers.0.feed_forward.experts.down_proj": "expert,in,out",
    },
    "minicpm-v-2.6": {"resampler.attn.in_proj_weight": "out(1 x query:3584,key:3584,value:3584),in"},
    "minimax-text-01": {
        "model.layers.0.self_attn.qkv_proj.weight": "out(64 x query:128,key:128,value:128),in"
    },
    "mixtral-8x7b-stacked": {name: text.format(F=14336) for name, text in GATED_STACK.items()},
    "modernbert-base": {
        "model.layers.0.attn.Wqkv.weight": "out(1 x query:768,key:768,value:768),in",
        "model.layers.0.mlp.Wi.weight": "out(1 x gate:1152,up:1152),in",
    },
    "moshi-depth": {
        "transformer.layers.0.self_attn.in_proj_weight": "out(1 x query:4096,key:4096,value:4096),in"
    },
    "mpt-7b": {"transformer.blocks.0.attn.Wqkv.weight": "out(1 x query:4096,key:4096,value:4096),in"},
    "openai-clip-vit-b-32": {
        "visual.transformer.resblocks.0.attn.in_proj_weight": "out(1 x query:768,key:768,value:768),in",
        "transformer.resblocks.0.attn.in_proj_weight": "out(1 x query:512,key:512,value:512),in",
    },
    "phi-3-mini": {
        "model.layers.0.self_attn.qkv_proj.weight": "out(1 x query:3072,key:3072,value:3072),in",
        "model.layers.0.mlp.gate_up_proj.weight": "out(1 x gate:8192,up:8192),in",
    },
    "phi-4": {
        "model.layers.0.self_attn.qkv_proj.weight": "out(1 x query:5120,key:1280,value:1280),in",
        "model.layers.0.mlp.gate_up_proj.weight": "out(1 x gate:17920,up:17920),in",
    },
    "phi-4-multimodal": {
        "model.layers.0.self_attn.qkv_proj.weight": "out(1 x query:3072,key:1024,value:1024),in",
        "model.layers.0.mlp.gate_up_proj.weight": "out(1 x gate:8192,up:8192),in",
        "model.embed_tokens_extend.image_embed.img_processor.head.attention.in_proj_weight": (
            "out(1 x query:1152,key:1152,value:1152),in"
        ),
        **{
            f"model.embed_tokens_extend.audio_embed.encoder.encoders.0.{name}.gate_up_proj.weight": (
                "out(1 x up:1536,gate:1536),in"
            )
            for name in ("feed_forward_in", "feed_forward_out")
        },
    },
    "pythia-1.4b": {
        "gpt_neox.layers.0.attention.query_key_value.weight": "out(16 x query:128,key:128,value:128),in"
    },
    "qwen-7b": {"transformer.h.0.attn.c_attn.weight": "out(1 x query:4096,key:4096,value:4096),in"},
    "qwen2.5-vl-7b": {"visual.blocks.0.attn.qkv.weight": "out(1 x query:1280,key:1280,value:1280),in"},
    "qwen3-30b-a3b-stacked": {name: text.format(F=768) for name, text in GATED_STACK.items()},
    "qwen3-vl-30b-a3b": {
        "model.visual.blocks.0.attn.qkv.weight": "out(1 x query:1152,key:1152,value:1152),in",
        "model.language_model.layers.0.mlp.experts.gate_up_proj": "expert,in,out(1 x gate:768,up:768)",
        "model.language_model.layers.0.mlp.experts.down_proj": "expert,in,out",
    },
    "qwen3.5-27b": {
        "model.visual.blocks.0.attn.qkv.weight": "out(1 x query:1152,key:1152,value:1152),in",
        "model.language_model.layers.0.linear_attn.in_proj_qkv.weight": (
            "out(1 x query:2048,key:2048,value:6144),in"
        ),
    },
    "starcoder": {"transformer.h.0.attn.c_attn.weight": "out(1 x query:6144,key:128,value:128),in"},
    "timm-hybrids": {
        "swin.layers.0.blocks.0.attn.qkv.weight": "out(1 x query:96,key:96,value:96),in",
        "hiera.blocks.2.attn.qkv.weight": "out(1 x query:192,key:192,value:192),in",
        "narrower.blocks.0.attn.qkv.weight": "out(1 x query:1408,key:1408,value:1408),in",
        "dinov2.blocks.0.mlp.w12.weight": "out(1 x gate:4096,up:4096),in",
    },
    "timm-vit-base": {"blocks.0.attn.qkv.weight": "out(1 x query:768,key:768,value:768),in"},
    "vit-encoder-gpt2-decoder": {
        "decoder.transformer.h.0.attn.c_attn.weight": "in,out(1 x query:768,key:768,value:768)",
        "decoder.transformer.h.0.crossattention.c_attn.weight": "in,out(1 x key:768,value:768)",
        **{
            f"decoder.transformer.h.0.{name}.weight": "in,out"
            for name in (
                "attn.c_proj",
                "crossattention.q_attn",
                "crossattention.c_proj",
                "mlp.c_fc",
                "mlp.c_proj",
            )
        },
    },
}
"""Stored name → layout in numbers, of every tensor that is not simply (out, in) or a kernel (out, in, …)."""

LEFT_OUT = {
    "bark-semantic": {"layers.0.attn.bias": Reason.not_a_weight},
    "dbrx": {
        f"transformer.blocks.0.ffn.experts.mlp.{name}": Reason.stacked_experts for name in ("w1", "v1", "w2")
    },
    "gpt-oss-20b": {
        f"model.layers.0.mlp.experts.{name}_proj_bias": Reason.not_a_weight for name in ("gate_up", "down")
    },
    "gpt2": {"h.0.attn.bias": Reason.not_a_weight},
    "phi-4-multimodal": {
        "model.embed_tokens_extend.image_embed.global_img_feature_extensor": Reason.unsupported_rank,
        "model.embed_tokens_extend.image_embed.sub_img_feature_extensor": Reason.single_channel,
        "model.embed_tokens_extend.image_embed.img_processor.head.probe": Reason.unsupported_rank,
    },
    "timm-vit-base": {"cls_token": Reason.unsupported_rank, "pos_embed": Reason.unsupported_rank},
    "vit-encoder-gpt2-decoder": {
        f"encoder.embeddings.{name}": Reason.unsupported_rank for name in ("cls_token", "position_embeddings")
    },
    "wav2vec2-base": {"wav2vec2.encoder.pos_conv_embed.conv.weight_g": Reason.single_channel},
}
"""Matrices and more that are no weights, or cannot be formed; vectors besides."""

PLAIN = {2: "out,in", 3: "out,in,kernel", 4: "out,in,kernel,kernel", 5: "out,in,kernel,kernel,kernel"}


@cache
def family(name: str) -> tuple[dict[str, Any], tuple[TensorInfo, ...]]:
    """Configuration and headers."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    tensors = []
    for pattern, shape in found["tensors"].items():
        many = re.search(r"\{(\d+)\}", pattern)
        names = [pattern.replace(many[0], str(k)) for k in range(int(many[1]))] if many else [pattern]
        tensors += [TensorInfo(one, "BF16", tuple(shape)) for one in names]
    return found["config"], tuple(tensors)


def planned(name: str, **changes: Any) -> dict[str, list[MatrixPlan]]:
    """{stored name: its plans} with the family's own configuration, or another."""
    config, tensors = family(name)
    plans: dict[str, list[MatrixPlan]] = {}
    for plan in matrices.plan(tensors, changes.get("config", config)):
        plans.setdefault(plan.name, []).append(plan)
    return plans


def pieces(plans: list[MatrixPlan]) -> list[str]:
    return [str(plan.piece) for plan in plans if plan.piece is not None]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_fused_is_split_and_nothing_else(name: str) -> None:
    for stored, plans in planned(name).items():
        whole = plans[0]
        expected = FUSED.get(name, {}).get(stored)
        reason = LEFT_OUT.get(name, {}).get(stored, Reason.vector if len(whole.tensor_shape) < 2 else None)
        assert whole.reason is reason, stored
        if reason is not None:
            assert len(plans) == 1, stored
        elif expected is not None:
            assert whole.layout == expected, stored
        else:
            depthwise = len(whole.tensor_shape) > 2 and whole.tensor_shape[1] == 1
            words = PLAIN[len(whole.tensor_shape)]
            assert whole.layout == (words.replace("in", "1") if depthwise else words), stored
            assert pieces(plans) == [], stored


@pytest.mark.parametrize("name", FAMILIES)
def test_every_tensor_is_the_source_of_one_weight_and_every_row_has_an_id(name: str) -> None:
    _, tensors = family(name)
    plans = [plan for plans in planned(name).values() for plan in plans]
    sources = Counter(source for names in {plan.sources for plan in plans} for source in names)
    assert sources == Counter(tensor.name for tensor in tensors)
    assert len({plan.id for plan in plans}) == len(plans)


@pytest.mark.parametrize("name", sorted(FUSED))
def test_the_parts_that_count_hold_every_entry_once(name: str) -> None:
    for stored, plans in planned(name).items():
        counted = [plan for plan in plans if plan.counted]
        assert {plan.secondary for plan in counted} <= {False}
        if counted:
            size = sum(plan.shape[0] * plan.shape[1] * plan.slices for plan in counted if plan.shape)
            assert size == math.prod(plans[0].tensor_shape), stored


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mixtral-8x7b", "mixtral-8x7b-stacked"),
        ("qwen3-30b-a3b", "qwen3-30b-a3b-stacked"),
        ("granite-3.0-1b-a400m", "granite-3.0-1b-a400m-stacked"),
    ],
)
def test_experts_have_one_id_and_one_shape_on_disk_and_in_memory(one: str, other: str) -> None:
    """The second list is how transformers 5 holds the same model in memory."""

    def experts(name: str) -> dict[str, Any]:
        plans = [plan for plans in planned(name).values() for plan in plans]
        return {plan.id: (plan.kind, plan.shape, plan.counted) for plan in plans if plan.kind == "expert"}

    assert experts(one) == experts(other)
    assert len(experts(one)) > 20


@pytest.mark.parametrize("name", FAMILIES)
def test_without_its_configuration_a_weight_is_split_in_the_same_way_or_not_at_all(name: str) -> None:
    known, unknown = planned(name), planned(name, config={})
    for stored, plans in unknown.items():
        if pieces(plans):
            assert [plan.layout for plan in plans] == [plan.layout for plan in known[stored]], stored
        elif pieces(known[stored]):
            assert plans[0].kind == "dense" or plans[0].detail or plans[0].reason, stored


BY_NAME_ALONE = {
    # Four groups of (query, value, key) and three parts are equally wide: only the model type tells them apart.
    ("codegen-350m", "bark-semantic"),
    ("codegen-350m", "bloom-560m"),
    ("codegen-350m", "phi-4-multimodal"),
    ("phi-3-mini", "codegen-350m"),
    ("minimax-text-01", "codegen-350m"),
    # StarCoder's relatives by head, Qwen one part after another, under one name.
    ("bigcode-mha", "qwen-7b"),
    # Sixteen heads of 128 are as wide as thirty-two of 64.
    ("falcon-rw-1b", "pythia-1.4b"),
    ("pythia-1.4b", "falcon-rw-1b"),
    # A Llama under InternLM's type, in equal sizes.
    ("gpt-fast-llama-3.1-8b", "internlm2-7b"),
}


def test_a_configuration_of_another_model_misleads_only_where_all_sizes_agree() -> None:
    configs = {name: family(name)[0] for name in FAMILIES}
    misled = set()
    for name in [*FUSED, "gpt-fast-llama-3.1-8b"]:
        blocks = {stored.removesuffix(".weight").rpartition(".")[0] for stored in FUSED.get(name, ())}
        blocks.add("layers.0.attention")
        some = [
            # two experts are enough
            replace(tensor, shape=(2, *tensor.shape[1:])) if len(tensor.shape) == 3 else tensor
            for tensor in family(name)[1]
            if tensor.name.removesuffix(".weight").rpartition(".")[0] in blocks
        ]
        right = {plan.id: plan.layout for plan in matrices.plan(some, configs[name])}
        for other, config in configs.items():
            for plan in matrices.plan(some, config):
                if plan.piece is not None and plan.layout != right.get(plan.id):
                    misled.add((name, other))
    assert misled == BY_NAME_ALONE


def test_a_stranger_extends_the_table_by_a_line() -> None:
    """A model that nobody has told us of: its own name, its own order."""
    tensors = [TensorInfo("blocks.0.mix.vqk.weight", "F32", (24, 8))]
    assert len(matrices.plan(tensors, {})) == 1
    line = Rule("our own", kind="attention", layout="out(value,query,key),in", owner="vqk", ndim=(2, 2))
    whole, *parts = matrices.plan(tensors, {}, rules=(line, *RULES))
    assert (whole.counted, whole.secondary) == (False, True)
    assert [(part.id, part.shape, part.kind) for part in parts] == [
        (f"blocks.0.mix.vqk.weight/{piece}", (8, 8), "attention") for piece in ("value", "query", "key")
    ]
    asked = matrices.overrides_of(["*.vqk.weight=out(value,query,key),in"])
    assert [replace(part, kind="attention") for part in matrices.plan(tensors, {}, overrides=asked)] == [
        whole,
        *parts,
    ]
