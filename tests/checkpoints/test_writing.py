"""Claim: what is written is read by the `safetensors` package and by us, byte for byte; a name is taken or nothing is.

Witness: the package itself.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open

from triplepoint.checkpoints import open as open_checkpoint
from triplepoint.checkpoints.dtypes import BITS, numpy_dtype
from triplepoint.checkpoints.safetensors import SafetensorsFile
from triplepoint.checkpoints.writing import SafetensorsWriter, creating, in_order, raw, refusal
from triplepoint.errors import UnreadableCheckpoint, UsageError
from triplepoint.records import TensorInfo


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "odd": rng.integers(0, 2, 3).astype(np.bool_),
        "w": rng.standard_normal((5, 3)).astype(np.float32),
        "half": rng.standard_normal((3,)).astype(np.float16),
        "wide": rng.standard_normal((2, 2)),
        "brain": rng.standard_normal((4, 3)).astype(ml_dtypes.bfloat16),
        "eight": rng.standard_normal((7,)).astype(ml_dtypes.float8_e4m3fn),
        "scalar": np.array(3.5, np.float32),
        "empty": np.empty((0, 4), np.int64),
        "turned": np.asfortranarray(rng.standard_normal((3, 4)).astype(np.float32)),
        'a "name"\n\u202e\u65e5': np.arange(3, dtype=np.int16),
    }


def infos(values: dict[str, np.ndarray]) -> list[TensorInfo]:
    from triplepoint.checkpoints.dtypes import spelling_of

    return [TensorInfo(name, spelling_of(value.dtype), value.shape) for name, value in values.items()]


def write(path: Path, values: dict[str, np.ndarray], metadata: dict[str, str], room=None) -> None:
    with path.open("xb") as stream:
        writer = SafetensorsWriter(stream, infos(values), metadata if room is None else room)
        for tensor in in_order(infos(values)):
            writer.put(tensor, [values[tensor.name]])
        writer.finish(metadata)


def test_the_package_reads_what_is_written(tmp_path):
    path, values = tmp_path / "m.safetensors", arrays()
    metadata = {"format": "pt", "note": 'quotes " and é'}
    write(path, values, metadata)
    with safe_open(path, "numpy") as found:
        assert found.metadata() == metadata
        assert set(found.keys()) == set(values)
        for name, value in values.items():
            if value.dtype.isbuiltin == 1:
                np.testing.assert_array_equal(found.get_tensor(name), value)
    reader = open_checkpoint(path)
    for name, value in values.items():
        assert raw(reader.read(name)).tobytes() == raw(value).tobytes()
        assert reader.read(name).dtype == value.dtype
    assert SafetensorsFile(path).metadata() == metadata


def test_every_tensor_is_aligned(tmp_path):
    path, values = tmp_path / "m.safetensors", arrays()
    write(path, values, {"format": "pt"})
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["data_offsets"][0] * 8 % BITS[entry["dtype"]] == 0


def test_metadata_may_be_shorter_than_their_room_and_never_longer(tmp_path):
    path, values = tmp_path / "m.safetensors", arrays()
    write(path, values, {"a": "x"}, room={"a": "x" * 1000})
    with safe_open(path, "numpy") as found:
        assert found.metadata() == {"a": "x"}
    with pytest.raises(ValueError, match="reserved"):
        write(tmp_path / "other", values, {"a": "x" * 1000}, room={"a": "x"})


def test_no_metadata_is_none(tmp_path):
    path = tmp_path / "m.safetensors"
    write(path, {"w": np.ones(3)}, {})
    with safe_open(path, "numpy") as found:
        assert found.metadata() is None
    assert SafetensorsFile(path).metadata() == {}


def test_tensors_come_whole_and_in_order(tmp_path):
    with (tmp_path / "m").open("wb") as stream:
        two = [TensorInfo("a", "F32", (2,)), TensorInfo("b", "F64", (2,))]
        writer = SafetensorsWriter(stream, two, {})
        with pytest.raises(ValueError, match="out of order"):
            writer.put(two[0], [np.zeros(2, np.float32)])
        writer = SafetensorsWriter(stream, two, {})
        with pytest.raises(ValueError, match="16 bytes, not 8"):
            writer.put(two[1], [np.zeros(2, np.float32)])
        writer = SafetensorsWriter(stream, two, {})
        writer.put(two[1], [np.zeros(1), np.zeros(1)])
        with pytest.raises(ValueError, match="not written"):
            writer.finish({})


@pytest.mark.parametrize("dtype", [name for name in BITS if numpy_dtype(name) is None])
def test_elements_smaller_than_a_byte_are_copied_as_bytes(tmp_path, dtype):
    info = TensorInfo("w", dtype, (16,))
    with (tmp_path / "m.safetensors").open("wb") as stream:
        writer = SafetensorsWriter(stream, [info], {})
        writer.put(info, [np.arange(16 * BITS[dtype] // 8, dtype=np.uint8)])
        writer.finish({})
    place = open_checkpoint(tmp_path / "m.safetensors").place("w")
    assert place is not None
    assert place[1].tolist() == [*range(16 * BITS[dtype] // 8)]


@pytest.mark.parametrize(
    "info",
    [
        TensorInfo("w", "C128", (2,)),
        TensorInfo("__metadata__", "F32", (2,)),
        TensorInfo("\ud800", "F32", (2,)),
        TensorInfo("n" * 4095, "F32", (2,)),
    ],
)
def test_what_the_format_cannot_hold_is_said(info):
    assert refusal(info) is not None
    assert refusal(TensorInfo("w", "BF16", (2,))) is None


def test_metadata_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    write(path, {"w": np.ones(3)}, {str(k): "" for k in range(1000)})
    assert len(SafetensorsFile(path).metadata()) == 1000
    monkeypatch.setattr("triplepoint.checkpoints.safetensors_header.MAX_METADATA_BYTES", 100)
    with pytest.raises(UnreadableCheckpoint, match="more than 100 bytes"):
        SafetensorsFile(path).metadata()


def test_a_name_is_taken_when_all_went_well(tmp_path):
    with creating(tmp_path / "new") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new").read_text() == "whole"
    with creating(tmp_path / "folder") as partial:
        partial.mkdir()
        (partial / "one").write_text("1")
    assert os.listdir(tmp_path / "folder") == ["one"]
    assert sorted(os.listdir(tmp_path)) == ["folder", "new"]


def make(target: Path, folder: bool = False, then=lambda: None) -> None:
    """A new file or folder with one file, and what happens before it is complete."""
    with creating(target) as partial:
        if folder:
            partial.mkdir()
        (partial / "late" if folder else partial).write_text("late")
        then()


def fail(error: BaseException):
    def raising(*_):
        raise error

    return raising


@pytest.mark.parametrize("folder", [False, True])
def test_nothing_is_left_of_a_block_that_fails(tmp_path, folder):
    for error in (RuntimeError("half"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            make(tmp_path / "new", folder, fail(error))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_was_taken_meanwhile_is_kept(tmp_path, links, monkeypatch):
    if not links:
        monkeypatch.setattr(os, "link", fail(OSError(1, "no links here")))
    make(tmp_path / "free")
    assert (tmp_path / "free").read_text() == "late"
    with pytest.raises(UsageError, match="it exists already"):
        make(tmp_path / "new", then=lambda: (tmp_path / "new").write_text("early"))
    assert (tmp_path / "new").read_text() == "early"
    assert sorted(os.listdir(tmp_path)) == ["free", "new"]


def test_a_full_folder_is_kept(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("early")
    (tmp_path / "file").write_text("early")
    for name in ("new", "file"):
        with pytest.raises(UsageError, match="it exists already"):
            make(tmp_path / name, folder=True)
    assert (tmp_path / "file").read_text() == "early"
    (tmp_path / "file").unlink()
    assert os.listdir(tmp_path / "new") == ["mine"]
    assert os.listdir(tmp_path) == ["new"]
    (tmp_path / "empty").mkdir()
    make(tmp_path / "empty", folder=True)
    assert os.listdir(tmp_path / "empty") == ["late"]


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="No space left"):
        make(tmp_path / "new", then=fail(OSError(28, "No space left on device")))
    assert os.listdir(tmp_path) == []
