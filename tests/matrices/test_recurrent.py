"""Gates of recurrent layers: torch itself says which is which, module and file give the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from triplepoint import checkpoints, matrices, scan
from triplepoint.records import MatrixPlan, Reason, TensorInfo

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file

LSTM = ("input", "forget", "cell", "output")
GRU = ("reset", "update", "new")


def parts(module: Any) -> dict[str, np.ndarray]:
    """Id → rows of every part, as they are formed."""
    reader = checkpoints.open(module)
    plans = matrices.plan(reader.tensors(), {})
    return {
        plan.id: matrices.form(plan, matrices.load(plan, reader.read)).values[0]
        for plan in plans
        if plan.reason is None
    }


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_gates_of_an_lstm_are_those_that_run_it() -> None:
    torch.manual_seed(1)
    cell = torch.nn.LSTMCell(9, 8, bias=False).double()
    found = parts(cell)
    x, h, c = (torch.randn(1, size, dtype=torch.float64) for size in (9, 8, 8))
    gate = {
        name: found[f"weight_ih/{name}"] @ x.numpy()[0] + found[f"weight_hh/{name}"] @ h.numpy()[0]
        for name in LSTM
    }
    state = sigmoid(gate["forget"]) * c.numpy()[0] + sigmoid(gate["input"]) * np.tanh(gate["cell"])
    hidden, after = cell(x, (h, c))
    np.testing.assert_allclose(after.detach().numpy()[0], state, rtol=1e-12)
    np.testing.assert_allclose(
        hidden.detach().numpy()[0], sigmoid(gate["output"]) * np.tanh(state), rtol=1e-12
    )


def test_the_gates_of_a_gru_are_those_that_run_it() -> None:
    torch.manual_seed(2)
    cell = torch.nn.GRUCell(9, 8, bias=False).double()
    found = parts(cell)
    x, h = (torch.randn(1, size, dtype=torch.float64) for size in (9, 8))
    into = {name: found[f"weight_ih/{name}"] @ x.numpy()[0] for name in GRU}
    back = {name: found[f"weight_hh/{name}"] @ h.numpy()[0] for name in GRU}
    reset, update = (sigmoid(into[name] + back[name]) for name in ("reset", "update"))
    new = np.tanh(into["new"] + reset * back["new"])
    hidden = (1 - update) * new + update * h.numpy()[0]
    np.testing.assert_allclose(cell(x, h).detach().numpy()[0], hidden, rtol=1e-12)


LAYERS = {
    "LSTM": lambda: torch.nn.LSTM(10, 12),
    "LSTM, two layers, both ways": lambda: torch.nn.LSTM(10, 12, num_layers=2, bidirectional=True),
    "LSTM with a projection": lambda: torch.nn.LSTM(10, 24, proj_size=9, bidirectional=True),
    "LSTM as wide as its projection": lambda: torch.nn.LSTM(12, 13, proj_size=12),
    "GRU": lambda: torch.nn.GRU(10, 12, num_layers=2),
    "RNN": lambda: torch.nn.RNN(10, 12, bidirectional=True),
    "LSTMCell": lambda: torch.nn.LSTMCell(10, 12),
    "GRUCell": lambda: torch.nn.GRUCell(10, 12),
    "RNNCell": lambda: torch.nn.RNNCell(10, 12),
}
GATES = {"LSTM": LSTM, "GRU": GRU, "RNN": ()}


@pytest.mark.parametrize("name", LAYERS)
def test_every_recurrent_weight_is_cut_into_its_gates(name: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    gates = GATES[name.removesuffix("Cell").split(maxsplit=1)[0].rstrip(",")]
    found = parts(torch.nn.ModuleDict({"rnn": layer}))
    expected: dict[str, np.ndarray] = {}
    for key, value in layer.state_dict().items():
        array = value.numpy()
        if array.ndim == 2:
            expected[f"rnn.{key}"] = array
            if gates and "weight_hr" not in key:
                pieces = np.split(array, len(gates))
                expected |= {f"rnn.{key}/{gate}": piece for gate, piece in zip(gates, pieces, strict=True)}
    assert found.keys() == expected.keys()
    for id, array in expected.items():
        np.testing.assert_array_equal(found[id], array)


def rows(source: Any) -> dict[str, Any]:
    return {
        row.id: (row.kind, row.shape, row.part, row.reason, row.counted, dict(row.metrics))
        for row in scan(source).matrices
    }


@pytest.mark.parametrize("name", ["LSTM with a projection", "GRU", "RNNCell"])
def test_module_state_dict_and_file_give_the_same_rows(name: str, tmp_path: Any) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]()
    save_file(layer.state_dict(), tmp_path / "model.safetensors")
    expected = rows(layer)
    assert rows(layer.state_dict()) == expected
    assert rows(tmp_path / "model.safetensors") == expected
    assert {row[0] for row in expected.values() if row[1]} == {"recurrent"}


def test_a_gate_has_the_numbers_of_a_matrix_of_its_own() -> None:
    torch.manual_seed(0)
    layer = torch.nn.LSTM(20, 24)
    fused = scan(layer)
    alone = scan({gate: layer.weight_ih_l0.detach()[24 * k : 24 * k + 24] for k, gate in enumerate(LSTM)})
    for gate in LSTM:
        row = fused[f"weight_ih_l0/{gate}"]
        assert row.counted
        assert dict(row.metrics) == dict(alone[gate].metrics)
    assert not fused["weight_ih_l0"].counted


def plan(**shapes: tuple[int, ...]) -> dict[str, MatrixPlan]:
    tensors = [TensorInfo(f"rnn.{name}", "F32", shape) for name, shape in shapes.items()]
    return {row.id.removeprefix("rnn."): row for row in matrices.plan(tensors, {})}


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({"weight_ih_l0": (48, 10)}, Reason.recurrent),  # alone it says nothing of its gates
        ({"weight_ih_l0": (48, 10), "weight_hh_l1": (48, 12)}, Reason.recurrent),  # of another layer
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (36, 12)}, Reason.recurrent),
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 4, 3)}, Reason.recurrent),
        (
            {"weight_ih_l0": (24, 10), "weight_hh_l0": (24, 12)},
            Reason.recurrent,
        ),  # two gates: no layer of torch
        ({"weight_ih_l0": (60, 10), "weight_hh_l0": (60, 12)}, Reason.recurrent),
        (
            {"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 9)},
            Reason.recurrent,
        ),  # projected, and no projection
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 12)}, None),
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 9), "weight_hr_l0": (9, 12)}, None),
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 9), "weight_hr_l0": (8, 12)}, Reason.recurrent),
        ({"weight_ih_l0": (48, 10), "weight_hh_l0": (48, 12), "weight_hr_l0": (12,)}, Reason.recurrent),
    ],
)
def test_gates_that_the_shapes_do_not_prove_are_left_out(
    shapes: dict[str, tuple[int, ...]], reason: Reason | None
) -> None:
    found = plan(**shapes)
    assert found["weight_ih_l0"].reason is reason
    if reason is None:
        assert [row.piece for row in found.values() if row.id.startswith("rnn.weight_ih_l0/")] == list(LSTM)


def test_names_that_only_resemble_recurrent_weights_are_no_gates() -> None:
    found = plan(**{"weight_ih.weight": (48, 10), "weight_ih_proj": (48, 10), "weight_hh_l0_raw": (48, 12)})
    assert {row.reason for row in found.values()} == {None}
    assert {row.piece for row in found.values()} == {None}


def test_gates_of_wrapped_modules_find_their_siblings() -> None:
    names = [f"_orig_mod.rnn.module.{name}" for name in ("weight_ih_l0", "weight_hh_l0")]
    tensors = [
        TensorInfo(name, "F32", shape) for name, shape in zip(names, ((48, 10), (48, 12)), strict=True)
    ]
    assert [row.piece for row in matrices.plan(tensors, {})] == [None, *LSTM, None, *LSTM]


def test_the_layout_of_a_format_goes_before_names_and_siblings() -> None:
    """ONNX orders the gates otherwise, and stacks directions."""
    layout = "direction,out(input,output,forget,cell),in"
    tensors = [TensorInfo("W", "F32", (2, 48, 10), "LSTM", layout=layout, alias="rnn.weight_ih")]
    found = matrices.plan(tensors, {})
    assert [(row.at, row.part, row.shape) for row in found[:3]] == [
        (0, "direction.0", (48, 10)),
        (0, "direction.0.input", (12, 10)),
        (0, "direction.0.output", (12, 10)),
    ]
    assert {row.kind for row in found} == {"recurrent"}
    assert [row.at for row in found] == [0] * 5 + [1] * 5
    assert len({row.id for row in found}) == 10
    assert [row.counted for row in found] == [False, True, True, True, True] * 2
