"""Ids are stable across wrappers and layouts, and never shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triplepoint import matrices
from triplepoint.matrices.names import WRAPPERS, canonical, ids, owner
from triplepoint.records import TensorInfo

COMPONENTS = st.sampled_from([*sorted(WRAPPERS), "a", "b", "weight", "", "a/slice", "0"])
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


@given(st.lists(st.tuples(NAMES, st.booleans()), unique_by=lambda pair: pair[0], max_size=8))
def test_plans_have_different_ids_even_beside_slice_rows(pairs: list[tuple[str, bool]]) -> None:
    tensors = [TensorInfo(name, "F32", (8, 8, 1, 2) if is_conv else (8, 8)) for name, is_conv in pairs]
    rows = matrices.plan(tensors, {})
    assert len({row.id for row in rows}) == len(rows)


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


def test_control_characters_stay_in_names_for_the_report_to_escape() -> None:
    (row,) = matrices.plan([TensorInfo("\x1b[31mw", "F32", (8, 8))], {})
    assert row.id == row.name == "\x1b[31mw"


def test_the_owner_is_the_component_before_weight() -> None:
    assert [owner(id) for id in ("h.wte.weight", "wte", "weight", "a.bias")] == [
        "wte",
        "wte",
        "weight",
        "bias",
    ]
