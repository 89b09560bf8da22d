"""Claim: what an operator makes of a weight says what its axes mean.

The witness is `onnx.reference.ReferenceEvaluator`: it runs the model, and the same result must follow from the weight
turned to (out, in) by its layout, with the gates of a recurrent layer taken by their names.
"""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from tests.checkpoints.onnx_models import MICROSOFT, helper, info, model, node, opened, tensor, weights
from triplepoint.matrices import layouts

Array = np.ndarray[Any, Any]


def run(nodes: list[Any], tensors: list[Any], **inputs: Array) -> Array:
    made = model(nodes, tensors)
    del made.graph.input[:]
    made.graph.input.extend(
        helper.make_tensor_value_info(name, 1, value.shape) for name, value in inputs.items()
    )
    return np.asarray(ReferenceEvaluator(made).run(None, inputs)[0])


def turned(array: Array, layout: str | None) -> Array:
    """A matrix as (out, in)."""
    assert layout in ("in,out", "out,in")
    return array.T if layout == "in,out" else array


PRODUCTS = {
    "MatMul from the right": ("MatMul", "x w", {}, (5, 7), "in,out"),
    "MatMul from the left": ("MatMul", "w x", {}, (7, 5), "out,in"),
    "Gemm as stored": ("Gemm", "x w", {}, (5, 7), "in,out"),
    "Gemm transposed": ("Gemm", "x w", {"transB": 1}, (7, 5), "out,in"),
    "Gemm from the left": ("Gemm", "w x", {"transB": 1}, (7, 5), "out,in"),
    "Gemm from the left, transposed": ("Gemm", "w x", {"transA": 1, "transB": 1}, (5, 7), "in,out"),
}


@pytest.mark.parametrize("case", PRODUCTS)
def test_a_product_applies_the_matrix_that_its_layout_describes(tmp_path: Path, case: str) -> None:
    op, inputs, attributes, shape, layout = PRODUCTS[case]
    nodes, tensors = [node(op, inputs, "y", **attributes)], [tensor("w", weights(*shape))]
    reader = opened(tmp_path, nodes, tensors)
    assert (info(reader, "w").layout, info(reader, "w").module) == (layout, "Linear")
    x = weights(3, 5, seed=1)
    given = x.T.copy() if inputs == "w x" and not attributes else x
    y = run(nodes, tensors, x=given)
    wanted = x @ turned(np.asarray(reader.read("w")), layout).T
    np.testing.assert_allclose(y if inputs == "x w" else y.T, wanted, rtol=1e-5, atol=1e-5)


