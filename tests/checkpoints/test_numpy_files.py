"""`.npy` and `.npz` read as NumPy reads them; pickles, lies and bombs are refused before they cost anything."""

from __future__ import annotations

import io
import os
import random
import struct
import tempfile
import tracemalloc
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from triplepoint import checkpoints
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnsafeCheckpoint

NUMBERS = st.one_of(
    hnp.floating_dtypes(sizes=(16, 32, 64)),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.complex_number_dtypes(sizes=(64, 128)),
    hnp.boolean_dtypes(),
)
ARRAYS = NUMBERS.flatmap(
    lambda dtype: st.tuples(
        hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), st.booleans()
    ).map(lambda pair: np.asfortranarray(pair[0]) if pair[1] else pair[0])
)
NAMES = st.text("abc./w é", min_size=1, max_size=6)


def header(text: str | bytes, version: bytes = b"\1\0") -> bytes:
    raw = text.encode("latin-1") if isinstance(text, str) else text
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(raw))
    return b"\x93NUMPY" + version + size + raw


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def refusal(path: Path, kind: type[TriplepointError] = UnreadableCheckpoint) -> TriplepointError:
    with pytest.raises(TriplepointError) as caught:
        checkpoints.open(path)
    assert type(caught.value) is kind, caught.value
    assert "\n" not in str(caught.value)
    return caught.value


