"""Claim: the ids tell which matrix feeds which, and where they do not, nothing is claimed.

The witness is how these architectures are written, family by family.
"""

from __future__ import annotations

import numpy as np
import pytest

from triplepoint.compare.matching import match
from triplepoint.compare.opened import Opened
from triplepoint.compare.pairs import natural, pairs, placed
from triplepoint.records import MatrixPlan, Reason


def plan(id: str, shape: tuple[int, int] = (8, 8), **fields) -> MatrixPlan:
    return MatrixPlan(id, id, (id,), shape, "F32", kind=fields.pop("kind", "dense"), shape=shape, **fields)


def told(ids: list[str], *, in_order: bool = False, **shapes) -> set[tuple[str, str]]:
    plans = [plan(f"{id}.weight", shapes.get(id.rpartition(".")[2], (8, 8))) for id in ids]
    found = pairs(plans, in_order=in_order)
    return {tuple(one.id.removesuffix(".weight") for one in pair) for pair in found}


FAMILIES = {
    "bert": (
        [
            *(f"encoder.layer.1.attention.self.{part}" for part in ("key", "query", "value")),
            "encoder.layer.1.attention.output.dense",
            "encoder.layer.1.intermediate.dense",
            "encoder.layer.1.output.dense",
            "pooler.dense",
        ],
        {
            ("encoder.layer.1.attention.self.value", "encoder.layer.1.attention.output.dense"),
            ("encoder.layer.1.intermediate.dense", "encoder.layer.1.output.dense"),
        },
    ),
    "llama": (
        [
            *(f"model.layers.{k}.self_attn.{part}_proj" for k in (2, 10) for part in "qkvo"),
            *(f"model.layers.{k}.mlp.{part}_proj" for k in (2, 10) for part in ("gate", "up", "down")),
            "lm_head",
        ],
        {
            pair
            for k in (2, 10)
            for pair in (
                (f"model.layers.{k}.self_attn.v_proj", f"model.layers.{k}.self_attn.o_proj"),
                (f"model.layers.{k}.mlp.gate_proj", f"model.layers.{k}.mlp.down_proj"),
                (f"model.layers.{k}.mlp.up_proj", f"model.layers.{k}.mlp.down_proj"),
            )
        },
    ),
    "bart: two attentions in one layer": (
        [
            f"decoder.layers.0.{kind}.{part}_proj"
            for kind in ("self_attn", "encoder_attn")
            for part in ("q", "k", "v", "out")
        ]
        + ["decoder.layers.0.fc1", "decoder.layers.0.fc2"],
        {
            ("decoder.layers.0.self_attn.v_proj", "decoder.layers.0.self_attn.out_proj"),
            ("decoder.layers.0.encoder_attn.v_proj", "decoder.layers.0.encoder_attn.out_proj"),
            ("decoder.layers.0.fc1", "decoder.layers.0.fc2"),
        },
    ),
    "t5": (
        [f"encoder.block.3.layer.0.SelfAttention.{part}" for part in "qkvo"]
        + [f"encoder.block.3.layer.1.DenseReluDense.{part}" for part in ("wi_0", "wi_1", "wo")],
        {
            ("encoder.block.3.layer.0.SelfAttention.v", "encoder.block.3.layer.0.SelfAttention.o"),
            ("encoder.block.3.layer.1.DenseReluDense.wi_0", "encoder.block.3.layer.1.DenseReluDense.wo"),
            ("encoder.block.3.layer.1.DenseReluDense.wi_1", "encoder.block.3.layer.1.DenseReluDense.wo"),
        },
    ),
    "experts": (
        [f"model.layers.0.mlp.experts.{k}.{part}_proj" for k in (0, 1) for part in ("gate", "up", "down")]
        + ["model.layers.0.mlp.gate"],
        {
            (f"model.layers.0.mlp.experts.{k}.{part}_proj", f"model.layers.0.mlp.experts.{k}.down_proj")
            for k in (0, 1)
            for part in ("gate", "up")
        },
    ),
    "one layer, whose feed-forward block has no number": (
        [f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")] + ["linear1", "linear2"],
        {("self_attn.v_proj", "self_attn.out_proj"), ("linear1", "linear2")},
    ),
    "a chain": (
        ["net.10", "net.2", "net.0"],
        {("net.0", "net.2"), ("net.2", "net.10")},
    ),
    "named layers alone are a chain": (
        ["fc1", "fc2", "fc3"],
        {("fc1", "fc2"), ("fc2", "fc3")},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family(family):
    ids, expected = FAMILIES[family]
    assert told(ids) == expected


def test_fused_parts_have_parts_too():
    ids = ["h.0.attn.c_attn.weight", *(f"h.0.attn.c_attn.weight/{p}" for p in ("query", "key", "value"))]
    plans = [plan(id, secondary=not k, counted=bool(k)) for k, id in enumerate(ids)]
    plans += [plan("h.0.attn.c_proj.weight"), plan("h.0.mlp.c_fc.weight"), plan("h.0.mlp.c_proj.weight")]
    found = [(one.id, other.id) for one, other in pairs(plans, in_order=False)]
    assert found == [
        ("h.0.attn.c_attn.weight/value", "h.0.attn.c_proj.weight"),
        ("h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"),
    ]
    assert placed(plan("self_attn.in_proj_weight/value")).role == "value"


def test_in_memory_the_order_is_that_of_the_network():
    assert told(["b", "a"], in_order=True) == {("b", "a")}
    assert told(["b", "a"], in_order=False) == {("a", "b")}
    assert natural("layer.10.a") > natural("layer.9.b")


def test_nothing_is_claimed_across_a_block_or_for_sides_that_do_not_meet():
    assert told(["embed_proj", "layers.0.fc1", "layers.0.fc2", "zhead"]) == {("layers.0.fc1", "layers.0.fc2")}
    assert told(["fc1", "fc2"], fc1=(6, 4), fc2=(3, 5)) == set()
    grouped = {"v_proj": (2, 8), "o_proj": (8, 8)}
    assert told(["layers.0.self_attn.v_proj", "layers.0.self_attn.o_proj"], **grouped) == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "embedding"},
        {"slices": 9},
        {"reason": Reason.tied},
        {"counted": False},
        {"kind": "recurrent"},
    ],
)
def test_who_takes_no_part(fields):
    assert pairs([plan("net.0.weight", **fields), plan("net.1.weight")], in_order=True) == []