def test_a_stack_of_matrices_is_multiplied_entry_by_entry(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x e", "y"), node("MatMul", "x one", "z")]
    reader = opened(tmp_path, nodes, [tensor("e", weights(4, 5, 7)), tensor("one", weights(1, 5, 7))])
    assert info(reader, "e").layout == "expert,in,out"
    assert info(reader, "one").layout == "1,in,out"


@pytest.mark.parametrize("axes", [1, 2])
def test_kernels_convolve_as_their_layout_says(tmp_path: Path, axes: int) -> None:
    kernel = (3,) * axes
    nodes, tensors = [node("Conv", "x w", "y")], [tensor("w", weights(6, 5, *kernel))]
    reader = opened(tmp_path, nodes, tensors)
    layout = info(reader, "w").layout
    assert (layout, info(reader, "w").module) == ("out,in" + ",kernel" * axes, f"Conv{axes}d")
    x = weights(1, 5, *kernel, seed=1)  # as large as the kernel: one position of the output
    slices = layouts.arrange(np.asarray(reader.read("w")), layout)
    wanted = sum(slices[k] @ x.reshape(5, -1)[:, k] for k in range(3**axes))
    np.testing.assert_allclose(run(nodes, tensors, x=x).reshape(-1), wanted, rtol=1e-4, atol=1e-4)


def test_transposed_kernels_have_their_inputs_first(tmp_path: Path) -> None:
    nodes, tensors = [node("ConvTranspose", "x w", "y")], [tensor("w", weights(5, 6, 3))]
    reader = opened(tmp_path, nodes, tensors)
    layout = info(reader, "w").layout
    assert (layout, info(reader, "w").module) == ("in,out,kernel", "ConvTranspose1d")
    x = weights(1, 5, 1, seed=1)
    slices = layouts.arrange(np.asarray(reader.read("w")), layout)
    wanted = np.stack([slice @ x[0, :, 0] for slice in slices], axis=-1)
    np.testing.assert_allclose(run(nodes, tensors, x=x)[0], wanted, rtol=1e-4, atol=1e-5)


def test_depthwise_kernels_are_channels_by_positions(tmp_path: Path) -> None:
    reader = opened(tmp_path, [node("Conv", "x w", "y", group=8)], [tensor("w", weights(8, 1, 3, 3))])
    assert info(reader, "w").layout == "out,1,kernel,kernel"


def gates(array: Array, layout: str | None) -> dict[str, Array]:
    """The matrices of a recurrent weight of one direction, by the names that its layout gives."""
    match = re.fullmatch(r"1,out(?:\((.*)\))?,in", layout or "")
    assert match is not None
    names = (match[1] or "hidden").split(",")
    return dict(zip(names, np.split(array[0], len(names)), strict=True))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def lstm(w: dict[str, Array], r: dict[str, Array], x: Array, h: Array, c: Array) -> Array:
    g = {name: w[name] @ x + r[name] @ h for name in w}
    cell = sigmoid(g["forget"]) * c + sigmoid(g["input"]) * np.tanh(g["cell"])
    return np.asarray(sigmoid(g["output"]) * np.tanh(cell))


def gru(w: dict[str, Array], r: dict[str, Array], x: Array, h: Array, c: Array) -> Array:
    update, reset = (sigmoid(w[name] @ x + r[name] @ h) for name in ("update", "reset"))
    new = np.tanh(w["new"] @ x + r["new"] @ (reset * h))
    return np.asarray((1 - update) * new + update * h)


def rnn(w: dict[str, Array], r: dict[str, Array], x: Array, h: Array, c: Array) -> Array:
    return np.asarray(np.tanh(w["hidden"] @ x + r["hidden"] @ h))


CELLS = {"LSTM": (lstm, 4, "h c"), "GRU": (gru, 3, "h"), "RNN": (rnn, 1, "h")}


@pytest.mark.parametrize("op", CELLS)
def test_gates_do_what_their_names_say(tmp_path: Path, op: str) -> None:
    cell, count, states = CELLS[op]
    x, h, c = (weights(1, 1, size, seed=size) for size in (5, 6, 7))
    c = c[..., :6]
    names = ["x", "w", "r", "", "", *states.split()]
    nodes = [helper.make_node(op, names, ["", "y"], hidden_size=6), node("Identity", "y", "last")]
    tensors = [tensor("w", weights(1, count * 6, 5)), tensor("r", weights(1, count * 6, 6, seed=1))]
    tensors += [tensor("h", h), tensor("c", c)]
    reader = opened(tmp_path, nodes, tensors)
    w, r = (gates(np.asarray(reader.read(name)), info(reader, name).layout) for name in "wr")
    wanted = cell(w, r, x[0, 0], h[0, 0], c[0, 0])
    np.testing.assert_allclose(run(nodes, tensors, x=x).reshape(-1), wanted, rtol=1e-4, atol=1e-5)
    assert info(reader, "w").module == op


def test_both_directions_of_a_recurrent_layer_are_a_stack_and_its_biases_are_no_weights(
    tmp_path: Path,
) -> None:
    nodes = [node("LSTM", "x w r b", "y", hidden_size=6, direction="bidirectional")]
    tensors = [tensor("w", weights(2, 24, 5)), tensor("r", weights(2, 24, 6)), tensor("b", weights(2, 48))]
    reader = opened(tmp_path, nodes, tensors)
    assert info(reader, "w").layout == "direction,out(input,output,forget,cell),in"
    assert (info(reader, "b").layout, info(reader, "b").alias) == (None, "b.bias")


def test_rows_that_are_gathered_are_an_embedding(tmp_path: Path) -> None:
    nodes = [node("Gather", "w x", "y"), node("Gather", "columns x", "z", axis=1)]
    reader = opened(tmp_path, nodes, [tensor("w", weights(9, 4)), tensor("columns", weights(9, 4))])
    assert (info(reader, "w").layout, info(reader, "w").module) == ("out,in", "Embedding")
    assert info(reader, "columns").layout is None


FOLLOWED = {
    "a transposition": ([node("Transpose", "w", "v"), node("MatMul", "x v", "y")], (7, 5), "out,in"),
    "a copy and a cast": ([node("Identity", "w", "u"), node("Cast", "u", "v", to=1), node("MatMul", "x v", "y")],
                          (5, 7), "in,out"),
    "images with channels last": ([node("Transpose", "w", "v", perm=[3, 2, 0, 1]), node("Conv", "x v", "y")],
                                  (3, 3, 5, 7), "kernel,kernel,in,out"),
    "a matrix as a kernel": ([node("Unsqueeze", "w two", "v"), node("Conv", "x v", "y")], (7, 5), "out,in"),
    "a kernel of one position as a matrix": ([node("Squeeze", "w two", "v"), node("MatMul", "x v", "y")],
                                             (5, 7, 1), "in,out,1"),
    "a kernel reshaped to a matrix": ([node("Reshape", "w flat", "v"), node("Gemm", "x v", "y", transB=1)],
                                      (7, 5, 1, 1), "out,in,1,1"),
    "rounding on the way": ([node("QuantizeLinear", "w s", "u"), node("DequantizeLinear", "u s", "v"),
                             node("MatMul", "x v", "y")], (5, 7), "in,out"),
    "axes that are mixed": ([node("Reshape", "w flat", "v"), node("MatMul", "x v", "y")], (5, 7), None),
    "kernel positions on both sides": ([node("Transpose", "w", "v", perm=[3, 1, 2, 0]), node("Conv", "x v", "y")],
                                       (3, 5, 3, 7), None),
    "an activation": ([node("Relu", "w", "v"), node("MatMul", "x v", "y")], (5, 7), None),
    "a sum of two": ([node("Add", "w w", "v"), node("MatMul", "x v", "y")], (5, 7), None),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLLOWED)
def test_a_weight_is_followed_through_what_only_moves_it(tmp_path: Path, case: str) -> None:
    nodes, shape, layout = FOLLOWED[case]
    more = [tensor("two", np.array([2])), tensor("flat", np.array([7, -1])), tensor("s", np.float32(0.1))]
    reader = opened(tmp_path, nodes, [tensor("w", weights(*shape)), *more])
    assert info(reader, "w").layout == layout


def test_every_order_of_a_kernel_gives_a_layout_of_the_language_or_none(tmp_path: Path) -> None:
    for perm in itertools.permutations(range(4)):
        shape = tuple(np.array([7, 5, 3, 2])[np.argsort(perm)])
        nodes = [node("Transpose", "w", "v", perm=list(perm)), node("Conv", "x v", "y")]
        found = info(opened(tmp_path, nodes, [tensor("w", weights(*shape))]), "w").layout
        fitted = layouts.fit(found, shape) if found else None
        assert (fitted is None) == (found is None)
        assert fitted is None or (fitted.rows, fitted.columns, fitted.positions) == (7, 5, 6)


def test_a_weight_is_followed_into_functions_and_branches(tmp_path: Path) -> None:
    body = [node("MatMul", "a b", "c")]
    function = helper.make_function("local", "Dense", ["b", "a"], ["c"], body, [helper.make_opsetid("", 21)])
    branch = helper.make_graph([node("Gemm", "x v", "y", transB=1)], "then", [], [])
    nodes = [
        node("Dense", "w x", "y", domain="local"),
        node("If", "x", "o", then_branch=branch, else_branch=branch),
    ]
    tensors = [tensor("w", weights(5, 7)), tensor("v", weights(5, 7))]
    reader = opened(tmp_path, nodes, tensors, functions=[function])
    assert info(reader, "w").layout == "in,out"
    assert info(reader, "v").layout == "out,in"


MICROSOFTS = {
    "FusedMatMul": ("x w", {"transB": 1}, (7, 5), "out,in"),
    "FusedGemm": ("x w b", {}, (5, 7), "in,out"),
    "NhwcFusedConv": ("x w b", {}, (7, 5, 3, 3), "out,in,kernel,kernel"),
    "Attention": ("x w b", {}, (8, 24), "in,out(query,key,value)"),
    "PackedAttention": ("x w b", {"qkv_hidden_sizes": [8, 8, 4]}, (8, 20), "in,out(query:8,key:8,value:4)"),
    "DecoderAttention": ("x x x w", {}, (8, 16), "in,out(key,value)"),
    "EmbedLayerNormalization": ("x x w", {}, (9, 4), "out,in"),
    "DynamicQuantizeLSTM": ("x w", {}, (1, 5, 24), "1,in,out(input,output,forget,cell)"),
    "MatMulBnb4": ("x w", {"K": 5, "N": 7}, (7, 5), None),
}


@pytest.mark.parametrize("op", MICROSOFTS)
def test_operators_of_onnx_runtime_have_the_axes_of_their_documentation(tmp_path: Path, op: str) -> None:
    inputs, attributes, shape, layout = MICROSOFTS[op]
    reader = opened(
        tmp_path, [node(op, inputs, "y", domain=MICROSOFT, **attributes)], [tensor("w", weights(*shape))]
    )
    assert info(reader, "w").layout == layout
    assert layout is None or layouts.fit(layout, shape) is not None
    other = opened(
        tmp_path, [node(op, inputs, "y", domain="other", **attributes)], [tensor("w", weights(*shape))]
    )
    assert info(other, "w").layout is None


def test_the_first_user_that_says_something_is_heard(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "w", "s"),
        node("Relu", "w", "r"),
        node("Gather", "w x", "y"),
        node("MatMul", "x w", "z"),
    ]
    assert info(opened(tmp_path, nodes, [tensor("w", weights(6, 6))]), "w").module == "Embedding"