@settings(max_examples=100, deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=4), compressed=st.booleans())
def test_whatever_numpy_archives_is_read_back_equal(arrays: dict[str, np.ndarray], compressed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        reader = checkpoints.open(path)
        assert reader.format == "npz"
        assert [info.name for info in reader.tensors()] == list(arrays)
        for info in reader.tensors():
            read, array = reader.read(info.name), arrays[info.name]
            assert read.dtype == array.dtype.newbyteorder("=")
            assert info.shape == read.shape == array.shape
            np.testing.assert_array_equal(read, array)
        assert reader.digest() == checkpoints.open(path).digest()


@settings(max_examples=60, deadline=None)
@given(array=ARRAYS)
def test_whatever_numpy_saves_is_read_back_equal(array: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "layer.weight.npy", array)
        reader = checkpoints.open(Path(folder) / "layer.weight.npy")
        (info,) = reader.tensors()
        assert (reader.format, info.name) == ("npy", "layer.weight")
        np.testing.assert_array_equal(reader.read(info.name), array)


def test_uncompressed_data_are_views_of_the_map_also_in_fortran_order(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.savez(tmp_path / "x.npz", w=array)
    np.save(tmp_path / "x.npy", array)
    for name, key in (("x.npz", "w"), ("x.npy", "x")):
        read = checkpoints.open(tmp_path / name).read(key)
        assert not read.flags.owndata
        assert not read.flags.writeable
        assert read.tolist() == array.tolist()


@pytest.mark.parametrize("descr", ["|O", "O"])
def test_pickled_objects_are_never_loaded(tmp_path: Path, descr: str) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    with warnings.catch_warnings():
        np.save(tmp_path / "x.npy", np.array([Bomb()], dtype=object))
        np.savez(tmp_path / "x.npz", bad=np.array([Bomb()], dtype=object), good=np.ones((2, 2)))
    assert "pickled" in refusal(tmp_path / "x.npy", UnsafeCheckpoint).found
    reader = checkpoints.open(tmp_path / "x.npz")
    assert [(info.name, info.dtype) for info in reader.tensors()] == [("bad", "O"), ("good", "F64")]
    with pytest.raises(UnreadableCheckpoint):
        reader.read("bad")
    assert reader.read("good").sum() == 4
    reader.digest()
    assert not (tmp_path / "exploded").exists()


def test_texts_dates_and_records_are_named_but_not_read(tmp_path: Path) -> None:
    arrays = {
        "t": np.array(["abc"]),
        "d": np.array(["2026-01-01"], "M8[D]"),
        "r": np.zeros(2, [("x", "f4"), ("y", "i2")]),
    }
    np.savez(tmp_path / "x.npz", **arrays)
    reader = checkpoints.open(tmp_path / "x.npz")
    assert [info.dtype for info in reader.tensors()] == ["<U3", "<M8[D]", "record"]
    for name, array in arrays.items():
        with pytest.raises(UnreadableCheckpoint):
            reader.read(name)
        np.save(tmp_path / "x.npy", array)
        refusal(tmp_path / "x.npy")


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"


@pytest.mark.parametrize(
    "data",
    [
        b"\x93NUMPY\1\0",
        header(GOOD)[:20],
        header(GOOD) + bytes(15),
        header(GOOD) + bytes(17),
        header(GOOD, b"\7\0") + bytes(16),
        header(GOOD.replace("(2, 2)", "(1 << 60, 2)")),
        header(GOOD.replace("(2, 2)", "(1152921504606846976, 2)")) + bytes(16),
        header(GOOD.replace("(2, 2)", "(4611686018427387906, 2)")) + bytes(16),
        header(GOOD.replace("(2, 2)", "(-2, -2)")) + bytes(16),
        header(GOOD.replace("(2, 2)", "(True, 4)")) + bytes(16),
        header(GOOD.replace("(2, 2)", "[2, 2]")) + bytes(16),
        header(GOOD.replace("(2, 2)", "(2.0, 2)")) + bytes(16),
        header(GOOD.replace("(2, 2)", "(0, 9999999999999999999999)")),
        header(GOOD.replace("(2, 2)", "(1,) * 3")) + bytes(16),
        header(GOOD.replace("False", "0")) + bytes(16),
        header(GOOD.replace("<f4", "<f3")) + bytes(16),
        header(GOOD.replace("}", "'more': 1}")) + bytes(16),
        header("__import__('os')") + bytes(16),
        header("(" * 5000) + bytes(16),
        header("-" * 9000 + "1") + bytes(16),
        header(b"\xff" * 40, b"\3\0") + bytes(16),
        b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + bytes(64),
    ],
)
def test_a_lying_npy_header_is_refused_before_anything_is_allocated(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", data)
    for name in ("x.npy", "x.npz"):
        tracemalloc.start()
        refusal(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000_000


def bomb(path: Path, size: int) -> None:
    """An array of zeros that is a thousandth of its size when deflated."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("w.npy", "w", force_zip64=True) as file,
    ):
        file.write(header(GOOD.replace("(2, 2)", f"({size // 4},)")))
        for _ in range(size // 2**20):
            file.write(bytes(2**20))


def test_a_zip_bomb_is_refused_at_the_door(tmp_path: Path) -> None:
    bomb(tmp_path / "x.npz", 300 * 2**20)
    assert (tmp_path / "x.npz").stat().st_size < 400_000
    tracemalloc.start()
    assert "would inflate" in refusal(tmp_path / "x.npz").found
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_an_all_zero_layer_of_moderate_size_is_no_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", w=np.zeros((1024, 1024)))
    assert not checkpoints.open(tmp_path / "x.npz").read("w").any()


def test_a_member_beyond_the_absolute_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triplepoint.checkpoints.numpy_files.MAX_INFLATED_BYTES", 1000)
    np.savez_compressed(tmp_path / "x.npz", w=np.random.default_rng(0).normal(size=200))
    assert "more than 1,000" in refusal(tmp_path / "x.npz").found


def test_a_huge_directory_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplepoint.checkpoints.zips.MAX_ZIP_DIRECTORY_BYTES", 100_000)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for i in range(2000):
            archive.writestr(f"a-rather-long-member-name-{i}", b"")
    assert "directory claims" in refusal(tmp_path / "x.npz").found


def test_repeated_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("w.npy", npy(np.ones(3)))
        archive.writestr("w.npy", npy(np.zeros(3)))
    assert "'w' occurs twice" in refusal(tmp_path / "x.npz").found


def test_encrypted_and_exotic_members_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", w=np.ones(3))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    (tmp_path / "x.npz").write_bytes(data)
    assert "it is encrypted" in refusal(tmp_path / "x.npz").found
    with zipfile.ZipFile(tmp_path / "y.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("w.npy", npy(np.ones(3)))
    assert "compression" in refusal(tmp_path / "y.npz").found


def test_a_header_over_the_limit_is_not_parsed(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(header(GOOD + " " * 12_000) + bytes(16))
    assert "more than 10,000" in refusal(tmp_path / "x.npy").found


def test_a_stored_member_that_reaches_beyond_the_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("w.npy", header(GOOD.replace("(2, 2)", "(9999999,)")) + bytes(16))
        archive.writestr("filler", bytes(20_000))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    size = struct.pack("<I", 4 * 9_999_999 + len(header(GOOD.replace("(2, 2)", "(9999999,)"))))
    entry = data.index(b"PK\1\2")
    for at in (18, 22, entry + 20, entry + 24):
        data[at : at + 4] = size
    (tmp_path / "x.npz").write_bytes(data)
    refusal(tmp_path / "x.npz")


def test_member_names_are_only_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("../../escaped.npy", npy(np.ones(3)))
        archive.writestr("/etc/absolute.npy", npy(np.ones(3)))
        archive.writestr("readme.txt", b"no tensor")
    reader = checkpoints.open(tmp_path / "x.npz")
    assert [info.name for info in reader.tensors()] == ["../../escaped", "/etc/absolute"]
    assert reader.read("../../escaped").sum() == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npz"]


def test_damaged_compressed_data_are_an_error_of_that_tensor_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez_compressed(tmp_path / "x.npz", a=rng.normal(size=5000), b=rng.normal(size=5000))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[20_000] ^= 0xFF
    (tmp_path / "x.npz").write_bytes(data)
    reader = checkpoints.open(tmp_path / "x.npz")
    with pytest.raises(UnreadableCheckpoint, match="cannot be inflated"):
        reader.read("a")
    assert reader.read("b").shape == (5000,)


def test_threads_inflate_the_same_values(tmp_path: Path) -> None:
    arrays = {f"w{i}": np.random.default_rng(i).normal(size=(50, 50)) for i in range(8)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    reader = checkpoints.open(tmp_path / "x.npz")
    with ThreadPoolExecutor(8) as pool:
        for name, read in zip(list(arrays) * 10, pool.map(reader.read, list(arrays) * 10), strict=True):
            np.testing.assert_array_equal(read, arrays[name])


def test_random_damage_is_refused_or_read_but_never_anything_else(tmp_path: Path) -> None:
    """2,000 mutants of a stored and of a deflated archive."""
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones((2, 2), np.float32)}
    generator = random.Random(21)
    opened = 0
    for compressed in (False, True):
        path = tmp_path / "x.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        original = path.read_bytes()
        for _ in range(1000):
            data = bytearray(original)
            for _ in range(generator.choice((1, 2, 4))):
                data[generator.randrange(len(data))] = generator.choice((0, 255, 1, generator.randrange(256)))
            if generator.random() < 0.1:
                del data[generator.randrange(len(data)) :]
            path.write_bytes(data)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    reader = checkpoints.open(path)
                opened += 1
                reader.digest()
                for info in reader.tensors():
                    assert reader.read(info.name).nbytes < 1000
            except TriplepointError:
                pass
    assert opened > 100


def test_the_digest_of_compressed_members_covers_their_checksum(tmp_path: Path) -> None:
    digests = set()
    for value in (1.0, 2.0):
        np.savez_compressed(tmp_path / "x.npz", w=np.full(9, value))
        digests.add(checkpoints.open(tmp_path / "x.npz").digest())
    assert len(digests) == 2


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_the_digest_of_a_file_that_became_shorter_covers_the_headers_alone(tmp_path: Path, save: Any) -> None:
    path = tmp_path / ("x.npy" if save is np.save else "x.npz")
    save(path, np.ones((64, 64)))
    reader = checkpoints.open(path)
    before = reader.digest()
    os.truncate(path, 16)
    assert reader.digest() != before
