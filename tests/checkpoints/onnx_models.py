"""ONNX models built with `onnx.helper`, and ones written byte by byte so that they can lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from triplepoint import checkpoints  # noqa: E402
from triplepoint.checkpoints.reader import Reader  # noqa: E402
from triplepoint.records import TensorInfo  # noqa: E402

MICROSOFT = "com.microsoft"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def weights(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return rng(seed).standard_normal(shape).astype(np.float32)


def tensor(name: str, array: Any) -> Any:
    """An initialiser with raw data."""
    return numpy_helper.from_array(np.array(array, order="C"), name)


def node(op: str, inputs: str, output: str, **attributes: Any) -> Any:
    """One operator; `inputs` in one text, `.` for one that is left out."""
    names = ["" if name == "." else name for name in inputs.split()]
    return helper.make_node(op, names, [output], **attributes)


def model(
    nodes: Sequence[Any], tensors: Sequence[Any] = (), functions: Sequence[Any] = (), **graph: Any
) -> Any:
    """A model whose input is `x` and whose output is that of the last node."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    y = helper.make_tensor_value_info(nodes[-1].output[0] if nodes else "x", TensorProto.FLOAT, None)
    made = helper.make_graph(list(nodes), "main", [x], [y], list(tensors), **graph)
    domains = [
        helper.make_opsetid("", 21),
        helper.make_opsetid(MICROSOFT, 1),
        helper.make_opsetid("local", 1),
    ]
    return helper.make_model(made, opset_imports=domains, functions=list(functions), ir_version=10)


def save(path: Path, nodes: Sequence[Any], tensors: Sequence[Any] = (), **more: Any) -> Path:
    path.write_bytes(model(nodes, tensors, **more).SerializeToString())
    return path


def opened(path: Path, nodes: Sequence[Any], tensors: Sequence[Any] = (), **more: Any) -> Reader:
    return checkpoints.open(save(path / "model.onnx", nodes, tensors, **more))


def info(reader: Reader, name: str) -> TensorInfo:
    return next(found for found in reader.tensors() if found.name == name)


def number(value: int) -> bytes:
    """A varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(key: int, value: bytes | int) -> bytes:
    """One protobuf field: a length and bytes, or a varint."""
    if isinstance(value, int):
        return number(key << 3) + number(value & (2**64 - 1))
    return number(key << 3 | 2) + number(len(value)) + value


def raw_tensor(
    name: str = "w", dims: Sequence[int] = (2, 3), type: int = 1, data: bytes = bytes(24)
) -> bytes:
    """A `TensorProto`."""
    return b"".join(field(1, dim) for dim in dims) + field(2, type) + field(8, name.encode()) + field(9, data)


def raw_model(*tensors: bytes, more: bytes = b"") -> bytes:
    """A `ModelProto` with these initialisers."""
    return field(1, 10) + field(7, b"".join(field(5, one) for one in tensors) + more)
