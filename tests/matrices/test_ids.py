"""Ids are stable across wrappers and layouts, and never shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplepoint import matrices
from triplepoint.matrices.names import WRAPPERS, canonical, ids, owner, split
from triplepoint.records import TensorInfo

COMPONENTS = st.sampled_from(
    [
        *sorted(WRAPPERS),
        "a",
        "b",
        "weight",
        "",
        "a/slice",
        "0",
        "experts",
        "block_sparse_moe",
        "w1",
        "gate_proj",
    ]
)
NAMES = st.lists(COMPONENTS, min_size=1, max_size=6).map(".".join)


def test_wrappers_leave_no_trace_wherever_they_stand() -> None:
    name = "layers.0.fc.weight"
    for wrapped in (
        "module.layers.0.fc.weight",
        "_orig_mod.module.layers.0.fc.weight",
        "module._orig_mod.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.fc.weight",
        "layers.0.fc._orig_mod.weight",
    ):
        assert canonical(wrapped) == name
    assert canonical("modules.module_list.submodule.weight") == "modules.module_list.submodule.weight"
    assert canonical("module") == "module"


def test_names_that_would_collide_keep_their_wrappers() -> None:
    assert ids(["a.weight", "module.a.weight", "module.b.weight"]) == [
        "a.weight",
        "module.a.weight",
        "b.weight",
    ]


@given(st.lists(NAMES, unique=True, max_size=12))
def test_ids_are_always_different(names: list[str]) -> None:
    assert len(set(ids(names))) == len(names)


@given(NAMES)
def test_stripping_twice_is_stripping_once(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name)


ENDS = ("", "/", "//", "/slice.0", "//slice.0", "/query", "/direction.1", "/query/slice.0")
KINDS = {
    "matrix": ((8, 8), None),
    "kernel": ((8, 8, 1, 2), None),
    "parts": ((24, 8), "out(query,key,value),in"),
    "parts of a kernel": ((24, 8, 2), "out(query,key,value),in,kernel"),
    "stack": ((2, 24, 8), "direction,out(query,key,value),in"),
    "experts": ((2, 24, 8), "expert,out(gate,up,down),in"),
}


@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from(ENDS), st.sampled_from(sorted(KINDS))),
        unique_by=lambda row: row[0] + row[1],
        max_size=8,
    )
)
def test_plans_have_different_ids_even_beside_names_that_look_like_parts(
    rows: list[tuple[str, str, str]],
) -> None:
    tensors = [
        TensorInfo(name + end, "F32", KINDS[kind][0], layout=KINDS[kind][1]) for name, end, kind in rows
    ]
    plans = matrices.plan(tensors, {})
    assert len({plan.id for plan in plans}) == len(plans)
    assert {plan.name for plan in plans} == {tensor.name for tensor in tensors}


def test_slices_of_two_tensors_never_share_an_id() -> None:
    """`c/` and the separator that `c` must take would give one name."""
    names = ("c.weight", "c.weight/", "c.weight/slice.0")
    plans = matrices.plan([TensorInfo(name, "F32", (8, 8, 1, 2)) for name in names], {})
    assert len({plan.id for plan in plans}) == len(plans) == 9


def test_a_tensor_called_like_a_slice_row_keeps_its_id() -> None:
    rows = matrices.plan(
        [TensorInfo("c.weight", "F32", (8, 8, 1, 2)), TensorInfo("c.weight/slice.0", "F32", (8, 8))], {}
    )
    assert [row.id for row in rows] == [
        "c.weight",
        "c.weight//slice.0",
        "c.weight//slice.1",
        "c.weight/slice.0",
    ]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        (
            "model.layers.0.block_sparse_moe.experts.7.w1.weight",
            "model.layers.0.mlp.experts.7.gate_proj.weight",
        ),
        (
            "model.layers.0.block_sparse_moe.experts.7.w2.weight",
            "model.layers.0.mlp.experts.7.down_proj.weight",
        ),
        (
            "model.layers.0.block_sparse_moe.experts.7.w3.weight",
            "model.layers.0.mlp.experts.7.up_proj.weight",
        ),
        ("model.layers.0.block_sparse_moe.gate.weight", "model.layers.0.mlp.gate.weight"),
        ("layers.0.block_sparse_moe.input_linear.weight", "layers.0.mlp.experts.gate_up_proj"),
        ("layers.0.block_sparse_moe.output_linear.weight", "layers.0.mlp.experts.down_proj"),
        ("layers.0.block_sparse_moe.router.layer.weight", "layers.0.block_sparse_moe.router.layer.weight"),
        ("layers.0.ffn.experts.3.w1.weight", "layers.0.ffn.experts.3.gate_proj.weight"),
        ("layers.0.feed_forward.w1.weight", "layers.0.feed_forward.w1.weight"),  # no expert
        ("ffn.experts.mlp.w1", "ffn.experts.mlp.w1"),
        ("experts.0.w1.lora", "experts.0.w1.lora"),
        ("experts.0.w13.weight", "experts.0.w13.weight"),
    ],
)
def test_experts_are_called_the_same_on_every_disk(name: str, id: str) -> None:
    assert canonical(name) == id


def test_control_characters_stay_in_names_for_the_report_to_escape() -> None:
    (row,) = matrices.plan([TensorInfo("\x1b[31mw", "F32", (8, 8))], {})
    assert row.id == row.name == "\x1b[31mw"


def test_the_owner_is_the_component_before_weight() -> None:
    ids = ("h.wte.weight", "wte", "weight", "a.bias", ".weight", "a.weight.weight", "")
    assert [owner(id) for id in ids] == ["wte", "wte", "weight", "bias", "", "weight", ""]
    assert all("".join(split(id)) == id for id in ids if not id.endswith(".weight"))
    assert split("h.0.wte.weight") == ("h.0.", "wte", ".weight")
