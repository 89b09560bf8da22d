"""Claim: every tensor of an ONNX model is named and read as `onnx` reads it, and only its graph is loaded.

The witness is `onnx.numpy_helper.to_array`, which shares nothing with this reader but the file.
"""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.onnx_models import (
    TensorProto,
    helper,
    info,
    model,
    node,
    numpy_helper,
    onnx,
    opened,
    rng,
    save,
    tensor,
    weights,
)
from triplepoint import checkpoints
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.onnx.records import TYPES
from triplepoint.checkpoints.onnx.wire import skeleton
from triplepoint.errors import MissingDependency, UnreadableCheckpoint

RAW = sorted(set(TYPES.values()) - {"STRING", "F4", "F6_E2M3", "F6_E3M2", "U2", "I2"})
TYPED = sorted(set(RAW) - {"F8_E8M0"})
NUMBER = {name: number for number, name in TYPES.items()}


def values_of(dtype: str) -> np.ndarray[Any, Any]:
    """15 values of any type, an odd number so that codes of 4 bits end within a byte."""
    native = helper.tensor_dtype_to_np_dtype(NUMBER[dtype])
    if dtype.startswith(("U", "I")):
        low = -8 if dtype == "I4" else 0 if dtype.startswith("U") else -100
        return np.arange(low, low + 15).astype(native).reshape(3, 5)
    if dtype == "BOOL":
        return (np.arange(15) % 2 == 0).reshape(3, 5)
    return np.abs(rng().standard_normal((3, 5))).astype(native)


def same(found: Any, wanted: np.ndarray[Any, Any]) -> None:
    wanted = wanted.astype(np.int8) if wanted.dtype.name == "int4" else wanted
    wanted = wanted.astype(np.uint8) if wanted.dtype.name == "uint4" else wanted
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", RAW)
def test_raw_data_of_every_type_is_read_as_onnx_reads_it(tmp_path: Path, dtype: str) -> None:
    stored = tensor("w", values_of(dtype))
    reader = opened(tmp_path, [], [stored])
    assert (info(reader, "w").dtype, info(reader, "w").shape) == (dtype, (3, 5))
    same(reader.read("w"), numpy_helper.to_array(stored))
    same(reader.read("w", 2), numpy_helper.to_array(stored)[2])


@pytest.mark.parametrize("dtype", TYPED)
def test_typed_fields_of_every_type_are_read_as_onnx_reads_them(tmp_path: Path, dtype: str) -> None:
    stored = helper.make_tensor("w", NUMBER[dtype], [3, 5], values_of(dtype).flatten())
    assert not stored.raw_data
    reader = opened(tmp_path, [], [stored])
    same(reader.read("w"), numpy_helper.to_array(stored))
    same(reader.read("w", 0), numpy_helper.to_array(stored)[0])


def test_varints_over_many_blocks_keep_their_order_and_signs(tmp_path: Path) -> None:
    numbers = rng().integers(-(2**62), 2**62, 300_000)
    stored = helper.make_tensor("w", TensorProto.INT64, [300_000], numbers)
    assert np.array_equal(opened(tmp_path, [], [stored]).read("w"), numbers)


def test_scalars_and_empty_tensors_are_tensors(tmp_path: Path) -> None:
    empty, scalar = np.empty((0, 4), np.float32), np.float32(2.5)
    reader = opened(tmp_path, [], [tensor("e", empty), tensor("s", scalar)])
    assert info(reader, "e").shape == (0, 4)
    assert reader.read("e").shape == (0, 4)
    assert reader.read("s").shape == ()
    assert reader.read("s") == 2.5


def test_texts_and_sparse_tensors_are_named_and_refused(tmp_path: Path) -> None:
    sparse = helper.make_sparse_tensor(tensor("sparse", weights(2)), tensor("at", np.array([0, 3])), [3, 4])
    text = helper.make_tensor("text", TensorProto.STRING, [2], [b"a", b"b"])
    reader = opened(tmp_path, [], [text, tensor("w", weights(2, 2))], sparse_initializer=[sparse])
    assert info(reader, "sparse").shape == (3, 4)
    for name, why in {"sparse": "is sparse", "text": "type STRING"}.items():
        with pytest.raises(UnreadableCheckpoint, match=why):
            reader.read(name)
    assert np.array_equal(reader.read("w"), weights(2, 2))


