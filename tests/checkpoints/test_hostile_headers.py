"""No safetensors file, however broken, does more than raise one clear line; whatever the package rejects we reject.

The witness is the `safetensors` package (Rust). Where this reader is stricter the corpus says so, case by case.
"""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import pytest
from safetensors import SafetensorError, safe_open

from tests.checkpoints.files import entry, raw
from triplepoint import checkpoints
from triplepoint.checkpoints import limits
from triplepoint.errors import TriplepointError, UnreadableCheckpoint

DATA = bytes(8)
TENSOR = b'{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'

REJECTED_BY_BOTH: dict[str, bytes] = {
    "shorter than the length": b"1234567",
    "empty header": struct.pack("<Q", 0),
    "header longer than the file": struct.pack("<Q", 50) + b"{}",
    "header length 2^63": struct.pack("<Q", 2**63) + b"{}",
    "header length 2^64-1": struct.pack("<Q", 2**64 - 1) + b"{}",
    "header over 100 MB": struct.pack("<Q", 100_000_001) + b"{}",
    "not JSON": raw(b"hello"),
    "half a header": raw(b'{"w":'),
    "a list": raw(b"[]"),
    "a text": raw(b'"w"'),
    "a byte order mark": raw(b"\xef\xbb\xbf{}"),
    "not UTF-8": raw(b'{"\xff":' + TENSOR + b"}", DATA),
    "not UTF-8 inside an entry": raw(b'{"w":{"dtype":"\xff","shape":[2],"data_offsets":[0,8]}}', DATA),
    "NUL padding": raw(b"{}\0\0"),
    "junk after the object": raw(b"{} x"),
    "two objects": raw(b"{}{}"),
    "no-break space": raw("{}\u00a0".encode()),
    "trailing comma": raw(b'{"w":' + TENSOR + b",}", DATA),
    "missing comma": raw(b'{"a":' + TENSOR + b'"b":' + TENSOR + b"}", DATA),
    "newline in a name": raw(b'{"a\nb":' + TENSOR + b"}", DATA),
    "unpaired surrogate": raw(b'{"\\ud800":' + TENSOR + b"}", DATA),
    "unknown escape": raw(b'{"\\q":' + TENSOR + b"}", DATA),
    "a thousand brackets": raw(b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a thousand braces": raw(b'{"w":' * 100_000 + b"1" + b"}" * 100_000),
    "repeated dtype": raw(b'{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', DATA),
    "repeated metadata": raw(b'{"__metadata__":{"a":"1"},"__metadata__":{"a":"1"}}'),
    "metadata with a number": raw({"__metadata__": {"a": 1}, "w": entry()}, DATA),
    "metadata with a list": raw({"__metadata__": {"a": ["1"]}, "w": entry()}, DATA),
    "metadata that is a tensor": raw({"__metadata__": entry()}, DATA),
    "metadata NaN": raw(b'{"__metadata__":NaN}'),
    "entry null": raw(b'{"w":null}'),
    "entry a number": raw(b'{"w":1}'),
    "missing dtype": raw({"w": {"shape": [2], "data_offsets": [0, 8]}}, DATA),
    "missing shape": raw({"w": {"dtype": "F32", "data_offsets": [0, 8]}}, DATA),
    "missing offsets": raw({"w": {"dtype": "F32", "shape": [2]}}, DATA),
    "unknown dtype": raw({"w": entry("F128", (1,), (0, 16))}, bytes(16)),
    "dtype in lower case": raw({"w": entry("f32")}, DATA),
    "dtype a number": raw(b'{"w":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}', DATA),
    "shape a float": raw({"w": entry(shape=(2.0,))}, DATA),
    "shape with an exponent": raw(b'{"w":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}', DATA),
    "shape a truth value": raw({"w": entry(shape=(True, True), offsets=(0, 4))}, bytes(4)),
    "shape negative": raw({"w": entry(shape=(-2,))}, DATA),
    "shape twice negative": raw({"w": entry(shape=(-1, -2))}, DATA),
    "shape minus zero": raw(b'{"w":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
    "shape NaN": raw(b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', DATA),
    "shape infinite": raw(b'{"w":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,8]}}', DATA),
    "shape of 5,000 digits": raw(
        b'{"w":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}', DATA
    ),
    "shape 2^64": raw({"w": entry(shape=(2**64,))}, DATA),
    "shape that wraps to the right size": raw({"w": entry(shape=(2**62 + 2,))}, DATA),
    "shape whose product wraps": raw({"w": entry(shape=(2**32, 2**32, 2))}, DATA),
    "shape that overflows before a zero": raw({"w": entry(shape=(2**63, 2**63, 0), offsets=(0, 0))}),
    "shape nested": raw({"w": entry(shape=([2],))}, DATA),
    "shape null": raw(b'{"w":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}', DATA),
    "shape an object": raw(b'{"w":{"dtype":"F32","shape":{},"data_offsets":[0,8]}}', DATA),
    "one offset": raw({"w": entry(offsets=(8,))}, DATA),
    "three offsets": raw({"w": entry(offsets=(0, 8, 8))}, DATA),
    "offset negative": raw({"w": entry(offsets=(-8, 0))}, DATA),
    "offset a text": raw({"w": entry(offsets=("0", "8"))}, DATA),
    "end before begin": raw({"w": entry(offsets=(8, 0))}, DATA),
    "beyond the file": raw({"w": entry(shape=(4,), offsets=(0, 16))}, DATA),
    "far beyond the file": raw({"w": entry(offsets=(2**62, 2**62 + 8))}, DATA),
    "shape too small for the range": raw({"w": entry(shape=(1,))}, DATA),
    "shape too large for the range": raw({"w": entry(shape=(3,))}, DATA),
    "half a byte": raw({"w": entry("F4", (3,), (0, 1))}, bytes(1)),
    "overlap": raw({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
    "the same range twice": raw({"a": entry(), "b": entry()}, DATA),
    "a hole": raw({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)),
    "a hole at the start": raw({"w": entry(offsets=(4, 12))}, bytes(12)),
    "an empty tensor inside another": raw({"a": entry(), "e": entry(shape=(0,), offsets=(4, 4))}, DATA),
    "bytes after the end": raw({"w": entry()}, bytes(9)),
    "data without tensors": raw({}, DATA),
}

REJECTED_HERE_ONLY: dict[str, bytes] = {
    "repeated tensor": raw(b'{"w":' + TENSOR + b',"w":' + TENSOR + b"}", DATA),
    "repeated tensor, once escaped": raw(b'{"w":' + TENSOR + b',"\\u0077":' + TENSOR + b"}", DATA),
    "an extra field": raw({"w": entry(note=1)}, DATA),
    "an entry as a list": raw(b'{"w":["F32",[2],[0,8]]}', DATA),
    "more dimensions than NumPy has": raw({"w": entry(shape=[1] * 65 + [2])}, DATA),
    "an empty tensor of a huge shape": raw({"w": entry(shape=(0, 2**63, 2**63), offsets=(0, 0))}),
    "a name of 5,000 bytes": raw(b'{"' + b"n" * 5000 + b'":' + TENSOR + b"}", DATA),
}


def refusal(path: Path, data: bytes) -> UnreadableCheckpoint:
    path.write_bytes(data)
    with pytest.raises(UnreadableCheckpoint) as caught:
        checkpoints.open(path)
    return caught.value


@pytest.mark.parametrize("case", REJECTED_BY_BOTH)
def test_what_the_package_rejects_is_rejected_in_one_line(tmp_path: Path, case: str) -> None:
    error = refusal(tmp_path / "x.safetensors", REJECTED_BY_BOTH[case])
    assert "\n" not in str(error)
    assert len(str(error)) < 700
    assert error.found
    assert error.next
    with pytest.raises(SafetensorError), safe_open(tmp_path / "x.safetensors", "np"):
        pass


@pytest.mark.parametrize("case", REJECTED_HERE_ONLY)
def test_what_is_rejected_beyond_the_package_is_listed_here(tmp_path: Path, case: str) -> None:
    refusal(tmp_path / "x.safetensors", REJECTED_HERE_ONLY[case])
    with safe_open(tmp_path / "x.safetensors", "np"):
        pass


def test_more_tensors_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triplepoint.checkpoints.safetensors_header.MAX_TENSORS", 3)
    names = {f"w{i}": entry(shape=(0,), offsets=(0, 0)) for i in range(4)}
    assert "more than 3 tensors" in refusal(tmp_path / "x.safetensors", raw(names)).found


@pytest.mark.parametrize("unit", [b"[],", b"{},", b'"ab",', b"1234567,", b'{"a":', b'"a":{},', b" ", b'"'])
def test_a_header_of_8_mb_that_is_no_header_costs_no_memory(tmp_path: Path, unit: bytes) -> None:
    body = unit * (8_000_000 // len(unit))
    for opening in (b'{"w":', b'{"__metadata__":{"a":', b"{", b'{"w":{"shape":['):
        path = tmp_path / "x.safetensors"
        path.write_bytes(raw(opening + body))
        tracemalloc.start()
        with pytest.raises(UnreadableCheckpoint):
            checkpoints.open(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000, f"{peak:,} bytes"


def test_a_shape_of_an_exabyte_allocates_nothing(tmp_path: Path) -> None:
    tracemalloc.start()
    refusal(tmp_path / "x.safetensors", raw({"w": entry(shape=(2**30, 2**28), offsets=(0, 2**60))}, DATA))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_names_reach_the_message_without_control_characters(tmp_path: Path) -> None:
    error = refusal(tmp_path / "x.safetensors", raw({"\x1b[31m\x07\nred" * 50: entry(shape=(3,))}, DATA))
    assert not any(ord(c) < 32 for c in str(error))
    assert "…" in error.found


def test_a_git_lfs_pointer_is_recognised(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 90868376\n"
    assert "git lfs pull" in refusal(tmp_path / "x.safetensors", pointer).next


def test_random_damage_is_refused_or_read_but_never_anything_else(tmp_path: Path) -> None:
    """3,000 mutants of a small file; a mutant that both accept reads the same bytes within the file."""
    header = {
        "__metadata__": {"k": "v"},
        "a.weight": entry("F32", (2, 3), (0, 24)),
        "b": entry("BF16", (4,), (24, 32)),
    }
    original = raw(header, bytes(range(32)))
    generator = random.Random(20)
    path = tmp_path / "x.safetensors"
    accepted = rejected = 0
    for _ in range(3000):
        data = bytearray(original)
        for _ in range(generator.choice((1, 1, 2, 5))):
            where = (
                generator.randrange(len(data) - 1) if generator.random() < 0.2 else generator.randrange(150)
            )
            act = generator.randrange(4)
            if act == 0:
                data[where] = generator.randrange(256)
            elif act == 1:
                data[where] ^= 1 << generator.randrange(8)
            elif act == 2:
                data[where : where + 1] = generator.choice((b"", b"0", b"9", b'"', b"}", b"{", b",", b"-"))
            else:
                del data[where + 1 :]
            if len(data) < 151:
                break
        path.write_bytes(data)
        try:
            reader = checkpoints.open(path)
            for info in reader.tensors():
                if info.dtype not in ("F4", "F6_E2M3", "F6_E3M2"):
                    assert reader.read(info.name).nbytes <= len(data)
            reader.digest()
            accepted += 1
        except TriplepointError:
            rejected += 1
            continue
        with safe_open(path, "np") as reference:
            assert set(reference.keys()) == {info.name for info in reader.tensors()}
    assert accepted > 100
    assert rejected > 1000


def test_a_header_over_the_limit_or_over_the_file_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.MAX_HEADER_BYTES == 100_000_000
    path = tmp_path / "x.safetensors"
    assert "claims 50 bytes but 2 follow" in refusal(path, struct.pack("<Q", 50) + b"{}").found
    monkeypatch.setattr("triplepoint.checkpoints.safetensors.MAX_HEADER_BYTES", 10)
    assert "claims 61 bytes, more than 10" in refusal(path, raw({"w": entry()}, DATA)).found
