"""GGUF's names lead back to the parameters of the original checkpoint.

Witness: `gguf.TensorNameMap`, the table by which llama.cpp converts. Our names, sent through it, must give the GGUF
name again; every tensor that it lists for an architecture must have a name here or stand among the exceptions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.gguf_bytes import raw, tensor, written
from triplepoint import checkpoints
from triplepoint.checkpoints.gguf.config import config
from triplepoint.checkpoints.gguf.families import FAMILIES, Family
from triplepoint.checkpoints.gguf.names import alias, aliases, family_of

gguf = pytest.importorskip("gguf")
SUFFIXES = (".weight", ".bias")
LLAMA = FAMILIES["llama"]
MOE = {"blk.0.ffn_gate_inp.weight"}


def dialects() -> list[tuple[str, Family]]:
    variants = [(name, family.variant) for name, family in FAMILIES.items() if family.variant is not None]
    return [*FAMILIES.items(), *variants]


def architecture(name: str) -> Any:
    return next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == name)


def listed(name: str) -> list[str]:
    """The tensors of layer 1 that llama.cpp lists for an architecture."""
    return [gguf.TENSOR_NAMES[one].format(bid=1) for one in gguf.MODEL_TENSORS[architecture(name)]]


def converters_spelling(name: str) -> str:
    """What the converter makes of a name before it looks it up."""
    for prefix in ("transformer.encoder.", "transformer.embedding.", "transformer.output_layer"):
        if name.startswith(prefix):  # ChatGLM
            name = name.removeprefix("transformer.")
    for part in ("gate_proj", "up_proj", "down_proj"):
        name = name.replace(f"experts.{part}_bias", f"experts.{part}.bias")
    return name.replace("e_score_correction_bias", "e_score_correction.bias")


@pytest.mark.parametrize(("name", "family"), dialects())
def test_every_alias_leads_back_to_the_gguf_name(name: str, family: Family) -> None:
    table = gguf.get_tensor_name_map(architecture(name), 2)
    known = set(listed(name))
    back = {}
    for stem in sorted(known):
        for ending in (*SUFFIXES, ""):
            found = alias(stem + ending, family)
            if found is not None:
                back[found] = table.get_name(converters_spelling(found), try_suffixes=SUFFIXES)
                assert back[found] in (stem + ending, stem), found
    assert len(back) >= 10


ALWAYS_LEFT = ("rope_freqs", "rope_factors_long", "rope_factors_short", "blk.1.attn_rot_embd")
LEFT = {
    # Experts in an architecture whose originals without experts have other names; the variants have them.
    "llama": "ffn_gate_inp ffn_gate_exps ffn_up_exps ffn_down_exps",
    "mistral3": "ffn_gate_inp ffn_gate_exps ffn_up_exps ffn_down_exps",
    "minicpm": "ffn_gate_inp ffn_gate_exps ffn_up_exps ffn_down_exps",
    "falcon": "attn_norm_2",
    "t5": "ffn_gate cross_attn_rel_b",
    "t5encoder": "ffn_gate",
    # Cut or computed by the converter: kv_b_proj by heads, -exp(A_log).
    "deepseek2": "attn_k_b attn_v_b",
    "mamba": "ssm_a",
    # Heads and norms that few originals have, or under several names.
    "gemma-embedding": "dense_2 dense_3",
    "bitnet": "attn_sub_norm ffn_sub_norm",
    "chatglm": "attn_q attn_k attn_v",
    "bert": "attn_qkv cls output output_norm",
    "nomic-bert": "output_norm position_embd",
    "modern-bert": "cls norm output",
    "mpt": "ffn",
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_tensor_of_a_listed_architecture_has_an_alias_or_is_an_exception(name: str) -> None:
    without = {
        stem for stem in listed(name) if not any(alias(stem + s, FAMILIES[name]) for s in (*SUFFIXES, ""))
    }
    assert {stem.split(".")[-1] for stem in without.difference(ALWAYS_LEFT)} == set(
        LEFT.get(name, "").split()
    )


def test_no_two_tensors_that_a_file_has_together_share_an_alias() -> None:
    alternatives = {"post_attention_norm", "ffn_norm", "attn_post_norm"}  # one layer norm under two names
    for name, family in dialects():
        found: dict[str, str] = {}
        for stem in listed(name):
            other = alias(f"{stem}.weight", family)
            if other is not None and found.setdefault(other, stem) != stem:
                assert {found[other].split(".")[-1], stem.split(".")[-1]} <= alternatives, (name, stem)


@pytest.mark.parametrize(
    ("name", "names", "stored", "original"),
    [
        ("llama", (), "token_embd.weight", "model.embed_tokens.weight"),
        ("llama", (), "output.weight", "lm_head.weight"),
        ("llama", (), "blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"),
        ("llama", (), "blk.31.ffn_down.weight", "model.layers.31.mlp.down_proj.weight"),
        ("llama", MOE, "blk.3.ffn_gate_inp.weight", "model.layers.3.block_sparse_moe.gate.weight"),
        ("llama", MOE, "blk.3.ffn_gate_exps.weight", "model.layers.3.block_sparse_moe.experts.w1"),
        ("llama", MOE, "blk.3.ffn_up.7.weight", "model.layers.3.block_sparse_moe.experts.7.w3.weight"),
        ("qwen2", (), "blk.2.attn_v.bias", "model.layers.2.self_attn.v_proj.bias"),
        ("qwen3moe", (), "blk.2.ffn_down_exps.weight", "model.layers.2.mlp.experts.down_proj"),
        ("qwen2moe", (), "blk.2.ffn_gate_inp_shexp.weight", "model.layers.2.mlp.shared_expert_gate.weight"),
        ("gemma2", (), "blk.2.ffn_norm.weight", "model.layers.2.pre_feedforward_layernorm.weight"),
        ("phi3", (), "blk.2.ffn_up.weight", "model.layers.2.mlp.gate_up_proj.weight"),
        ("phi3", (), "blk.2.attn_qkv.weight", "model.layers.2.self_attn.qkv_proj.weight"),
        ("deepseek2", (), "blk.2.attn_kv_b.weight", "model.layers.2.self_attn.kv_b_proj.weight"),
        ("deepseek2", (), "blk.2.exp_probs_b.bias", "model.layers.2.mlp.gate.e_score_correction_bias"),
        ("gpt-oss", (), "blk.2.ffn_up_exps.bias", "model.layers.2.mlp.experts.up_proj_bias"),
        ("gpt-oss", (), "blk.2.attn_sinks.weight", "model.layers.2.self_attn.sinks"),
        ("gpt2", (), "blk.2.attn_qkv.weight", "h.2.attn.c_attn.weight"),
        ("bloom", (), "blk.2.ffn_up.weight", "h.2.mlp.dense_h_to_4h.weight"),
        ("mamba", (), "blk.2.ssm_d", "backbone.layers.2.mixer.D"),
        ("t5", (), "enc.blk.2.ffn_up.weight", "encoder.block.2.layer.1.DenseReluDense.wi.weight"),
        ("t5", {"enc.blk.0.ffn_gate.weight"}, "dec.blk.2.ffn_up.weight",
         "decoder.block.2.layer.2.DenseReluDense.wi_1.weight"),
    ],
)  # fmt: skip
def test_names_of_published_checkpoints(name: str, names: set[str], stored: str, original: str) -> None:
    assert alias(stored, family_of(name, names)) == original


@pytest.mark.parametrize(
    "name",
    ["", ".", "blk", "blk.0.attn_q.scale", "blk.0.attn_q.lora_a", "blk.{}.attn_q.weight", "blk..attn_q.weight",
     "blk.x.attn_q.weight", "blk.0.attn_q.weight.weight", "blk.0.1.attn_q.weight", "blk.²." "attn_q.weight",
     "model.layers.0.self_attn.q_proj.weight", "blk.0.{0.__class__}.weight"],
)  # fmt: skip
def test_names_that_only_look_alike_are_kept(name: str) -> None:
    assert alias(name, LLAMA) is None


def test_unknown_architectures_keep_their_names() -> None:
    for unknown in ("internlm2", "no such", None, 7):
        assert family_of(unknown, ()) is None
    assert alias("blk.0.attn_q.weight", None) is None


def test_aliases_never_meet_another_alias_or_name() -> None:
    names = ["blk.0.post_attention_norm.weight", "blk.0.ffn_norm.weight", "output.weight", "lm_head.weight"]
    found = aliases(names, FAMILIES["gpt-oss"])
    assert found == {"blk.0.post_attention_norm.weight": "model.layers.0.post_attention_layernorm.weight"}


def infos(
    path: Path, architecture: str, shapes: dict[str, tuple[int, ...]], **metadata: int
) -> dict[str, Any]:
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    keys = {f"{architecture}.{name}": value for name, value in metadata.items()}
    reader = checkpoints.open(written(path / "x.gguf", arrays, architecture, keys))
    return {info.name: info for info in reader.tensors()}


def test_axes_tables_and_buffers_are_known_by_name(tmp_path: Path) -> None:
    found = infos(
        tmp_path,
        "phi3",
        {
            "token_embd.weight": (7, 4),
            "rope_factors_long.weight": (2,),
            "rope_freqs.weight": (2,),
            "blk.0.attn_norm.weight": (4,),
            "blk.0.attn_qkv.weight": (12, 4),
            "blk.0.attn_qkv.bias": (12,),
            "blk.0.attn_q_norm.weight": (3, 4),
            "blk.0.ffn_up.weight": (10, 4),
            "blk.1.ffn_up.weight": (5, 4),
            "blk.0.ffn_up_exps.weight": (2, 5, 4),
            "blk.0.ffn_gate_up_exps.weight": (2, 10, 4),
            "blk.0.ffn_up_exps.bias": (2, 5),
            "blk.0.ssm_conv1d.weight": (6, 4),
            "blk.0.ssm_a": (6, 4),
            "enc.blk.0.attn_rel_b.weight": (6, 4),
            "v.patch_embd.weight": (4, 3, 2, 2),
        },
        feed_forward_length=5,
    )
    assert {name for name, info in found.items() if info.module == "Embedding"} == {"token_embd.weight"}
    assert {name for name, info in found.items() if info.buffer} == {
        "rope_factors_long.weight",
        "rope_freqs.weight",
    }
    assert {name: info.layout for name, info in found.items() if info.layout is not None} == {
        "token_embd.weight": "out,in",
        "blk.0.attn_qkv.weight": "out(query:H*D,key:K*D,value:K*D),in | out,in",
        "blk.0.ffn_up.weight": "out(gate,up),in",
        "blk.1.ffn_up.weight": "out,in",
        "blk.0.ffn_up_exps.weight": "expert,out,in",
        "blk.0.ffn_gate_up_exps.weight": "expert,out(gate,up),in",
        "blk.0.ssm_conv1d.weight": "out,kernel",
    }


def test_the_config_speaks_hugging_face(tmp_path: Path) -> None:
    metadata = {
        "llama.embedding_length": 8, "llama.feed_forward_length": 5, "llama.block_count": 3,
        "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2, "llama.attention.key_length": 6,
        "llama.expert_count": 0, "other.vocab_size": 9,
    }  # fmt: skip
    reader = checkpoints.open(
        written(tmp_path / "x.gguf", {"output_norm.weight": np.ones(8)}, "llama", metadata)
    )
    assert reader.config == {
        "gguf_architecture": "llama",
        "model_type": "llama",
        "hidden_size": 8,
        "intermediate_size": 5,
        "num_attention_heads": 4,
        "num_hidden_layers": 3,
        "num_key_value_heads": 2,
        "head_dim": 6,
    }
    (tmp_path / "bare.gguf").write_bytes(raw([tensor()], data=bytes(8)))
    assert checkpoints.open(tmp_path / "bare.gguf").config == {}


def test_the_config_of_latent_attention_has_the_widths_of_its_parts() -> None:
    old = {"attention.key_length": 192, "attention.value_length": 128}
    new = {"attention.key_length": 576, "attention.value_length": 512,
           "attention.key_length_mla": 192, "attention.value_length_mla": 128}  # fmt: skip
    for lengths in (old, new):
        said = {"attention.kv_lora_rank": 512, "rope.dimension_count": 64, "expert_count": 160, **lengths}
        metadata = {"general.architecture": "deepseek2"} | {f"deepseek2.{key}": n for key, n in said.items()}
        found = config(metadata, "deepseek_v2")
        assert (found["qk_nope_head_dim"], found["v_head_dim"], found["num_experts"]) == (128, 128, 160)
        assert "head_dim" not in found
    metadata["deepseek2.rope.dimension_count"] = 192
    assert "qk_nope_head_dim" not in config(metadata, "deepseek_v2")


def test_numbers_that_are_none_are_left_out_of_the_config() -> None:
    metadata = {"general.architecture": "llama", "llama.block_count": True, "llama.embedding_length": 2**31}
    assert config(metadata | {"llama.vocab_size": "9", "llama.expert_count": -1}, None) == {
        "gguf_architecture": "llama"
    }
    assert config({"general.architecture": 7}, None) == {}


def mini_bert() -> dict[str, np.ndarray]:
    """The tensors of a sentence transformer, as its safetensors file names them."""
    generator, width = np.random.default_rng(5), 64
    shapes = {
        "embeddings.word_embeddings.weight": (96, width),
        "embeddings.position_embeddings.weight": (32, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
        "pooler.dense.weight": (width, width),
    }
    for layer in range(2):
        here = f"encoder.layer.{layer}"
        linear = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        linear |= {"attention.output.dense": (width, width), "intermediate.dense": (128, width)}
        linear |= {
            "output.dense": (width, 128),
            "attention.output.LayerNorm": (width,),
            "output.LayerNorm": (width,),
        }
        for name, shape in linear.items():
            shapes |= {f"{here}.{name}.weight": shape, f"{here}.{name}.bias": shape[:1]}
    return {name: generator.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def converted(path: Path, state: dict[str, np.ndarray], type: Any) -> Path:
    """A BERT as llama.cpp converts it: its names, without the pooler, vectors and small tables in F32."""
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, 2)
    arrays: dict[str, Any] = {}
    for original, array in state.items():
        name = table.get_name(original, try_suffixes=SUFFIXES)
        if name is None:
            assert original.startswith("pooler.")
        elif array.ndim < 2 or name.startswith(("position_embd", "token_types")):
            arrays[name] = array
        else:
            arrays[name] = (gguf.quants.quantize(array, type), type)
    return written(path, arrays, "bert", {"bert.attention.head_count": 4, "bert.embedding_length": 64})


@pytest.mark.parametrize(("type", "close"), [("F32", 0.0), ("Q8_0", 0.03)])
def test_a_sentence_transformer_keeps_its_names_and_values(tmp_path: Path, type: str, close: float) -> None:
    state = mini_bert()
    reader = checkpoints.open(converted(tmp_path / "x.gguf", state, gguf.GGMLQuantizationType[type]))
    found = {info.alias: info for info in reader.tensors()}
    assert found.keys() == {name for name in state if not name.startswith("pooler.")}
    for name, info in found.items():
        assert np.abs(reader.read(info.name) - state[name]).max() <= close
    assert found["encoder.layer.1.output.dense.weight"].name == "blk.1.ffn_down.weight"
    assert {name for name, info in found.items() if info.module} == {
        f"embeddings.{table}_embeddings.weight" for table in ("word", "position", "token_type")
    }