def branches() -> Any:
    def branch(name: str, seed: int) -> Any:
        constant = node("Constant", "", "t", value=tensor("anything", weights(3, 3, seed=seed)))
        return helper.make_graph([constant], name, [], [], [tensor("own", weights(2, 2, seed=seed))])

    return node("If", "x", "o", then_branch=branch("then", 1), else_branch=branch("else", 2))


def test_tensors_in_branches_and_functions_are_found_and_told_apart(tmp_path: Path) -> None:
    body = [node("Constant", "", "t", value=tensor("", weights(4, 4))), node("Mul", "a t", "b")]
    function = helper.make_function("local", "Scaled", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    reader = opened(tmp_path, [branches(), node("Scaled", "x", "y", domain="local")], functions=[function])
    names = [found.name for found in reader.tensors()]
    assert names == ["own", "t", "o.then_branch/own", "o.then_branch/t", "local.Scaled/t"]
    assert np.array_equal(reader.read("t"), weights(3, 3, seed=2))
    assert np.array_equal(reader.read("o.then_branch/t"), weights(3, 3, seed=1))
    assert np.array_equal(reader.read("local.Scaled/t"), weights(4, 4))


@pytest.mark.parametrize("folder", ["", "sub/"])
def test_external_data_are_mapped_from_files_beside_the_model(tmp_path: Path, folder: str) -> None:
    made = model([], [tensor("a", weights(30, 20)), tensor("b", weights(7, 9, seed=1))])
    (tmp_path / folder).mkdir(exist_ok=True)
    onnx.save(
        made, tmp_path / "m.onnx", save_as_external_data=True, location=f"{folder}m.data", size_threshold=0
    )
    reader = checkpoints.open(tmp_path / "m.onnx")
    assert np.array_equal(reader.read("a"), weights(30, 20))
    assert np.array_equal(reader.read("b", 3), weights(7, 9, seed=1)[3])


def test_the_skeleton_is_the_graph_without_values_and_without_what_says_nothing_of_weights(
    tmp_path: Path,
) -> None:
    made = model(
        [branches(), node("MatMul", "x w", "y", name="/fc/MatMul")], [tensor("w", weights(300, 300))]
    )
    made.doc_string = made.graph.doc_string = "long" * 1000
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    cut = skeleton(MappedFile(path))
    found = onnx.ModelProto.FromString(cut.data)
    assert len(cut.data) < 600
    assert [n.SerializeToString() for n in found.graph.node[1:]] == [
        n.SerializeToString() for n in made.graph.node[1:]
    ]
    place = found.graph.initializer[0].segment
    assert path.read_bytes()[place.begin : place.end] == weights(300, 300).tobytes()


def test_opening_reads_the_graph_alone_and_reading_maps(tmp_path: Path) -> None:
    big = weights(1500, 1000)
    path = save(tmp_path / "model.onnx", [node("MatMul", "x w", "y")], [tensor("w", big)])
    checkpoints.open(path)  # imports
    tracemalloc.start()
    reader = checkpoints.open(path)
    found = reader.read("w")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000 < big.nbytes
    assert np.array_equal(found, big)
    assert not found.flags.writeable


def test_the_digest_sees_values_names_and_the_graph(tmp_path: Path) -> None:
    def digest(name: str, array: Any, op: str = "MatMul") -> str:
        return opened(tmp_path, [node(op, f"x {name}", "y")], [tensor(name, array)]).digest()

    first = digest("w", weights(20, 20))
    assert digest("w", weights(20, 20)) == first
    others = {
        digest("v", weights(20, 20)),
        digest("w", weights(20, 20, seed=1)),
        digest("w", weights(20, 20), "Gather"),
    }
    assert len(others | {first}) == 4


def test_without_onnx_the_error_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "model.onnx", [], [tensor("w", weights(2, 2))])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependency, match=r"pip install 'triplepoint\[formats\]'"):
        checkpoints.open(path)