def test_a_value_that_two_nodes_make_is_the_first_ones(tmp_path: Path) -> None:
    nodes = [node("Identity", "w", "v"), node("Identity", "u", "v"), node("MatMul", "x v", "y")]
    reader = opened(tmp_path, nodes, [tensor("u", weights(5, 7)), tensor("w", weights(5, 7))])
    assert (info(reader, "w").layout, info(reader, "u").layout) == ("in,out", None)


def test_a_recurrent_cell_written_out_is_left_to_its_name(tmp_path: Path) -> None:
    reader = opened(
        tmp_path, [node("Gemm", "x rnn.weight_ih", "y", transB=1)], [tensor("rnn.weight_ih", weights(24, 5))]
    )
    assert (info(reader, "rnn.weight_ih").layout, info(reader, "rnn.weight_ih").module) == (None, None)


def test_a_graph_that_branches_without_end_is_opened_at_once(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    functions = [
        helper.make_function(
            "local",
            f"F{k}",
            ["a"],
            ["b"],
            [node(f"F{k + 1}", "a", out, domain="local") for out in "bc"],
            opsets,
        )
        for k in range(40)
    ]
    nodes = [node("F0", "w", "y", domain="local"), *(node("Relu", "v", f"r{k}") for k in range(5000))]
    tensors = [tensor("w", weights(6, 6)), tensor("v", weights(6, 6))]
    started = time.perf_counter()
    reader = opened(tmp_path, nodes, tensors, functions=functions)
    assert time.perf_counter() - started < 2
    assert info(reader, "w").layout is None
