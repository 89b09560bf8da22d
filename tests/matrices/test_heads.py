"""Symbols of a configuration: which numbers stand for which letter, and which model a name means."""

from __future__ import annotations

from typing import Any

import pytest

from triplepoint import matrices
from triplepoint.matrices.heads import Heads
from triplepoint.matrices.siblings import Siblings
from triplepoint.records import TensorInfo


def symbols(config: dict[str, Any], id: str = "w") -> dict[str, int]:
    return dict(Heads(config).candidates(id)[0])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        ({"num_attention_heads": 8, "hidden_size": 64}, {"H": 8, "K": 8, "X": 64, "D": 8}),
        ({"n_head": 8, "n_embd": 64, "num_key_value_heads": 2}, {"H": 8, "K": 2, "X": 64, "D": 8}),
        ({"num_attention_heads": 8, "hidden_size": 64, "head_dim": 16}, {"H": 8, "K": 8, "X": 64, "D": 16}),
        ({"num_attention_heads": 7, "hidden_size": 64}, {"H": 7, "K": 7, "X": 64}),
        ({"num_attention_heads": 8}, {"H": 8, "K": 8}),
        ({"hidden_size": 64}, {"X": 64}),
        ({"n_head": 71, "hidden_size": 4544, "multi_query": True}, {"H": 71, "K": 1, "X": 4544, "D": 64}),
        (
            {
                "n_head": 8,
                "hidden_size": 64,
                "multi_query": True,
                "new_decoder_architecture": True,
                "num_kv_heads": 2,
            },
            {"H": 8, "K": 2, "X": 64, "D": 8},
        ),
        (
            {
                "num_attention_heads": 32,
                "kv_channels": 128,
                "multi_query_attention": True,
                "multi_query_group_num": 2,
            },
            {"H": 32, "K": 2, "D": 128},
        ),
        ({"num_attention_heads": 32, "multi_query_group_num": 2}, {"H": 32, "K": 32}),
        ({"num_attention_heads": True, "hidden_size": 64.0, "head_dim": "8"}, {}),
        ({"num_attention_heads": 0, "hidden_size": -64, "head_dim": 2**40}, {}),
        ({"num_attention_heads": [8], "hidden_size": {"a": 1}, "n_head": 4}, {"H": 4, "K": 4}),
    ],
)
def test_numbers_that_are_sizes_stand_for_their_letters(
    config: dict[str, Any], expected: dict[str, int]
) -> None:
    assert symbols(config) == expected


def test_a_name_asks_its_own_model_first_and_then_the_whole_and_the_others() -> None:
    text = {"num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 64}
    vision = {"num_heads": 4, "hidden_size": 20}
    heads = Heads(
        {"text_config": text, "vision_config": vision, "hidden_size": 64, "quantization_config": {"bits": 4}}
    )
    widths = [found.get("D") for found in heads.candidates("model.vision_tower.blocks.0.attn.qkv.weight")]
    assert widths == [5, None, 8]
    assert [found.get("D") for found in heads.candidates("model.text_model.x")] == [8, None, 5]
    assert [found.get("D") for found in heads.candidates("model.layers.0")] == [None, 8, 5]
    assert heads.widths == {64, 20}


def test_a_part_inherits_what_it_does_not_say_but_not_what_follows_from_it() -> None:
    whole = {"num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 16, "hidden_size": 64}
    assert symbols(whole | {"vision_config": {"num_heads": 4, "hidden_size": 20}}, "vision.x") == {
        "H": 4,
        "K": 4,  # not 2: key-value heads belong to the heads
        "X": 20,
        "D": 5,  # not 16
    }
    odd = whole | {"vision_config": {"num_heads": 3, "hidden_size": 20}}
    assert symbols(odd, "vision.x") == {"H": 3, "K": 3, "X": 20}  # no width that is none of its own
    attention = {"d_model": 64, "n_heads": 8, "attn_config": {"kv_n_heads": 2}}
    assert symbols(attention, "blocks.0.attn.Wqkv") == {"H": 8, "K": 2, "X": 64, "D": 8}


def test_a_hostile_configuration_costs_no_more_than_its_length() -> None:
    config: dict[Any, Any] = {f"part{k}_config": {"hidden_size": k + 1} for k in range(5000)}
    heads = Heads(config | {3: {"hidden_size": 7}})
    assert len(heads.candidates("part1.x")) < 20


def test_the_way_out_of_a_block_is_known_by_its_name_and_is_a_matrix() -> None:
    shapes = {
        "a.qkv.weight": (9, 3),
        "a.proj.weight": (3, 5),
        "b.qkv.weight": (9, 3),
        "b.proj.weight": (3, 5, 1, 1),
        "c.qkv.weight": (9, 3),
        "c.to_out.0.weight": (3, 6),
        "qkv.weight": (9, 3),
        "d.in_proj_weight": (9, 3),
        "d.out_proj.weight": (3, 4),
    }
    siblings = Siblings(shapes)
    asked = ("a.qkv.weight", "b.qkv.weight", "c.qkv.weight", "qkv.weight", "d.in_proj_weight")
    assert [siblings.inside(id) for id in asked] == [5, None, 6, None, 4]
    assert siblings.beside("a.qkv.weight", "proj.weight")
    assert not siblings.beside("qkv.weight", "a")


def test_packed_codes_beside_a_weight_say_nothing_of_its_width() -> None:
    """Their shape is that of the packing: a way out of 1 would leave the queries whole."""
    tensors = [
        TensorInfo("attn.qkv.weight", "F32", (24, 8)),
        TensorInfo("attn.proj.weight", "U8", (32, 1)),
        TensorInfo("attn.proj.weight.absmax", "F32", (1,)),
    ]
    plans = matrices.plan(tensors, {})
    assert [plan.piece for plan in plans if plan.name == "attn.qkv.weight"] == [None, "query", "key", "value"]
    assert plans[-1].reason is not None
