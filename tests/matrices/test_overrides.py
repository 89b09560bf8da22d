"""What the user says of a tensor holds; what he says wrongly is an error or a row, never another number."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from triplepoint import matrices, scan
from triplepoint.errors import UsageError
from triplepoint.records import MatrixPlan, Reason, TensorInfo

KERNEL = np.random.default_rng(0).standard_normal((16, 8, 5)).astype("f4")


def plan(tensor: TensorInfo, *layouts: str, **config: Any) -> list[MatrixPlan]:
    return list(matrices.plan([tensor], config, overrides=matrices.overrides_of(layouts)))


def test_a_kernel_that_no_rule_knows_gets_the_numbers_of_a_kernel() -> None:
    named = scan({"mix.conv.weight": KERNEL})
    unknown = scan({"blocks.0.mix": KERNEL})
    assert unknown["blocks.0.mix"].reason == "unsupported_rank"
    told = scan({"blocks.0.mix": KERNEL}, layouts={"*.mix": "out,in,kernel"})
    assert [(row.kind, row.shape, row.scale, row.metrics) for row in told.matrices] == [
        (row.kind, row.shape, row.scale, row.metrics) for row in named.matrices
    ]
    moved = np.ascontiguousarray(KERNEL.transpose(2, 1, 0))
    other = scan({"blocks.0.mix": moved}, layouts={"blocks.?.mix": "kernel,in,out"})
    numbers = {name: value for name, value in told["blocks.0.mix"].metrics.items() if value is not None}
    again = {name: value for name, value in other["blocks.0.mix"].metrics.items() if value is not None}
    assert again == pytest.approx(numbers, rel=1e-12)


def test_one_tensor_may_be_a_stack_a_kernel_or_groups() -> None:
    tensor = TensorInfo("w", "F32", (16, 12, 9))
    assert [(row.kind, row.shape) for row in plan(tensor, "w=expert,out,in")] == [("expert", (12, 9))] * 16
    assert [row.kind for row in plan(tensor, "w=direction,out,in")] == ["dense"] * 16
    assert plan(tensor, "w=out/4,in,kernel")[0].slices == 36
    assert plan(tensor, "w=out,in,in")[0].shape == (16, 108)
    assert plan(tensor, "w=1,out,in|out,kernel,in")[0].layout == "out,kernel,in"


def test_the_first_pattern_that_matches_holds_over_ids_and_stored_names() -> None:
    tensor = TensorInfo("module.a.qkv.weight", "F32", (24, 8))
    assert plan(tensor, "a.qkv.weight=in,out", "*=out,in")[0].layout == "in,out"
    assert plan(tensor, "module.*=in,out")[0].layout == "in,out"
    assert plan(tensor, "*=out,in", "a.qkv.weight=in,out")[0].layout == "out,in"
    assert [row.piece for row in plan(tensor, "*qkv*=out(a,b),in")] == [None, "a", "b"]


def test_what_the_user_says_goes_before_what_the_format_says() -> None:
    tensor = TensorInfo("w", "F32", (24, 8), layout="in,out")
    assert plan(tensor)[0].layout == "in,out"
    assert plan(tensor, "w=out,in")[0].layout == "out,in"


def test_heads_of_the_configuration_can_be_named() -> None:
    tensor = TensorInfo("model.layers.0.mixer.weight", "F32", (24, 8))
    config = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 4}
    rows = plan(tensor, "*.mixer.weight=out(query:H*D,key:K*D,value:K*D),in", **config)
    assert [(row.piece, row.shape, row.kind) for row in rows[1:]] == [
        ("query", (16, 8), "attention"),
        ("key", (4, 8), "attention"),
        ("value", (4, 8), "attention"),
    ]


def test_skip_leaves_out_whatever_it_is() -> None:
    for tensor in (
        TensorInfo("a.w", "F32", (9, 9)),
        TensorInfo("a.w", "I8", (9,)),
        TensorInfo("a.w", "F32", (3,) * 4),
    ):
        (row,) = plan(tensor, "a.*=skip")
        assert (row.reason, row.detail, row.counted) == (Reason.filtered, "by --layout", False)
    found = scan({"a.w": KERNEL[0], "b.w": KERNEL[1]}, layouts={"a.*": "skip"})
    assert [row.status for row in found.matrices] == ["skipped", "ok"]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((24, 8), "out,in,kernel"), ((24, 8), "out(query:7,key:7),in"), ((24, 8, 5), "out/5,in,kernel")],
)
def test_a_layout_that_does_not_fit_is_a_row_that_names_layout_and_shape(
    shape: tuple[int, ...], layout: str
) -> None:
    (row,) = plan(TensorInfo("w", "F32", shape), f"w={layout}")
    assert row.reason is Reason.unsupported_rank
    assert row.detail == f"the layout {layout} does not fit the shape {shape}"


def test_a_symbol_that_the_configuration_lacks_is_a_layout_that_does_not_fit() -> None:
    (row,) = plan(TensorInfo("w", "F32", (24, 8)), "w=out(query:H*D,key:D,value:D),in")
    assert row.reason is Reason.unsupported_rank
    assert "H*D" in str(row.detail)


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (TensorInfo("w", "I8", (24, 8)), Reason.integer),
        (TensorInfo("w", "BOOL", (24, 8)), Reason.integer),
        (TensorInfo("w", "C64", (24, 8)), Reason.complex),
        (TensorInfo("w", "F32", (24,)), Reason.vector),
        (TensorInfo("w", "F32", (0, 8)), Reason.empty),
    ],
)
def test_a_layout_does_not_make_weights_of_integers_and_vectors(tensor: TensorInfo, reason: Reason) -> None:
    (row,) = plan(tensor, "w=out,in")
    assert row.reason is reason


@pytest.mark.parametrize(
    "tensor",
    [
        TensorInfo("pos_encoding.pe", "F32", (24, 8)),
        TensorInfo("odd", "F32", (24, 8), buffer=True),
        TensorInfo("lstm.weight_ih_l0", "F32", (24, 8)),
    ],
)
def test_a_layout_makes_a_weight_of_what_only_its_name_left_out(tensor: TensorInfo) -> None:
    assert plan(tensor)[0].reason is not None
    (row,) = plan(tensor, "*=out,in")
    assert (row.reason, row.shape, row.counted) == (None, (24, 8), True)


def test_an_embedding_stays_one_and_says_which_axis_is_which() -> None:
    (row,) = plan(TensorInfo("embed_tokens.weight", "F32", (8, 100)), "embed*=in,out")
    assert (row.kind, row.shape) == ("embedding", (100, 8))


def test_values_that_are_decoded_are_arranged_by_the_layout() -> None:
    codes = np.random.default_rng(1).standard_normal((48, 16)).astype(ml_dtypes.float8_e4m3fn)
    arrays = {"attn.mix.weight": codes, "attn.mix.weight_scale": np.linspace(1, 2, 48, dtype="f4")[:, None]}
    found = scan(arrays, layouts={"*.mix.weight": "out(query,key,value),in"})
    values = codes.astype("f4") * arrays["attn.mix.weight_scale"]
    alone = scan({"query": values[:16]})
    assert found["attn.mix.weight/query"].metrics == pytest.approx(alone["query"].metrics, rel=1e-6)
    assert not found["attn.mix.weight"].counted


def test_a_pattern_that_matches_nothing_is_an_error_that_names_near_ids() -> None:
    arrays = {"blocks.0.attn.qkv.weight": KERNEL[0], "blocks.0.mlp.fc1.weight": KERNEL[1]}
    with pytest.raises(UsageError) as error:
        scan(arrays, layouts={"block.*.qkv.weight": "out,in"})
    assert error.value.asked == "layout 'block.*.qkv.weight=out,in'"
    assert "no tensor matches" in error.value.found
    assert "'blocks.0.attn.qkv.weight'" in error.value.next
    with pytest.raises(UsageError, match="no tensor matches"):
        plan(TensorInfo("a", "F32", (9, 9)), "a=out,in", "b=skip")
    with pytest.raises(UsageError, match="empty"):
        matrices.plan([], {}, overrides=matrices.overrides_of(["a=skip"]))


def test_a_pattern_behind_another_that_took_its_tensors_is_none() -> None:
    assert plan(TensorInfo("a", "F32", (9, 9)), "*=out,in", "a=in,out")[0].layout == "out,in"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "a",
        "a=",
        "=out,in",
        "a= ",
        "a=out",
        "a=out,in|",
        "a=out,in|rows,in",
        "a=Skip",
        "a=out(query:h),in",
        "a=skip|out,in",
    ],
)
def test_a_text_that_is_not_understood_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as error:
        matrices.overrides_of([text])
    assert "GLOB=LAYOUT" in error.value.next


def test_a_name_may_have_the_sign_a_layout_never_has() -> None:
    (row,) = plan(TensorInfo("a=b", "F32", (9, 10)), "a=b=in,out")
    assert row.layout == "in,out"


def test_a_format_that_knows_the_axes_and_a_name_that_knows_the_parts_are_taken_together() -> None:
    for shape, layout in (((16, 48), "in,out"), ((48, 16), "out,in")):
        tensor = TensorInfo("attn.in_proj_weight", "F32", shape, "Linear", layout=layout)
        fused, *parts = matrices.plan([tensor], {})
        assert (fused.shape, fused.counted) == ((48, 16), False)
        assert [(part.part, part.shape) for part in parts] == [
            (name, (16, 16)) for name in ("query", "key", "value")
        ]
    plain = TensorInfo("mlp.fc.weight", "F32", (16, 48), "Linear", layout="in,out")
    assert [row.shape for row in matrices.plan([plain], {})] == [(48, 16)]


def test_a_layout_of_the_format_makes_no_weight_of_a_computed_table() -> None:
    table = TensorInfo("layers.0.rotary_emb.cos_cached", "F32", (64, 32), layout="out,in")
    assert matrices.plan([table], {})[0].reason is Reason.not_a_weight
    asked = matrices.overrides_of(["*cos_cached=out,in"])
    assert matrices.plan([table], {}, None, asked)[0].reason is None


def test_a_way_out_that_the_format_has_turned_is_as_wide_as_ever() -> None:
    """Values of 24 inside a model of 16: Keras and ONNX store both weights as (in, out)."""
    tensors = [
        TensorInfo("attn.to_qkv.weight", "F32", (16, 72), "Linear", layout="in,out"),
        TensorInfo("attn.to_out.0.weight", "F32", (24, 16), "Linear", layout="in,out"),
    ]
    fused, *parts, out = matrices.plan(tensors, {})
    assert [part.shape for part in parts] == [(24, 16)] * 3
    assert (fused.shape, out.shape) == ((72, 16), (16, 24))
    narrow = [tensors[0], TensorInfo("attn.to_out.0.weight", "F32", (8, 16), "Linear", layout="in,out")]
    assert [row.piece for row in matrices.plan(narrow, {})] == [None, None]


def test_heads_of_another_model_do_not_cut_what_a_format_stores() -> None:
    config = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 4}
    tensors = [
        TensorInfo("attn.qkv_proj.weight", "F32", (16, 24), "Linear", layout="in,out"),
        TensorInfo("attn.o_proj.weight", "F32", (16, 16), "Linear", layout="in,out"),
    ]
    assert [row.piece for row in matrices.plan(tensors, config)] == [None, "query", "key", "value", None]
    tensors[1] = TensorInfo("attn.o_proj.weight", "F32", (8, 16), "Linear", layout="in,out")
    assert [row.piece for row in matrices.plan(tensors, config)] == [None, None]


@pytest.mark.parametrize("layout", ["in,out(query:8,key:8,value:16)", "out(query,key,value),in"])
def test_parts_that_a_format_names_need_no_proof(layout: str) -> None:
    tensors = [
        TensorInfo("attn.qkv.weight", "F32", (48, 32), layout=layout),
        TensorInfo("attn.proj.weight", "F32", (9, 9)),
    ]
    assert len(matrices.plan(tensors, {})) == 5
