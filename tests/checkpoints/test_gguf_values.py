"""Quantised GGUF tensors have the values that llama.cpp multiplies with, whole, by entry and in pieces.

Witnesses: slow decoders written here from the public layout of the blocks, the package decoding a tensor in one go,
and the arrays that were quantised.
"""

from __future__ import annotations

import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints.gguf_bytes import F32, I8, raw, tensor, written
from triplepoint import checkpoints
from triplepoint.checkpoints.gguf import values as gguf_values
from triplepoint.checkpoints.gguf.types import TYPES, GgmlType
from triplepoint.errors import MissingDependency, UnreadableCheckpoint
from triplepoint.records import PackedRows

gguf = pytest.importorskip("gguf")
BY_NAME = {type.name: type for type in TYPES.values()}
PACKED = sorted(type.name for type in TYPES.values() if type.bytes and not type.plain)
DECODED = [name for name in PACKED if name not in ("Q8_1", "Q8_K", "Q1_0")]  # as of gguf 0.19
WRITTEN = {"Q4_0": 0.1, "Q4_1": 0.1, "Q5_0": 0.05, "Q5_1": 0.05, "Q8_0": 0.006, "MXFP4": 0.15}
"""Types that the package writes, with the relative error that is left; another order of values has 1.4."""


def half(block: bytes, at: int) -> float:
    return float(struct.unpack_from("<e", block, at)[0])


def nibbles(codes: bytes) -> list[int]:
    """Low halves first, then high halves."""
    return [code & 15 for code in codes] + [code >> 4 for code in codes]


def q4_0(block: bytes) -> list[float]:
    return [half(block, 0) * (code - 8) for code in nibbles(block[2:])]


def q4_1(block: bytes) -> list[float]:
    return [half(block, 0) * code + half(block, 2) for code in nibbles(block[4:])]


def q8_0(block: bytes) -> list[float]:
    return [half(block, 0) * code for code in struct.unpack_from("<32b", block, 2)]