def test_a_fused_weight_is_matched_whole_where_one_side_knows_no_parts():
    whole, *parts = (
        plan("qkv.weight", (24, 8), secondary=True, counted=False),
        plan("qkv.weight/query", part="query", piece="query"),
        plan("qkv.weight/key", part="key", piece="key"),
    )
    parts = [MatrixPlan(**{f: getattr(p, f) for f in p.__slots__} | {"name": whole.name}) for p in parts]
    found = match([whole, *parts], [plan("qkv.weight", (24, 8))])
    assert [one.id for one, _ in found.matrices] == ["qkv.weight"]
    assert found.unmatched == ()
    both = match([whole, *parts], [whole, *parts])
    assert [one.id for one, _ in both.matrices] == ["qkv.weight/query", "qkv.weight/key"]


def test_values_are_kept_while_parts_of_one_tensor_follow_each_other():
    opened = Opened.of({"attn.in_proj_weight": np.arange(192.0).reshape(24, 8)})
    reads: list[str] = []

    class Counting:
        def read(self, name: str, at: int | None = None):
            reads.append(name)
            return opened_reader.read(name, at)

        def release(self, name: str) -> None:
            pass

    opened_reader, opened.reader = opened.reader, Counting()
    parts = [p for p in opened.plans if p.part is not None]
    found = [opened.formed(p) for p in parts]
    assert len(reads) == 1
    assert [f.shape for f in found] == [(1, 8, 8)] * 3
    assert found[2][0, 0, 0] == 128
