"""Claim: a weight that an exporter has folded and renamed gets back the name that it has in torch.

Names of nodes and tensors are as torch 2.3 to 2.13 wrote them, by its tracing exporter and by the one over
`torch.export`; the same parameters in safetensors must give the same ids.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.onnx_models import MICROSOFT, info, node, opened, tensor, weights
from triplepoint import checkpoints, matrices

MLP = "/encoder/layer.0/intermediate/dense/MatMul"
CLASSES = "['bert.Model', 'torch.nn.modules.linear.Linear', 'aten.linear.default']"


def scoped(made: Any, *scopes: str) -> Any:
    """A node with the metadata that the newer exporter writes, the module before the operator."""
    for key, value in {"class_hierarchy": CLASSES, "name_scopes": str(["", *scopes])}.items():
        made.metadata_props.add(key=f"pkg.torch.onnx.{key}", value=value)
    return made


ALIASES = {
    "the path of the node": (
        "onnx::MatMul_853",
        [node("MatMul", "x {}", "y", name=MLP)],
        "encoder.layer.0.intermediate.dense.weight",
    ),
    "a path through Sequentials": (
        "onnx::MatMul_9",
        [node("MatMul", "x {}", "y", name="/model/model.0/body/body.2/body.2.0/fc/MatMul")],
        "model.0.body.2.0.fc.weight",
    ),
    "the bias behind it": (
        "val_49",
        [node("MatMul", "x {}", "m", name="node_MatMul_48"), node("Add", "m b.fc.bias", "y")],
        "b.fc.weight",
    ),
    "the bias before its path": (
        "onnx::MatMul_1",
        [node("MatMul", "x {}", "m", name="/enc/self_attn/MatMul"), node("Add", "in_proj_bias m", "y")],
        "in_proj_weight",
    ),
    "the bias of the same operator": (
        "12",
        [node("Gemm", "x {} b.fc.bias", "y", name="Gemm_4")],
        "b.fc.weight",
    ),
    "a bias in a fused operator": (
        "val_49",
        [node("MatMul", "x {}", "m"), node("BiasGelu", "m b.fc.bias", "y", domain=MICROSOFT)],
        "b.fc.weight",
    ),
    "the module in the metadata": (
        "val_0",
        [scoped(node("MatMul", "x {}", "y", name="node_linear"), "body", "body.0", "linear")],
        "body.0.weight",
    ),
    "a name of its own": ("bert.fc.weight", [node("MatMul", "x {}", "y", name="/other/MatMul")], None),
    "a name without dots": ("proj", [node("MatMul", "x {}", "y", name="/other/MatMul")], None),
    "nothing": ("onnx::MatMul_853", [node("MatMul", "x {}", "y", name="MatMul_17")], None),
    "a node of the model itself": ("onnx::MatMul_853", [node("MatMul", "x {}", "y", name="/MatMul")], None),
    "a vector that is no bias": (
        "val_49",
        [node("MatMul", "x {}", "m"), node("Add", "m position", "y")],
        None,
    ),
    "a matrix that is no bias": (
        "val_49",
        [node("MatMul", "x {}", "m"), node("Add", "m relative.bias", "y")],
        None,
    ),
    "a name of TensorFlow": (
        "model/dense/MatMul/ReadVariableOp:0",
        [node("MatMul", "x {}", "y", name="model/dense/MatMul")],
        None,
    ),
}


@pytest.mark.parametrize("case", ALIASES)
def test_the_old_name_is_found_by(tmp_path: Path, case: str) -> None:
    stored, nodes, alias = ALIASES[case]
    for one in nodes:
        one.input[:] = [name.replace("{}", stored) for name in one.input]
    vectors = [tensor(name, weights(7)) for name in ("b.fc.bias", "in_proj_bias", "position")]
    vectors.append(tensor("relative.bias", weights(7, 7)))
    assert info(opened(tmp_path, nodes, [tensor(stored, weights(5, 7)), *vectors]), stored).alias == alias


QUANTISED = {
    "W.weight_quantized": "W.weight",
    "inner.fc.weight_q": "inner.fc.weight",
    "fc.weight_Q4": "fc.weight",
    "onnx::MatMul_3_quantized": "encoder.fc.weight",
    "val_49_q": "encoder.fc.weight",
}


@pytest.mark.parametrize("stored", QUANTISED)
def test_what_quantisers_add_to_a_name_is_taken_off(tmp_path: Path, stored: str) -> None:
    nodes = [
        node("DequantizeLinear", f"{stored} s", "v"),
        node("MatMul", "x v", "m", name="/encoder/fc/MatMul"),
        node("QuantizeLinear", "m s", "q"),
        node("DequantizeLinear", "q s", "d"),
        node("DequantizeLinear", "encoder.fc.bias_quantized s", "b"),
        node("Add", "d b", "y"),
    ]
    tensors = [tensor(stored, np.ones((5, 7), np.int8)), tensor("s", np.float32(2))]
    reader = opened(tmp_path, nodes, [*tensors, tensor("encoder.fc.bias_quantized", np.ones(7, np.int8))])
    assert info(reader, stored).alias == QUANTISED[stored]


def test_a_float_weight_keeps_an_ending_that_a_quantiser_might_have_added(tmp_path: Path) -> None:
    reader = opened(tmp_path, [node("MatMul", "x a.head_q", "y")], [tensor("a.head_q", weights(5, 7))])
    assert info(reader, "a.head_q").alias is None


def test_names_that_would_be_alike_are_left_as_stored(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x onnx::MatMul_1", "y", name="/mlp/MatMul"),
        node("MatMul", "x onnx::MatMul_2", "z", name="/mlp/MatMul_1"),
        node("MatMul", "x onnx::MatMul_3", "u", name="/taken/MatMul"),
        node("MatMul", "x onnx::MatMul_4", "v", name="/free/MatMul"),
    ]
    tensors = [tensor(f"onnx::MatMul_{k}", weights(5, 7, seed=k)) for k in (1, 2, 3, 4)]
    reader = opened(tmp_path, nodes, [*tensors, tensor("taken.weight", weights(3, 3))])
    assert [found.alias for found in reader.tensors()] == [None, None, None, "free.weight", None]


@pytest.mark.parametrize("exporter", ["path", "metadata"])
def test_layers_of_a_recurrent_module_are_numbered(tmp_path: Path, exporter: str) -> None:
    nodes, tensors = [], []
    for k in (0, 1):
        names = [f"onnx::LSTM_{k}{x}" for x in "wrb"]
        made = node("LSTM", f"x {' '.join(names)}", f"y{k}", name="/rnn/LSTM" + f"_{k}" * k)
        if exporter == "metadata":
            made.name = f"node_LSTM_{k}"
            scoped(made, "rnn", "lstm")
        nodes.append(made)
        shapes = ((1, 24, 5), (1, 24, 6), (1, 48))
        tensors += [tensor(name, weights(*shape)) for name, shape in zip(names, shapes, strict=True)]
    aliases = [found.alias for found in opened(tmp_path, nodes, tensors).tensors()]
    assert aliases == [
        "rnn.weight_ih_l0",
        "rnn.weight_hh_l0",
        "rnn.l0.bias",
        "rnn.weight_ih_l1",
        "rnn.weight_hh_l1",
        "rnn.l1.bias",
    ]


def bert(folder: Path, exporter: str) -> tuple[Path, Path]:
    """One layer of BERT, 16 wide: as safetensors, and as ONNX with its linear weights folded."""
    safetensors = pytest.importorskip("safetensors.numpy")
    linear = {
        "encoder.layer.0.attention.self.query": (16, 16),
        "encoder.layer.0.attention.output.dense": (16, 16),
        "encoder.layer.0.intermediate.dense": (32, 16),
        "encoder.layer.0.output.dense": (16, 32),
        "pooler.dense": (16, 16),
    }
    table = weights(50, 16)
    state = {"embeddings.word_embeddings.weight": table}
    tensors, nodes, at = [tensor("embeddings.word_embeddings.weight", table)], [], "x"
    nodes.append(
        node("Gather", "embeddings.word_embeddings.weight x", "e", name="/embeddings/word_embeddings/Gather")
    )
    for k, (name, shape) in enumerate(linear.items()):
        state |= {f"{name}.weight": weights(*shape, seed=k + 1), f"{name}.bias": weights(shape[0])}
        stored, scope = f"onnx::MatMul_{k + 470}", "/" + name.replace(".", "/").replace("layer/0", "layer.0")
        made = node("MatMul", f"{at} {stored}", f"{name}.m", name=f"{scope}/MatMul")
        if exporter == "metadata":
            stored = made.input[1] = f"val_{k + 49}"
            made.name = f"node_MatMul_{k}"
        tensors += [tensor(stored, state[f"{name}.weight"].T), tensor(f"{name}.bias", state[f"{name}.bias"])]
        nodes += [made, node("Add", f"{name}.bias {name}.m", f"{name}.a", name=f"{scope}/Add")]
        at = f"{name}.a"
    safetensors.save_file(state, folder / "model.safetensors")
    opened(folder, nodes, tensors)
    return folder / "model.safetensors", folder / "model.onnx"


@pytest.mark.parametrize("exporter", ["path", "metadata"])
def test_a_model_has_the_same_matrices_as_onnx_and_as_safetensors(tmp_path: Path, exporter: str) -> None:
    found = []
    for path in bert(tmp_path, exporter):
        reader = checkpoints.open(path)
        plans = [plan for plan in matrices.plan(reader.tensors(), {}) if plan.reason is None]
        formed = {plan.id: matrices.form(plan, matrices.load(plan, reader.read)).values for plan in plans}
        found.append(({plan.id: (plan.kind, plan.shape, plan.counted) for plan in plans}, formed))
    (wanted, originals), (planned, values) = found
    assert planned == wanted
    assert len(wanted) == 6
    for id, original in originals.items():
        assert np.array_equal(np.asarray(values[id]), np.asarray(original)), id
