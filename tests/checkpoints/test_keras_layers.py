"""Claim: classes, equations, names and shapes say what the axes mean; where they leave a choice, nothing is said."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from triplepoint.checkpoints.keras import config as keras_config
from triplepoint.checkpoints.keras import einsum as keras_einsum
from triplepoint.checkpoints.keras import guess as keras_guess
from triplepoint.checkpoints.keras import layers as keras_layers
from triplepoint.checkpoints.keras.config import Layer
from triplepoint.checkpoints.keras.names import Names


@pytest.mark.parametrize(
    ("kind", "saved"),
    [
        ("Dense", "dense"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("PReLU", "p_re_lu"),
        ("ConvLSTM2D", "conv_lstm2d"),
        ("LSTMCell", "lstm_cell"),
        ("StackedRNNCells", "stacked_rnn_cells"),
        ("SimpleRNN", "simple_rnn"),
        ("MultiHeadAttention", "multi_head_attention"),
        ("CuDNNGRU", "cu_dnngru"),
    ],
)
def test_classes_become_the_names_that_keras_saves_under(kind: str, saved: str) -> None:
    """The right column is what Keras 3.15 wrote."""
    assert keras_config.snake(kind) == saved


def test_members_of_a_list_are_counted_by_class() -> None:
    layers = [Layer(kind, {"name": name}) for kind, name in (("Dense", "a"), ("LSTM", "b"), ("Dense", "c"))]
    counted = keras_config.counted(layers)
    assert {key: layer.name for key, layer in counted.items()} == {"dense": "a", "lstm": "b", "dense_1": "c"}


@pytest.mark.parametrize(
    ("equation", "layout", "ordered"),
    [
        ("ab,bc->ac", "in,out", True),
        ("ab,cb->ac", "out,in", True),
        ("abc,cde->abde", "in,out,out", True),
        ("abcd,cde->abe", "in,in,out", True),
        ("abc,cde->abed", "in,out,out", False),
        ("...x,xy->...y", "in,out", True),
        (" ab, bc -> ac ", "in,out", True),
    ],
)
def test_an_einsum_sums_over_its_inputs(equation: str, layout: str, ordered: bool) -> None:
    """Witness: with one input and one output set to 1, the layout's matrix is the linear map of NumPy's einsum."""
    inputs, kernel = equation.replace(" ", "").split("->")[0].split(",")
    found = keras_einsum.read(equation, len(kernel))
    assert found is not None
    assert (found.layout, found.ordered) == (layout, ordered)
    sizes = dict(zip("abcdexy", (2, 3, 5, 4, 7, 3, 4), strict=True))
    weight = np.random.default_rng(0).normal(size=[sizes[axis] for axis in kernel])
    words = layout.split(",")
    order = [k for k, word in enumerate(words) if word == "out"] + [
        k for k, word in enumerate(words) if word == "in"
    ]
    outputs = np.prod([weight.shape[k] for k, word in enumerate(words) if word == "out"])
    matrix = weight.transpose(order).reshape(int(outputs), -1)
    summed = [axis for axis in inputs.replace(".", "") if axis in kernel]
    lead = [axis for axis in inputs.replace(".", "") if axis not in kernel]
    columns = [sizes[axis] for axis in summed]
    for column, place in enumerate(itertools.product(*map(range, columns))):
        one = np.zeros([1] * len(lead) + columns)
        one[(0,) * len(lead) + place] = 1
        result = np.einsum(equation, one, weight)
        assert np.allclose(np.sort(result.ravel()), np.sort(matrix[:, column]))


@pytest.mark.parametrize(
    "equation", ["", "ab", "ab,bc", "abc,bcd->abd", "ab,cd->ac", "ab,bcb->ac", "abd,bcd->ac"]
)
def test_an_einsum_that_is_no_matrix_has_no_layout(equation: str) -> None:
    assert keras_einsum.read(equation, 3) is None
    assert keras_einsum.read(equation, 2) is None


@pytest.mark.parametrize(
    ("shapes", "stems", "module", "layout"),
    [
        ({"kernel": (3, 4)}, [], "Linear", "in,out"),
        ({"embeddings": (9, 4)}, [], "Embedding", "out,in"),
        ({"kernel": (3, 3, 4, 8)}, [], "Conv2d", "kernel,kernel,in,out"),
        ({"kernel": (3, 3, 3, 4, 8), "bias": (8,)}, [], "Conv3d", "kernel,kernel,kernel,in,out"),
        ({"kernel": (3, 3, 4, 8), "bias": (4,)}, [], "ConvTranspose2d", "kernel,kernel,out,in"),
        ({"kernel": (3, 3, 8, 1), "bias": (8,)}, [], "Conv2d", "kernel,kernel,out,out"),
        ({"kernel": (3, 3, 8, 2)}, ["depthwise_conv2d"], "Conv2d", "kernel,kernel,out,out"),
        ({"kernel": (8, 2, 4), "bias": (2, 4)}, [], "Linear", "in,out,out"),
        ({"kernel": (5, 4, 8)}, [], "Conv1d", "kernel,in,out"),
        ({"kernel": (6, 20), "recurrent_kernel": (5, 20)}, [], "LSTM", keras_guess.LSTM),
        ({"kernel": (6, 15), "recurrent_kernel": (5, 15)}, [], "GRU", keras_guess.GRU),
        ({"kernel": (6, 5), "recurrent_kernel": (5, 5)}, [], "RNN", "in,out"),
        ({"kernel": (6, 10), "recurrent_kernel": (5, 10)}, [], None, None),
        ({"kernel": (6, 21), "recurrent_kernel": (5, 20)}, [], None, None),
        ({"0": (8, 2, 4)}, ["thing"], None, None),
        ({"0": (5, 4, 8)}, ["my_conv"], "Conv1d", "kernel,in,out"),
        ({"0": (3, 3, 4, 8)}, ["thing"], "Conv2d", "kernel,kernel,in,out"),
        ({"0": (4, 4)}, ["thing"], None, None),
        ({"weird": (4, 4, 4)}, [], None, None),
    ],
)
def test_names_and_shapes_say_what_leaves_no_choice(
    shapes: dict[str, tuple[int, ...]], stems: list[str], module: str | None, layout: str | None
) -> None:
    found = keras_guess.meaning(next(iter(shapes)), shapes, stems, numbered="0" in shapes)
    assert (found.module, found.layout) == (module, layout)


def layer(kind: str, name: str, **settings: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **settings}}


@pytest.mark.parametrize(
    ("settings", "count", "names"),
    [
        ({}, 4, ["gamma", "beta", "moving_mean", "moving_variance"]),
        ({"scale": False}, 3, ["beta", "moving_mean", "moving_variance"]),
        ({"center": False}, 3, ["gamma", "moving_mean", "moving_variance"]),
        ({"center": False, "scale": False}, 2, ["moving_mean", "moving_variance"]),
        ({}, 3, ["0", "moving_mean", "moving_variance"]),
    ],
)
def test_normalisation_names_its_variables_by_its_settings(
    settings: dict[str, bool], count: int, names: list[str]
) -> None:
    model = keras_config.read(
        json.dumps(layer("Model", "m", layers=[layer("BatchNormalization", "bn", **settings)])).encode()
    )
    owners = Names({}, model, keras=True).variable("layers/batch_normalization/vars/0").owners
    stored = {str(number): (4,) for number in range(count)}
    found = keras_layers.meanings(owners, stored, numbered=True, attention=False, codes="")
    assert [meaning.name for meaning in found.values()] == names
    assert [meaning.buffer for meaning in found.values()] == [name.startswith("moving") for name in names]


def test_wrapped_and_nested_layers_are_found_in_the_configuration() -> None:
    cells = layer("StackedRNNCells", "cells", cells=[layer("GRUCell", "g"), layer("LSTMCell", "l")])
    inner = layer("Sequential", "inner", layers=[layer("Dense", "deep")])
    both = layer("Bidirectional", "both", layer=layer("LSTM", "there"), backward_layer=layer("LSTM", "back"))
    config = layer(
        "Functional", "m", layers=[layer("RNN", "rnn", cell=cells), inner, both, layer("Dense", "out")]
    )
    names = Names({}, keras_config.read(json.dumps(config).encode()), keras=True)
    expected = {
        "layers/rnn/cell/cells/lstm_cell/vars/1": ("rnn", "cells", "l"),
        "layers/sequential/layers/dense/vars/0": ("inner", "deep"),
        "layers/bidirectional/backward_layer/cell/vars/0": ("both", "back", "lstm_cell"),
        "layers/bidirectional/forward_layer/cell/vars/0": ("both", "there", "lstm_cell"),
        "_layer_checkpoint_dependencies/dense/vars/0": ("out",),
        "model_weights/inner/inner/deep/kernel:0": ("inner", "deep"),
    }
    for path, owners in expected.items():
        assert tuple(owner.name for owner in names.variable(path).owners) == owners
    assert names.variable("layers/dense/vars/0").owners[0].stems[0] == "dense"


def test_a_configuration_of_a_stranger_is_only_data() -> None:
    hostile: list[Any] = [
        {"class_name": 5, "config": {}},
        {"class_name": "A", "config": 3},
        {"class_name": "A", "config": {"name": ["x"], "layers": [None, 1, {"class_name": "B"}], "layer": 7}},
        {"class_name": "A" * 10**6, "config": {"name": "B" * 10**6}},
        [],
        None,
        "text",
    ]
    for config in hostile:
        model = keras_config.read(json.dumps(config).encode())
        names = Names({}, model, keras=True)
        for path in (
            "layers/a/vars/0",
            "",
            "/",
            "vars/0",
            "a//vars/1",
            "layers/b/layer/vars/99999",
            "model_weights/",
        ):
            variable = names.variable(path)
            stored = {variable.name: (2, 2)}
            keras_layers.meanings(
                variable.owners, stored, numbered=variable.numbered, attention=True, codes="int8"
            )
        assert keras_config.modes(model) == set()


def test_a_model_of_many_layers_is_named_in_linear_time() -> None:
    """20,000 layers took 0.6 s; looked up anew for every path, the list of their names would take an hour."""
    count = 20_000
    config = layer("Functional", "m", layers=[layer("Dense", f"d{k}") for k in range(count)])
    names = Names({}, keras_config.of(config), keras=True)
    assert names.variable("layers/dense_19999/vars/0").owners[0].name == "d19999"
    for k in range(1, count):
        names.variable(f"layers/dense_{k}/vars/0")
        names.variable(f"model_weights/d{k}/kernel:0")
