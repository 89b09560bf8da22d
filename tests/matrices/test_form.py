"""Values are formed without copying and keep their singular values; slices are those of a naive loop."""

from __future__ import annotations

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from triplepoint import checkpoints, matrices
from triplepoint.records import MatrixPlan, Reason, TensorInfo

RNG = np.random.default_rng(0)


def plans(array: np.ndarray, name: str = "conv.weight", module: str | None = None) -> tuple[MatrixPlan, ...]:
    return matrices.plan([TensorInfo(name, "F32", array.shape, module)], {})


def test_dense_values_are_a_view_with_one_slice() -> None:
    array = RNG.normal(size=(5, 3)).astype(ml_dtypes.bfloat16)
    matrix = matrices.form(plans(array, "fc.weight")[0], array)
    assert matrix.values.shape == (1, 5, 3)
    assert matrix.values.dtype == array.dtype
    assert np.shares_memory(matrix.values, array)


def test_transposed_values_are_a_view_with_outputs_as_rows() -> None:
    array = RNG.normal(size=(3, 5))
    (plan,) = plans(array, "x.weight", "Conv1D")
    matrix = matrices.form(plan, array)
    assert matrix.values.shape == (1, *plan.shape) == (1, 5, 3)
    np.testing.assert_array_equal(matrix.values[0], array.T)
    assert np.shares_memory(matrix.values, array)


@given(
    hnp.array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=9).filter(
        lambda shape: np.prod(shape) < 3000
    ),
    st.booleans(),
)
def test_slices_are_those_of_a_loop_over_kernel_positions(shape: tuple[int, ...], contiguous: bool) -> None:
    array = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    array = array if contiguous else np.asfortranarray(array)
    pooled, *slices = plans(array)
    if pooled.reason is not None:
        assert pooled.reason is Reason.single_channel
        return
    values = matrices.form(pooled, array).values
    assert values.shape == (pooled.slices, *pooled.shape)
    assert not contiguous or np.shares_memory(values, array)
    if not pooled.counted:  # one input channel
        assert slices == []
        np.testing.assert_array_equal(values[0], [channel.ravel() for channel in array])
        return
    flat = [array[(slice(None), slice(None), *position)] for position in np.ndindex(*shape[2:])]
    np.testing.assert_array_equal(values, np.stack(flat))
    assert all(plan.shape == flat[k].shape for k, plan in enumerate(slices))


def test_a_transposed_convolution_exchanges_inputs_and_outputs() -> None:
    array = RNG.normal(size=(8, 16, 2, 2))
    pooled, *_ = plans(array, "up.weight", "ConvTranspose2d")
    np.testing.assert_array_equal(matrices.form(pooled, array).values[3], array[:, :, 1, 1].T)


def test_the_reference_case_of_weightwatcher_pools_1024_eigenvalues() -> None:
    array = RNG.normal(size=(16, 128, 64, 1)).astype("f4")
    values = matrices.form(plans(array)[0], array).values
    assert np.linalg.svd(values, compute_uv=False).size == 1024


def test_a_module_and_its_arrays_form_the_same_values() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(8, 9, 3), torch.nn.Conv1d(8, 9, 2), torch.nn.Linear(9, 8)
    ).bfloat16()
    reader = checkpoints.open(net)
    rows = [row for row in matrices.plan(reader.tensors(), {}) if row.reason is None and row.part is None]
    assert [row.kind for row in rows] == ["conv2d", "conv1d", "dense"]
    for row in rows:
        values = matrices.form(row, reader.read(row.name)).values
        assert values.dtype == ml_dtypes.bfloat16
        assert values.shape == (row.slices, *row.shape)


def test_a_plan_that_does_not_fit_is_an_error_of_the_caller() -> None:
    array = np.ones((4, 4))
    (plan,) = plans(array, "w")
    for wrong in (replace(plan, reason=Reason.tied), replace(plan, tensor_shape=(2, 8)), replace(plan, at=1)):
        with pytest.raises(ValueError, match="w"):
            matrices.load(wrong, lambda name, at: array)


def test_one_entry_of_a_stack_is_all_that_is_read() -> None:
    array = RNG.normal(size=(3, 9, 8))
    asked: list[tuple[str, int | None]] = []

    def read(name: str, at: int | None) -> np.ndarray:
        asked.append((name, at))
        return array[at]

    rows = plans(array, "mlp.experts.up_proj")
    for k, row in enumerate(rows):
        values = matrices.form(row, matrices.load(row, read)).values
        np.testing.assert_array_equal(values, array[k : k + 1])
        assert np.shares_memory(values, array)
    assert asked == [("mlp.experts.up_proj", k) for k in range(3)]


