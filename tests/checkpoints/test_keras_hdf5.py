"""Claim: every way in which h5py packs numbers is unpacked to what h5py itself reads, and plain data are not copied."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplepoint.checkpoints.hdf5 import values as hdf5_values
from triplepoint.errors import UnreadableCheckpoint

from .keras_worlds import here, opened

h5py = pytest.importorskip("h5py")
TYPES = ("<f4", ">f4", "<f2", ">f2", "<f8", ">f8", "<i2", ">i8", "i1", "u1", ">u4", "?")
PACKING: tuple[dict[str, Any], ...] = (
    {},
    {"chunks": True},
    {"compression": "gzip"},
    {"compression": "gzip", "shuffle": True},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"fletcher32": True},
    {"compression": "lzf"},
    {"compression": "lzf", "shuffle": True, "fletcher32": True},
)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)


def content(dtype: str, shape: tuple[int, ...], kind: str) -> np.ndarray:
    rng = np.random.default_rng(len(shape))
    noise = {
        "noise": rng.normal(size=shape) * 50,
        "runs": np.floor(np.arange(np.prod(shape)) / 7).reshape(shape),
    }
    return noise.get(kind, np.zeros(shape)).astype(dtype)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_all_types_and_packings_read_as_h5py_reads_them(tmp_path: Path, libver: str) -> None:
    path, arrays = tmp_path / "x.h5", {}

    def write(file: Any) -> None:
        for number, packing in enumerate(PACKING):
            for dtype in TYPES:
                for kind in ("noise", "runs", "zeros"):
                    name = f"{number}/{dtype.strip('<>?') or 'b'}{dtype[0] == '>'}/{kind}"
                    arrays[name] = content(dtype, (13, 5), kind)
                    file.create_dataset(name, data=arrays[name], **packing)

    reader = opened(path, write, libver=libver)
    assert len(reader.tensors()) == len(arrays)
    with h5py.File(path) as file:
        for name, array in arrays.items():
            read, witness = reader.read(name), file[name][()]
            assert read.dtype == array.dtype.newbyteorder("="), name
            np.testing.assert_array_equal(read, witness, err_msg=name)
            np.testing.assert_array_equal(reader.read(name, 12), witness[12], err_msg=name)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple),
    chunk=st.lists(st.integers(1, 9), min_size=4, max_size=4),
    packing=st.sampled_from(PACKING),
    seed=st.integers(0, 99),
)
def test_chunks_of_any_shape_are_put_together(
    shape: tuple[int, ...], chunk: list[int], packing: dict[str, Any], seed: int
) -> None:
    array = np.random.default_rng(seed).integers(0, 3, shape).astype("<f4")
    sides = tuple(min(a, b) for a, b in zip(chunk, shape, strict=False))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        here(patch)
        options = {**packing, "chunks": sides, "maxshape": (None, *shape[1:])}
        reader = opened(Path(folder) / "x.h5", lambda file: file.create_dataset("w", data=array, **options))
        np.testing.assert_array_equal(reader.read("w"), array)
        for at in (0, shape[0] // 2, shape[0] - 1):
            np.testing.assert_array_equal(reader.read("w", at), array[at])


def test_only_the_chunks_of_one_entry_are_unpacked(tmp_path: Path, monkeypatch: Any) -> None:
    unpacked = []
    original = hdf5_values._unpacked
    monkeypatch.setattr(hdf5_values, "_unpacked", lambda *args: unpacked.append(1) or original(*args))
    array = np.arange(1200.0).reshape(20, 60)
    reader = opened(
        tmp_path / "x.h5",
        lambda file: file.create_dataset("w", data=array, chunks=(4, 30), compression="gzip"),
    )
    np.testing.assert_array_equal(reader.read("w", 9), array[9])
    assert len(unpacked) == 2


def test_contiguous_data_are_views_of_the_map(tmp_path: Path) -> None:
    reader = opened(
        tmp_path / "x.h5", lambda file: file.create_dataset("w", data=np.arange(6.0).reshape(2, 3))
    )
    read = reader.read("w")
    assert not read.flags.owndata
    assert not read.flags.writeable
    assert read.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_block_of_the_user_before_the_file_moves_everything(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(6, 4)

    def write(file: Any) -> None:
        file["plain"] = array
        file.create_dataset("packed", data=array, chunks=(2, 3), compression="gzip")

    for libver in ("earliest", "latest"):
        reader = opened(tmp_path / "x.h5", write, userblock_size=1024, libver=libver)
        assert reader.read("plain").tolist() == reader.read("packed").tolist() == array.tolist()


def test_bfloat16_is_known_by_the_note_of_keras_or_by_its_bits(tmp_path: Path) -> None:
    array = np.array([[1, -2.5], [3e38, 0]], ml_dtypes.bfloat16)

    def write(file: Any) -> None:
        file.create_dataset("noted", data=array).attrs["dtype"] = "bfloat16"
        file.create_dataset("mute", data=array)
        bits = h5py.h5t.IEEE_F32LE.copy()
        bits.set_fields(15, 7, 8, 0, 7)
        bits.set_size(2)
        bits.set_ebias(127)
        space = h5py.h5s.create_simple((2, 2))
        custom = h5py.h5d.create(file.id, b"bits", bits, space)
        custom.write(h5py.h5s.ALL, h5py.h5s.ALL, array.astype("f4"))

    reader = opened(tmp_path / "x.h5", write)
    assert {info.name: info.dtype for info in reader.tensors()} == {
        "bits": "BF16",
        "mute": "opaque",
        "noted": "BF16",
    }
    assert reader.read("noted").tolist() == reader.read("bits").tolist() == array.tolist()
    with pytest.raises(UnreadableCheckpoint, match="opaque"):
        reader.read("mute")


def test_scalars_and_empty_arrays_have_their_shapes(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        file["scalar"] = np.float32(3)
        file["none"] = np.zeros((0, 4), "f4")
        file.create_dataset("later", (0, 4), ">f4", maxshape=(None, 4))

    reader = opened(tmp_path / "x.h5", write)
    assert {info.name: info.shape for info in reader.tensors()} == {
        "later": (0, 4),
        "none": (0, 4),
        "scalar": (),
    }
    assert reader.read("scalar") == 3
    assert reader.read("none").shape == reader.read("later").shape == (0, 4)


def test_a_second_hard_link_is_a_second_name(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        file["a"] = np.eye(3)
        file["group/b"] = file["a"]
        file["group/up"] = file["/"]

    reader = opened(tmp_path / "x.h5", write)
    assert [info.name for info in reader.tensors()] == ["a", "group/b"]
    assert reader.read("a").tolist() == reader.read("group/b").tolist() == np.eye(3).tolist()


@pytest.mark.parametrize("packing", PACKING[1:])
def test_damage_within_chunks_is_an_error_of_that_tensor_alone(
    tmp_path: Path, packing: dict[str, Any]
) -> None:
    array = np.arange(400, dtype="<f4").reshape(20, 20)

    def write(file: Any) -> None:
        file.create_dataset("w", data=array, **packing)
        file["good"] = np.eye(2)

    reader = opened(tmp_path / "x.h5", write)
    begin, end = reader._stored["w"].begin, reader._stored["w"].end
    data = bytearray((tmp_path / "x.h5").read_bytes())
    data[begin:end] = bytes([31, 255, 0, 128] * (end - begin))[: end - begin]
    (tmp_path / "x.h5").write_bytes(data)
    reader = opened(tmp_path / "x.h5")
    assert reader.read("good").tolist() == [[1, 0], [0, 1]]
    if packing == {"chunks": True}:
        assert reader.read("w").shape == (20, 20)  # nothing tells damage from data
    else:
        with pytest.raises(UnreadableCheckpoint, match="'w' cannot be unpacked"):
            reader.read("w")


def test_lzf_copies_what_has_been_written_and_no_more() -> None:
    """By hand: three literal bytes, a copy of six from three back; a long copy; copies from before the beginning."""
    assert hdf5_values._lzf(b"\2abc\x80\2", 99) == b"abcabcabc"
    assert hdf5_values._lzf(b"\0a\xe0\x0a\0", 99) == b"a" * 20
    for damaged in (b"\0a\x20\1", b"\x20\0", b"\0a\x20", b"\0a\xe0"):
        with pytest.raises(ValueError, match="chunk"):
            hdf5_values._lzf(damaged, 99)
    with pytest.raises(ValueError, match="inflates"):
        hdf5_values._lzf(b"\0a" + b"\xe0\xff\0" * 10, 99)