def q4_k(block: bytes) -> list[float]:
    six, codes, found = block[4:16], block[16:], []
    for group in range(8):
        if group < 4:
            scale, least = six[group] & 63, six[group + 4] & 63
        else:
            scale = six[group + 4] & 15 | six[group - 4] >> 6 << 4
            least = six[group + 4] >> 4 | six[group] >> 6 << 4
        pair = codes[group // 2 * 32 : group // 2 * 32 + 32]
        shift = group % 2 * 4
        found += [half(block, 0) * scale * (code >> shift & 15) - half(block, 2) * least for code in pair]
    return found


def q6_k(block: bytes) -> list[float]:
    low, high, scales = block[:128], block[128:192], struct.unpack_from("<16b", block, 192)
    found = []
    for at in range(256):
        part, rest = divmod(at, 128)
        quarter, place = divmod(rest, 32)
        four = low[part * 64 + quarter % 2 * 32 + place] >> (quarter // 2 * 4) & 15
        two = high[part * 32 + place] >> (quarter * 2) & 3
        found.append(half(block, 208) * scales[at // 16] * ((four | two << 4) - 32))
    return found


SLOW: dict[str, Callable[[bytes], list[float]]] = {
    "Q4_0": q4_0,
    "Q4_1": q4_1,
    "Q8_0": q8_0,
    "Q4_K": q4_k,
    "Q6_K": q6_k,
}


def codes(type: GgmlType, rows: int, seed: int = 0) -> np.ndarray:
    """Rows of two random blocks; any bytes are legal."""
    return np.random.default_rng(seed).integers(0, 256, (rows, 2 * type.bytes), np.uint8)


def stored(path: Path, type: GgmlType, rows: np.ndarray, **more: object) -> Path:
    number = gguf.GGMLQuantizationType[type.name]
    return written(path, {"blk.0.attn_q.weight": (rows, number), **more})


@pytest.mark.parametrize("name", SLOW)
def test_blocks_mean_what_their_layout_says(tmp_path: Path, name: str) -> None:
    type = BY_NAME[name]
    rows = codes(type, 5)
    for row in rows:  # half-precision scales of ordinary size
        for at in range(0, len(row), type.bytes):
            for place in (208,) if name == "Q6_K" else (0, 2) if name in ("Q4_1", "Q4_K") else (0,):
                row[at + place : at + place + 2] = np.float16([0.01 + row[at + 9] / 99]).view(np.uint8)
    values = checkpoints.open(stored(tmp_path / "x.gguf", type, rows)).read("blk.0.attn_q.weight")
    blocks = rows.reshape(-1, type.bytes)
    slow = np.array([SLOW[name](block.tobytes()) for block in blocks]).reshape(5, -1)
    assert values.shape == (5, 2 * type.values)
    assert np.abs(slow).max() > 0.1
    np.testing.assert_allclose(values, slow, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DECODED)
def test_every_type_is_decoded_as_the_package_decodes_it_in_one_go(tmp_path: Path, name: str) -> None:
    type = BY_NAME[name]
    rows = codes(type, 6)
    number = gguf.GGMLQuantizationType[name]
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(rows, number)
    path = written(
        tmp_path / "x.gguf", {"w.weight": (rows, number), "e.weight": (rows.reshape(2, 3, -1), number)}
    )
    reader = checkpoints.open(path)
    infos = {info.name: info for info in reader.tensors()}
    assert infos["w.weight"].dtype == name
    assert infos["w.weight"].decoded == "F32"
    assert infos["e.weight"].shape == (2, 3, 2 * type.values)
    whole = reader.read("w.weight")
    assert whole.dtype == np.float32
    assert not whole.flags.writeable
    assert np.array_equal(whole, expected, equal_nan=True)
    assert np.array_equal(reader.read("w.weight", at=4), expected[4], equal_nan=True)
    assert np.array_equal(reader.read("e.weight", at=1), expected[3:], equal_nan=True)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_quantised_comes_back(tmp_path: Path, name: str) -> None:
    original = np.random.default_rng(1).standard_normal((4, 512)).astype(np.float32)
    number = gguf.GGMLQuantizationType[name]
    path = written(tmp_path / "x.gguf", {"w": (gguf.quants.quantize(original, number), number)})
    error = np.linalg.norm(checkpoints.open(path).read("w") - original) / np.linalg.norm(original)
    assert 0 < error < WRITTEN[name]


def test_pieces_make_no_difference_and_bound_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type = BY_NAME["Q5_K"]
    rows = np.random.default_rng(2).integers(0, 60, (32, 48 * type.bytes), np.uint8)
    reader = checkpoints.open(stored(tmp_path / "x.gguf", type, rows))
    whole = reader.read("blk.0.attn_q.weight")
    for piece in (256, 5 * 256, 2**16):
        monkeypatch.setattr(gguf_values, "_PIECE", piece)
        assert np.array_equal(reader.read("blk.0.attn_q.weight"), whole)
    tracemalloc.start()
    reader.read("blk.0.attn_q.weight")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < whole.nbytes + 24 * 2**16, f"{peak - whole.nbytes:,}"


def test_a_large_tall_matrix_is_decoded_by_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = gguf.GGMLQuantizationType.Q4_K
    tall = np.random.default_rng(4).integers(0, 60, (2, 600, 144), np.uint8)
    arrays = {
        "tall": (tall[0], number),
        "wide": (tall[0].reshape(300, -1), number),
        "e.weight": (tall, number),
    }
    path = written(tmp_path / "x.gguf", arrays | {"e.scale": np.float32([2, 3])})
    whole = checkpoints.open(path)
    monkeypatch.setattr(gguf_values, "_WHOLE", 4 * 600 * 256 - 1)
    reader = checkpoints.open(path)
    found = {name: reader.read(name, at) for name, at in (("tall", None), ("e.weight", 1))}
    for name, at in (("tall", None), ("e.weight", 1)):
        rows = found[name]
        assert isinstance(rows, PackedRows)
        assert rows.shape == (600, 256)
        assert np.array_equal(np.asarray(rows), whole.read(name, at))
        assert np.array_equal(rows[7:300], whole.read(name, at)[7:300])
        assert rows[599:900].shape == (1, 256)
    assert isinstance(reader.read("wide"), np.ndarray)
    assert isinstance(reader.read("e.weight"), np.ndarray)
    monkeypatch.setattr(gguf_values, "_WHOLE", 4 * 600 * 256)
    assert isinstance(reader.read("tall"), np.ndarray)


def test_one_entry_of_a_stack_is_decoded_alone(tmp_path: Path) -> None:
    type = BY_NAME["Q8_0"]
    rows = np.zeros((16, 64, 32 * type.bytes), np.uint8)
    number = gguf.GGMLQuantizationType.Q8_0
    reader = checkpoints.open(written(tmp_path / "x.gguf", {"blk.0.ffn_up_exps.weight": (rows, number)}))
    tracemalloc.start()
    assert reader.read("blk.0.ffn_up_exps.weight", at=3).shape == (64, 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 64 * 1024 * 4 / 2
    with pytest.raises(IndexError):
        reader.read("blk.0.ffn_up_exps.weight", at=16)


def test_vectors_and_empty_tensors_are_decoded_too(tmp_path: Path) -> None:
    block = struct.pack("<e32b", 0.5, *range(32))
    path = tmp_path / "x.gguf"
    tensors = [tensor("v", (32,), 8), tensor("none", (32, 0), 8, offset=64)]
    path.write_bytes(raw(tensors, data=block + bytes(30)))
    reader = checkpoints.open(path)
    assert reader.read("v").tolist() == [code / 2 for code in range(32)]
    assert reader.read("v", at=3) == 1.5
    assert reader.read("none").shape == (0, 32)


@pytest.mark.parametrize("factors", [[3.0], [2.0, -1.0]])
def test_a_factor_beside_a_weight_or_for_each_expert_is_multiplied_in(
    tmp_path: Path, factors: list[float]
) -> None:
    rows = np.random.default_rng(3).integers(0, 200, (2, 4, 36), np.uint8)
    number = gguf.GGMLQuantizationType.NVFP4
    arrays = {"blk.0.ffn_up_exps.weight": (rows, number), "blk.0.ffn_up_exps.scale": np.float32(factors)}
    reader = checkpoints.open(written(tmp_path / "x.gguf", arrays))
    expected = gguf.quants.dequantize(rows, number) * np.resize(np.float32(factors), 2).reshape(2, 1, 1)
    assert np.array_equal(reader.read("blk.0.ffn_up_exps.weight"), expected)
    assert np.array_equal(reader.read("blk.0.ffn_up_exps.weight", at=1), expected[1])


@pytest.mark.parametrize(("size", "type"), [(3, "F32"), (4, "F32"), (1, "F16")])
def test_a_factor_that_is_not_understood_refuses_its_weight_alone(
    tmp_path: Path, size: int, type: str
) -> None:
    scale = np.ones(size, type.replace("F", "float"))
    rows = codes(BY_NAME["Q4_0"], 4)
    path = stored(tmp_path / "x.gguf", BY_NAME["Q4_0"], rows, **{"blk.0.attn_q.scale": scale})
    reader = checkpoints.open(path)
    assert reader.tensors()[0].decoded is None
    with pytest.raises(UnreadableCheckpoint, match=rf"has a scale of type {type} and shape '\({size},\)'"):
        reader.read("blk.0.attn_q.weight")
    assert reader.read("blk.0.attn_q.scale").sum() == size


@pytest.mark.parametrize("name", ["F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64"])
def test_plain_types_need_no_package(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    number = next(number for number, type in TYPES.items() if type.name == name)
    data = bytes(6 * TYPES[number].bytes)
    unknown = tensor("new", (5,), 9999)  # and an unknown type does not ask for it
    (tmp_path / "x.gguf").write_bytes(raw([unknown, tensor("w", (3, 2), number)], data=data))
    monkeypatch.setitem(sys.modules, "gguf", None)
    reader = checkpoints.open(tmp_path / "x.gguf")
    _, info = reader.tensors()
    assert (info.dtype, info.decoded) == (name, None)
    assert reader.read("w").shape == (2, 3)
    assert reader.read("w").itemsize == TYPES[number].bytes


def test_without_the_package_a_quantised_file_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type = BY_NAME["Q6_K"]
    path = stored(tmp_path / "x.gguf", type, codes(type, 2))
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingDependency) as caught:
        checkpoints.open(path)
    assert "Q6_K" in caught.value.found
    assert "pip install 'triplepoint[formats]'" in caught.value.next


def test_a_type_that_the_package_cannot_decode_costs_only_its_own_tensors(tmp_path: Path) -> None:
    tensors = [
        tensor("odd", (256,), 15),
        tensor("good", (32,), 8, offset=320),
        tensor("i", (3,), I8, offset=384),
    ]
    (tmp_path / "x.gguf").write_bytes(raw([*tensors, tensor("f", (1,), F32, offset=416)], data=bytes(420)))
    reader = checkpoints.open(tmp_path / "x.gguf")
    assert [info.decoded for info in reader.tensors()] == [None, "F32", None, None]
    assert reader.read("good").shape == (32,)
    with pytest.raises(UnreadableCheckpoint, match="type Q8_K, which the installed gguf cannot decode"):
        reader.read("odd")


def test_a_package_that_knows_a_type_by_other_sizes_does_not_decode_it() -> None:
    assert gguf_values.decodes(GgmlType("Q8_0", 32, 34))
    assert not gguf_values.decodes(GgmlType("Q8_0", 64, 34))
    assert not gguf_values.decodes(GgmlType("Q8_0", 32, 36))
    assert not gguf_values.decodes(GgmlType("Q9_9", 32, 34))