def test_parts_are_rows_of_what_was_loaded_once() -> None:
    array = RNG.normal(size=(12, 4))
    whole, *parts = plans(array, "attn.in_proj_weight")
    assert [row.part for row in parts] == ["query", "key", "value"]
    assert matrices.form(whole, array).values.shape == (1, 12, 4)
    for k, row in enumerate(parts):
        values = matrices.form(row, array).values
        np.testing.assert_array_equal(values[0], array[4 * k : 4 * k + 4])
        assert values.shape == (1, *row.shape)
        assert np.shares_memory(values, array)


def test_a_slice_is_a_part_of_what_its_whole_forms() -> None:
    array = RNG.normal(size=(8, 8, 2, 2))
    _, *slices = plans(array)
    with pytest.raises(ValueError, match="whole"):
        matrices.form(slices[0], array)


OWNERS = (
    *(
        "c_attn",
        "qkv",
        "to_qkv",
        "to_kv",
        "kv_proj",
        "qkv_proj",
        "Wqkv",
        "wqkv",
        "query_key_value",
        "in_proj_weight",
    ),
    *(
        "in_proj_qkv",
        "kv_b_proj",
        "gate_up_proj",
        "gate_up_proj_bias",
        "w12",
        "w3",
        "Wi",
        "Wo",
        "dense_h_to_4h",
    ),
    *(
        "dense_4h_to_h",
        "down_proj",
        "up_proj",
        "input_linear",
        "output_linear",
        "proj",
        "out_proj",
        "dense",
        "c_proj",
    ),
    *("conv1d", "attention_biases", "weight_ih_l0", "weight_hh_l0", "weight_hr_l0", "wte", "mix", "bias"),
)
NAMES = st.tuples(
    st.sampled_from(
        ["", "h.0.attn.", "h.0.crossattention.", "mlp.experts.", "mlp.experts.0.", "block_sparse_moe.", "m."]
    ),
    st.sampled_from(OWNERS),
    st.sampled_from(["", ".weight"]),
).map("".join)
SIDES = st.sampled_from([1, 2, 3, 4, 6, 8, 9, 12, 16, 24])
SHAPES = st.lists(SIDES, min_size=1, max_size=5).filter(lambda shape: np.prod(shape) <= 5000).map(tuple)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "model_type": st.sampled_from(
            ["gpt2", "gpt_bigcode", "falcon", "bloom", "internlm2", "chatglm", "gpt_oss", "qwen"]
        ),
        "num_attention_heads": st.sampled_from([1, 2, 4]),
        "num_key_value_heads": st.sampled_from([1, 2]),
        "hidden_size": SIDES,
        "head_dim": st.sampled_from([2, 3, 4]),
        "intermediate_size": SIDES,
        "multi_query": st.booleans(),
        "text_config": st.fixed_dictionaries(
            {}, optional={"hidden_size": SIDES, "num_attention_heads": st.just(2)}
        ),
    },
)


@given(st.dictionaries(NAMES, SHAPES, max_size=8), CONFIGS)
def test_whatever_headers_promise_is_formed_and_every_entry_counts_at_most_once(
    shapes: dict[str, tuple[int, ...]], config: dict[str, object]
) -> None:
    arrays = {name: np.arange(np.prod(shape), dtype="f8").reshape(shape) for name, shape in shapes.items()}
    tensors = [TensorInfo(name, "F64", shape) for name, shape in shapes.items()]
    rows = matrices.plan(tensors, config)
    assert len({row.id for row in rows}) == len(rows)
    assert {row.name for row in rows} == set(shapes)
    counted: dict[str, list[float]] = {name: [] for name in shapes}
    for row in rows:
        if row.reason is not None or row.slice is not None:
            continue
        loaded = matrices.load(row, lambda name, at: arrays[name] if at is None else arrays[name][at])
        values = matrices.form(row, loaded).values
        assert isinstance(values, np.ndarray)
        assert values.shape == (row.slices, *row.shape)
        if not row.secondary:
            counted[row.name] += values.ravel().tolist()
    for name, entries in counted.items():
        assert entries == [] or sorted(entries) == arrays[name].ravel().tolist()
