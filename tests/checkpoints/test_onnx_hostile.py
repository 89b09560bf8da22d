"""No ONNX model, however broken, does more than raise one clear line, and one bad tensor costs itself alone.

Models are written byte by byte where `onnx` would refuse to write them.
"""

from __future__ import annotations

import os
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.onnx_models import (
    MICROSOFT,
    TensorProto,
    field,
    helper,
    model,
    node,
    number,
    raw_model,
    raw_tensor,
    tensor,
    weights,
)
from triplepoint import checkpoints, matrices
from triplepoint.checkpoints import limits
from triplepoint.checkpoints.onnx import external as onnx_external
from triplepoint.checkpoints.onnx import wire as onnx_wire
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnsafeCheckpoint

GOOD = raw_tensor("good", (2, 3), data=weights(2, 3).tobytes())


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph, and so on."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(1, b"g") + field(6, graph)))
    return graph


REFUSED: dict[str, bytes] = {
    "nothing that is protobuf": b"\xff" * 40,
    "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "no graph": field(1, 10),
    "one zero": b"\0",
    "cut within a length": raw_model(GOOD)[:5],
    "cut within a tensor": raw_model(GOOD)[:-9],
    "a length beyond the file": number(7 << 3 | 2) + number(2**40),
    "a length of 2^63": number(7 << 3 | 2) + number(2**63 - 1),
    "a length of 2^64 - 1": number(7 << 3 | 2) + number(2**64 - 1),
    "a length of eleven bytes": number(7 << 3 | 2) + b"\x80" * 10 + b"\x00",
    "a length that never ends": number(7 << 3 | 2) + b"\xff" * 30,
    "a tensor longer than its graph": field(7, number(5 << 3 | 2) + number(60) + b"\x08\x02"),
    "a group": field(7, number(1 << 3 | 3)),
    "the end of a group": field(7, number(1 << 3 | 4)),
    "wire type 6": field(7, number(1 << 3 | 6)),
    "wire type 7": field(7, number(1 << 3 | 7)),
    "field number 0": field(7, b"\x02\x00"),
    "a tag of 33 bits": field(7, number(2**33 | 2) + b"\x00"),
    "graphs nested 40 deep": field(7, nested(40)),
    "graphs nested 5,000 deep": field(7, nested(5000)),
    "a tensor twice": raw_model(GOOD, GOOD),
    "a tensor without a name": raw_model(raw_tensor("")),
    "a name of 5,000 bytes": raw_model(raw_tensor("n" * 5000)),
    "a name that is not UTF-8": raw_model(GOOD.replace(b"good", b"go\xff\xfe")),
    "a negative dimension": raw_model(raw_tensor("w", (-2, 3))),
    "two negative dimensions": raw_model(raw_tensor("w", (-2, -3))),
    "dimensions beyond any memory": raw_model(raw_tensor("w", (2**62, 2**62))),
    "dimensions whose product wraps": raw_model(raw_tensor("w", (2**32, 2**32, 6))),
    "more dimensions than NumPy has": raw_model(raw_tensor("w", (1,) * 70)),
    "an empty tensor of huge dimensions": raw_model(raw_tensor("w", (0, 2**62, 2**62), data=b"")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_graph_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(REFUSED[case])
    started = time.perf_counter()
    with pytest.raises(UnreadableCheckpoint) as caught:
        checkpoints.open(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.perf_counter() - started < 2


BAD: dict[str, bytes] = {
    "too few bytes": raw_tensor("bad", data=bytes(23)),
    "too many bytes": raw_tensor("bad", data=bytes(25)),
    "no bytes": field(1, 2) + field(2, 1) + field(8, b"bad"),
    "dimensions that the bytes do not fill": raw_tensor("bad", (2**20, 2**20)),
    "a type that is not known": raw_tensor("bad", type=99),
    "a type without a view": raw_tensor("bad", (48,), type=23),
    "texts": raw_tensor("bad", type=8),
    "a segment": field(1, 2) + field(2, 1) + field(8, b"bad") + field(3, field(1, 0) + field(2, 24)),
    "a segment beside its bytes": raw_tensor("bad") + field(3, field(1, 0) + field(2, 24)),
    "bytes twice": raw_tensor("bad") + field(9, bytes(24)),
    "bytes and floats": raw_tensor("bad") + field(4, bytes(24)),
    "integers as floats": field(1, 6) + field(2, 7) + field(8, b"bad") + field(4, bytes(48)),
    "varints that do not end": field(1, 3) + field(2, 7) + field(8, b"bad") + field(7, b"\x01\x01\xff\xff"),
    "varints of eleven bytes": field(1, 1)
    + field(2, 7)
    + field(8, b"bad")
    + field(7, b"\x80" * 10 + b"\x01"),
    "too few varints": field(1, 3) + field(2, 7) + field(8, b"bad") + field(7, b"\x81\x00\x01\x01"[:3]),
    "too many varints": field(1, 3) + field(2, 7) + field(8, b"bad") + field(7, b"\x01" * 4),
    "floats that are not packed": field(1, 1) + field(2, 1) + field(8, b"bad") + b"\x25" + bytes(4),
    "data nowhere": field(1, 2) + field(2, 1) + field(8, b"bad") + field(14, 1),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_tensor_is_refused_when_it_is_read_and_costs_itself_alone(tmp_path: Path, case: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(raw_model(BAD[case], GOOD))
    reader = checkpoints.open(path)
    assert [found.name for found in reader.tensors()] == ["bad", "good"]
    matrices.plan(reader.tensors(), {})
    reader.digest()
    with pytest.raises(UnreadableCheckpoint, match="'bad'") as caught:
        reader.read("bad")
    assert "\n" not in str(caught.value)
    assert np.array_equal(reader.read("good"), weights(2, 3))


def test_a_segment_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(raw_model(BAD["a segment"]))
    with pytest.raises(UnreadableCheckpoint, match="several pieces"):
        checkpoints.open(tmp_path / "model.onnx").read("bad")


def test_limits_are_counted_while_the_file_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(raw_model(GOOD, more=field(1, field(4, b"Relu")) * 500))
    checkpoints.open(path)
    for limit, value, why in (
        ("MAX_ONNX_FIELDS", 900, "fields"),
        ("MAX_HEADER_BYTES", 2000, "bytes"),
        ("MAX_ONNX_DEPTH", 1, "deep"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(onnx_wire, limit, value)
            with pytest.raises(UnreadableCheckpoint, match=why):
                checkpoints.open(path)


@pytest.mark.parametrize(
    "unit",
    [
        field(1, b""),
        field(1, field(5, field(6, b""))),
        field(1, field(1, b"x") * 50),
    ],
)
def test_small_messages_take_no_more_than_their_number_allows(tmp_path: Path, unit: bytes) -> None:
    """What a million fields, the limit, may cost, by 2,000 of them."""
    path = tmp_path / "model.onnx"
    path.write_bytes(raw_model(more=unit * (4000 // len(unit))))
    tracemalloc.start()
    checkpoints.open(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / 2000 * limits.MAX_ONNX_FIELDS < 1e9


def external(folder: Path, **keys: str) -> Reader:
    """A model of one good tensor and one whose values are said to be elsewhere; `data.bin` lies beside it."""
    (folder / "data.bin").write_bytes(weights(3, 2).tobytes())
    bad = TensorProto(
        name="bad", data_type=TensorProto.FLOAT, dims=[3, 2], data_location=TensorProto.EXTERNAL
    )
    for key, value in keys.items():
        bad.external_data.add(key=key.rstrip("_"), value=value)
    (folder / "model.onnx").write_bytes(model([], [bad, tensor("good", weights(2, 3))]).SerializeToString())
    return checkpoints.open(folder / "model.onnx")


def test_external_data_without_offset_and_length_begin_at_the_beginning(tmp_path: Path) -> None:
    assert np.array_equal(external(tmp_path, location="data.bin").read("bad"), weights(3, 2))


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "/etc/passwd",
        "sub/../../secret",
        "./data.bin",
        "sub//x",
        "..",
        ".",
        "a\\b",
        "C:x",
        "data.bin/",
        "\0",
    ],
)
def test_a_path_that_is_not_plainly_inside_is_unsafe(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(24))
    with pytest.raises(UnsafeCheckpoint) as caught:
        external(folder, location=location)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_link_that_leads_out_is_unsafe(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(24))
    if where == "file":
        (folder / "link").symlink_to(tmp_path / "secret")
    else:
        (folder / "sub").symlink_to(tmp_path)
    with pytest.raises(UnsafeCheckpoint, match="leads out"):
        external(folder, location="link" if where == "file" else "sub/secret")


def test_links_inside_the_folder_and_into_the_cache_of_the_hub_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "models--x" / "snapshots" / "main" / "onnx"
    folder.mkdir(parents=True)
    blob = tmp_path / "models--x" / "blobs" / "0123"
    blob.parent.mkdir()
    blob.write_bytes(weights(3, 2).tobytes())
    (folder / "data").symlink_to(blob)
    (folder / "again").symlink_to("data")
    assert np.array_equal(external(folder, location="data").read("bad"), weights(3, 2))
    assert np.array_equal(external(folder, location="again").read("bad"), weights(3, 2))


def make_loop(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")


ELSEWHERE: dict[str, tuple[Callable[[Path], object], dict[str, str]]] = {
    "a file that is not there": (lambda folder: None, {"location": "none.bin"}),
    "a folder": (lambda folder: (folder / "sub").mkdir(), {"location": "sub"}),
    "a pipe": (lambda folder: os.mkfifo(folder / "pipe"), {"location": "pipe"}),
    "an empty file": (lambda folder: (folder / "empty").touch(), {"location": "empty"}),
    "a loop of links": (make_loop, {"location": "a"}),
    "a name that is too long": (lambda folder: None, {"location": "n" * 5000}),
    "no file": (lambda folder: None, {"offset": "0"}),
    "two files": (
        lambda folder: (folder / "b").write_bytes(bytes(24)),
        {"location": "data.bin", "location_": "b"},
    ),
    "a negative offset": (lambda folder: None, {"location": "data.bin", "offset": "-4", "length": "24"}),
    "an offset that is no number": (lambda folder: None, {"location": "data.bin", "offset": "0x0"}),
    "an offset in Arabic digits": (lambda folder: None, {"location": "data.bin", "offset": "٠"}),
    "an offset of 2^64": (lambda folder: None, {"location": "data.bin", "offset": str(2**64)}),
    "an offset beyond the end": (lambda folder: None, {"location": "data.bin", "offset": "4"}),
    "a length beyond the end": (lambda folder: None, {"location": "data.bin", "length": "9" * 18}),
    "a length that does not fit the shape": (lambda folder: None, {"location": "data.bin", "length": "20"}),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_external_data_that_cannot_be_had_cost_their_tensor_alone(tmp_path: Path, case: str) -> None:
    prepare, keys = ELSEWHERE[case]
    prepare(tmp_path)
    reader = external(tmp_path, **keys)
    reader.digest()
    with pytest.raises(UnreadableCheckpoint, match="'bad'") as caught:
        reader.read("bad")
    assert "\n" not in str(caught.value)
    assert np.array_equal(reader.read("good"), weights(2, 3))


def test_a_device_is_not_opened(tmp_path: Path) -> None:
    if not os.path.exists("/dev/zero"):
        pytest.skip("no devices")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(UnsafeCheckpoint):
        external(tmp_path, location="zero")


def test_a_model_of_too_many_files_loses_the_tensors_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_external, "MAX_ONNX_FILES", 0)
    with pytest.raises(UnreadableCheckpoint, match="save them as one"):
        external(tmp_path, location="data.bin").read("bad")


def everything() -> bytes:
    """A model with one of each: operators, types, packing, branches, functions, external data."""
    body = [node("MatMul", "a b", "c")]
    function = helper.make_function("local", "Dense", ["a", "b"], ["c"], body, [helper.make_opsetid("", 21)])
    constant = node("Constant", "", "t", value=tensor("t", weights(3, 3)))
    branch = helper.make_graph([constant], "branch", [], [])
    nodes = [
        node("MatMul", "x w", "y", name="/a/fc/MatMul"),
        node("Add", "fc.bias y", "z"),
        node("DequantizeLinear", "q s zp", "qd", axis=1),
        node("MatMul", "z qd", "z2"),
        node("Transpose", "w2", "wt", perm=[1, 0]),
        node("Gemm", "z2 wt", "z3", transB=1),
        node("LSTM", "z3 lw lr lb", "z4", hidden_size=2),
        node("Reshape", "k shape", "kr"),
        node("Conv", "z4 kr", "z5"),
        node("MatMulNBits", "z5 nb ns", "z6", domain=MICROSOFT, N=4, K=32, bits=4, block_size=16),
        node("Dense", "x f", "z7", domain="local"),
        node("If", "x", "o", then_branch=branch, else_branch=branch),
    ]
    outside = TensorProto(name="out", data_type=1, dims=[3, 2], data_location=1)
    for key, value in {"location": "data.bin", "offset": "0", "length": "24"}.items():
        outside.external_data.add(key=key, value=value)
    arrays: dict[str, Any] = {
        "w": weights(4, 4), "w2": weights(4, 4), "f": weights(4, 4), "fc.bias": weights(4),
        "q": np.ones((4, 4), np.int8), "s": weights(4), "zp": np.ones(4, np.int8), "lw": weights(1, 8, 4),
        "lr": weights(1, 8, 2), "lb": weights(1, 16), "k": weights(3, 9), "shape": np.array([3, 3, -1]),
        "nb": np.ones((4, 2, 8), np.uint8), "ns": weights(4, 2),
    }  # fmt: skip
    typed = [
        helper.make_tensor("half", TensorProto.FLOAT16, [3, 3], weights(9).astype(np.float16)),
        helper.make_tensor("four", TensorProto.INT4, [3, 3], list(range(-4, 5))),
    ]
    tensors = [*(tensor(name, array) for name, array in arrays.items()), *typed, outside]
    return bytes(model(nodes, tensors, [function]).SerializeToString())


def probe(path: Path) -> set[str]:
    """Open and read everything: what came of it."""
    try:
        reader = checkpoints.open(path)
        reader.digest()
    except TriplepointError:
        return {"refused"}
    outcomes = {"read"}
    for found in reader.tensors():
        try:
            assert np.asarray(reader.read(found.name)).shape == found.shape
        except UnreadableCheckpoint:
            outcomes.add("in part")
    return outcomes


def test_two_thousand_mutants_are_read_or_refused(tmp_path: Path) -> None:
    good, random_ = everything(), random.Random(0)
    (tmp_path / "data.bin").write_bytes(bytes(24))
    path = tmp_path / "model.onnx"
    outcomes: set[str] = set()
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(random_.choice((1, 1, 2, 8))):
            at = random_.randrange(len(data))
            match random_.randrange(4):
                case 0:
                    data[at] ^= 1 << random_.randrange(8)
                case 1:
                    data[at] = random_.randrange(256)
                case 2:
                    del data[at : at + random_.randrange(1, 9)]
                case _:
                    other = random_.randrange(len(data))
                    data[at:at] = data[other : other + random_.randrange(30)]
        path.write_bytes(data)
        outcomes |= probe(path)
    assert outcomes == {"refused", "read", "in part"}
