"""No GGUF file, however broken, does more than raise one clear line. Witness: bytes written by hand, `gguf.GGUFReader`.

The package's reader believes every length it meets, so here it can only confirm what is accepted.
"""

from __future__ import annotations

import random
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints import gguf_bytes as by_hand
from tests.checkpoints.gguf_bytes import F32, LIST, Q8_0, TEXT, key, listed, raw, tensor, text, u32
from triplepoint import checkpoints
from triplepoint.checkpoints.gguf import header as gguf_header
from triplepoint.checkpoints.gguf.types import TYPES
from triplepoint.errors import UnreadableCheckpoint

EIGHT = bytes(8)
ARCHITECTURE = key("general.architecture", TEXT, text("llama"))

REFUSED: dict[str, tuple[bytes, str]] = {
    "no bytes": (b"GGUF" + bytes(4), "fewer than any file of its format"),
    "another magic": (b"GGML" + bytes(40), "does not begin like a GGUF file"),
    "version 0": (raw(version=0), "version 0 is not 2 or 3"),
    "version 1": (raw(version=1), "version 1 is not 2 or 3"),
    "version 4": (raw(version=4), "version 4 is not 2 or 3"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "2^64 - 1 tensors": (raw(counts=(2**64 - 1, 0)), "tensors, more than"),
    "2^64 - 1 keys": (raw(counts=(0, 2**64 - 1)), "keys of metadata, more than"),
    "more tensors than there is room for": (raw(counts=(1000, 0)), "ends within its header"),
    "more keys than there is room for": (raw(counts=(0, 1000)), "ends within its header"),
    "a key that is too long": (raw(keys=[text(b"k" * 5000) + bytes(99)]), "claims 5,000 bytes"),
    "a key of 2^63 bytes": (raw(keys=[struct.pack("<Q", 2**63) + bytes(99)]), "claims 9,223,372"),
    "a key that is not UTF-8": (raw(keys=[key(b"\xff", 4, bytes(99))]), "not UTF-8"),
    "a key twice": (raw(keys=[u32("a", 1), u32("a", 2)]), "'a' occurs twice"),
    "an unknown value type": (raw(keys=[key("a", 13, bytes(99))]), "unknown type 13"),
    "a text of 2^63 bytes": (
        raw(keys=[key("a", TEXT, struct.pack("<Q", 2**63) + bytes(99))]),
        "ends within",
    ),
    "an array of an unknown type": (
        raw(keys=[key("a", LIST, listed(77, [bytes(99)], 1))]),
        "unknown type 77",
    ),
    "an array of 2^63 numbers": (raw(keys=[key("a", LIST, listed(4, [bytes(99)], 2**63))]), "ends within"),
    "an array of 2^63 texts": (raw(keys=[key("a", LIST, listed(8, [bytes(99)], 2**63))]), "ends within"),
    "a text in an array that reaches beyond the file": (
        raw(keys=[key("a", LIST, listed(TEXT, [text("b"), struct.pack("<Q", 2**40), bytes(99)], 3))]),
        "ends within",
    ),
    "a last text that reaches beyond the file": (
        raw(keys=[key("a", LIST, listed(TEXT, [struct.pack("<Q", 2**40)]))], align=1),
        "ends within",
    ),
    "2^63 arrays in an array": (raw(keys=[key("a", LIST, listed(LIST, [bytes(99)], 2**63))]), "ends within"),
    "arrays in arrays, six deep": (
        raw(keys=[key("a", LIST, struct.pack("<IQ", LIST, 1) * 6 + bytes(99))]),
        "4 in one another",
    ),
    "20,000 arrays in an array": (
        raw(keys=[key("a", LIST, listed(LIST, [bytes(12)] * 20_000))]),
        "more than 10,000 arrays",
    ),
    "alignment 0": (raw([tensor()], [u32("general.alignment", 0)], EIGHT), "not a power of two"),
    "alignment 48": (raw([tensor()], [u32("general.alignment", 48)], EIGHT), "not a power of two"),
    "alignment a text": (
        raw([tensor()], [key("general.alignment", TEXT, text("32"))], EIGHT),
        "not a power of two",
    ),
    "alignment a truth value": (
        raw([tensor()], [key("general.alignment", 7, b"\1")], EIGHT),
        "not a power of two",
    ),
    "alignment beyond the file": (raw([tensor()], [u32("general.alignment", 2**31)], EIGHT), "of 0 of data"),
    "a tensor name that is too long": (raw([tensor(b"n" * 5000)], data=EIGHT), "claims 5,000 bytes"),
    "a tensor name that is not UTF-8": (raw([tensor(b"\xff")], data=EIGHT), "not UTF-8"),
    "a tensor twice": (raw([tensor(), tensor(offset=32)], data=bytes(64)), "'a' occurs twice"),
    "five dimensions": (raw([tensor(sides=(1,) * 5)], data=EIGHT), "5 dimensions"),
    "2^32 - 1 dimensions": (raw([tensor(rank=2**32 - 1)], data=EIGHT), "4,294,967,295 dimensions"),
    "a side of 2^64 - 1": (raw([tensor(sides=(2**64 - 1,))], data=EIGHT), "larger than any memory"),
    "sides whose product wraps": (
        raw([tensor(sides=(2**32, 2**32, 2))], data=EIGHT),
        "larger than any memory",
    ),
    "huge sides beside a zero": (
        raw([tensor(sides=(0, 2**62, 2**62))], data=EIGHT),
        "larger than any memory",
    ),
    "rows that are no whole blocks": (
        raw([tensor(sides=(48,), type=Q8_0)], data=bytes(99)),
        "no whole blocks",
    ),
    "an empty row is a whole block, an uneven one of I-quants is not": (
        raw([tensor(sides=(255,), type=16)], data=bytes(99)),
        "no whole blocks of 256 (IQ2_XXS)",
    ),
    "data that end early": (raw([tensor(sides=(3,))], data=EIGHT), "ends at byte 12 of 8"),
    "an offset beyond the file": (raw([tensor(offset=2**63)], data=EIGHT), "ends at byte 9,223,372"),
    "an offset of 2^64 - 32": (raw([tensor(offset=2**64 - 32)], data=EIGHT), "ends at byte 18,446"),
    "an unknown type beyond the file": (raw([tensor(type=99, offset=64)], data=EIGHT), "ends at byte 64"),
    "an offset between two multiples": (raw([tensor(offset=4)], data=bytes(64)), "no multiple of 32"),
    "the same range twice": (raw([tensor("a"), tensor("b")], data=bytes(64)), "'b' overlaps"),
    "ranges that overlap": (raw([tensor("a", (9,)), tensor("b", offset=32)], data=bytes(64)), "'b' overlaps"),
    "an empty tensor within another": (
        raw([tensor("a", (16,)), tensor("b", (0,), offset=32)], data=bytes(64)),
        "'b' overlaps",
    ),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "LFS pointer",
    ),
}


def refusal(path: Path, data: bytes) -> UnreadableCheckpoint:
    path.write_bytes(data)
    with pytest.raises(UnreadableCheckpoint) as caught:
        checkpoints.open(path)
    return caught.value


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_broken_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    data, found = REFUSED[case]
    error = refusal(tmp_path / "x.gguf", data)
    assert found in error.found
    assert "\n" not in str(error)
    assert len(str(error)) < 700
    assert error.next


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    tokens = key("tokens", LIST, listed(TEXT, [text("a"), text("bc")]))
    whole = raw([tensor("a"), tensor("b", (4, 2), offset=32)], [ARCHITECTURE, tokens], bytes(64))
    (tmp_path / "x.gguf").write_bytes(whole)
    assert [info.shape for info in checkpoints.open(tmp_path / "x.gguf").tensors()] == [(2,), (2, 4)]
    for end in range(len(whole)):
        refusal(tmp_path / "x.gguf", whole[:end])


def test_plain_values_are_views_of_the_file_in_reversed_shape(tmp_path: Path) -> None:
    values = np.arange(24, dtype="<f4")
    path = tmp_path / "x.gguf"
    scalar = tensor("scalar", (), offset=96)
    path.write_bytes(raw([tensor("w", (4, 3, 2)), scalar], data=values.tobytes() + struct.pack("<f", 7)))
    reader = checkpoints.open(path)
    assert np.array_equal(reader.read("w"), values.reshape(2, 3, 4))
    assert np.array_equal(reader.read("w", at=1), values.reshape(2, 3, 4)[1])
    assert not reader.read("w").flags.owndata
    assert reader.read("scalar") == 7


@pytest.mark.parametrize("version", [2, 3])
def test_metadata_of_every_type_are_read_and_arrays_are_stepped_over(tmp_path: Path, version: int) -> None:
    scalars = {
        0: "<B",
        1: "<b",
        2: "<H",
        3: "<h",
        4: "<I",
        5: "<i",
        6: "<f",
        7: "<?",
        10: "<Q",
        11: "<q",
        12: "<d",
    }
    keys = [key(f"k{kind}", kind, struct.pack(code, 1)) for kind, code in scalars.items()]
    keys += [
        key(f"l{kind}", LIST, listed(kind, [struct.pack(code, 1)] * 3)) for kind, code in scalars.items()
    ]
    inner = listed(TEXT, [text("x"), text("")])
    keys += [key("nested", LIST, listed(LIST, [inner, listed(6, [bytes(4)]), listed(4, [])]))]
    keys += [
        key("long", TEXT, text("x" * 1000)),
        key("text", TEXT, text("é")),
        key("bytes", TEXT, text(b"\xff")),
    ]
    header = gguf_header.parse(raw([tensor("w")], keys, EIGHT, version=version))
    assert header.metadata == {f"k{kind}": 1 for kind in scalars} | {"text": "é", "bytes": "\ufffd"}
    assert header.entries["w"].shape == (2,)


def test_a_vocabulary_makes_no_objects() -> None:
    tokens = key("tokens", LIST, listed(TEXT, [text("tokens")] * 100_000))
    data = raw([tensor("w")], [tokens, key("scores", LIST, listed(6, [bytes(4)] * 100_000))], EIGHT)
    tracemalloc.start()
    gguf_header.parse(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


def test_claims_of_an_exabyte_allocate_nothing(tmp_path: Path) -> None:
    cases = [
        raw([tensor(sides=(2**30, 2**28))], data=EIGHT),
        raw(counts=(1_000_000, 10_000)),
        raw(keys=[key("a", LIST, listed(LIST, [bytes(12)] * 100_000))]),
    ]
    for data in cases:
        tracemalloc.start()
        refusal(tmp_path / "x.gguf", data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3_000_000


def test_a_header_over_the_limit_is_not_parsed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = key("tokens", LIST, listed(TEXT, [text("token")] * 100))
    monkeypatch.setattr(gguf_header, "MAX_HEADER_BYTES", 1000)
    found = refusal(tmp_path / "x.gguf", raw([tensor()], [tokens], EIGHT)).found
    assert found == "the header is longer than 1,000 bytes"


def test_names_reach_the_message_without_control_characters(tmp_path: Path) -> None:
    error = refusal(tmp_path / "x.gguf", raw([tensor("\x1b[31m\x07\nred" * 50, (9, 9))], data=EIGHT))
    assert not any(ord(c) < 32 for c in str(error))
    assert "…" in error.found


def test_types_without_a_size_are_named_and_cost_no_other_tensor(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    odd = [tensor("new", (2**40, 3), 9999, offset=32), tensor("old", (64,), 31, offset=64)]
    path.write_bytes(raw([tensor("w"), *odd], data=bytes(128)))
    reader = checkpoints.open(path)
    assert {info.name: (info.dtype, info.shape) for info in reader.tensors()} == {
        "w": ("F32", (2,)),
        "new": ("GGML_9999", (3, 2**40)),
        "old": ("Q4_0_4_4", (64,)),
    }
    assert reader.read("w").sum() == 0
    assert reader.digest() == checkpoints.open(path).digest()
    with pytest.raises(UnreadableCheckpoint, match="'new' has elements of type GGML_9999"):
        reader.read("new")


def test_the_table_of_types_is_that_of_the_package() -> None:
    constants = pytest.importorskip("gguf.constants")
    known = {int(number): (number.name, *sizes) for number, sizes in constants.GGML_QUANT_SIZES.items()}
    ours = {number: (type.name, type.values, type.bytes) for number, type in TYPES.items() if type.bytes}
    assert {number: ours[number] for number in known if number <= 41} == known
    assert not {type.name for type in TYPES.values() if not type.bytes} & {
        name for name, *_ in known.values()
    }


def test_the_digest_covers_name_header_and_values(tmp_path: Path) -> None:
    def digest(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return checkpoints.open(tmp_path / name).digest()

    a = digest("x.gguf", raw([tensor()], [u32("k", 1)], EIGHT))
    assert a == digest("x.gguf", raw([tensor()], [u32("k", 1)], EIGHT))
    assert a != digest("y.gguf", raw([tensor()], [u32("k", 1)], EIGHT))
    assert a != digest("x.gguf", raw([tensor()], [u32("k", 2)], EIGHT))
    assert a != digest("x.gguf", raw([tensor()], [u32("k", 1)], b"x" + EIGHT[1:]))


def test_random_damage_is_refused_or_read_but_never_anything_else(tmp_path: Path) -> None:
    """2,000 mutants of a small file; where the package accepts one too, it sees the same tensors."""
    gguf = pytest.importorskip("gguf")
    keys = [
        ARCHITECTURE,
        u32("llama.block_count", 1),
        key("tokens", LIST, listed(TEXT, [text("a"), text("bc")])),
    ]
    tensors = [
        tensor("token_embd.weight", (32, 2), Q8_0),
        tensor("blk.0.attn_q.weight", (4, 2), F32, offset=96),
        tensor("blk.0.attn_q.scale", (1,), F32, offset=128),
    ]
    original = raw(tensors, keys, bytes(range(160)))
    header = len(original) - 160
    generator = random.Random(22)
    accepted = rejected = confirmed = 0
    for _ in range(2000):
        data = bytearray(original)
        for _ in range(generator.choice((1, 1, 2, 5))):
            where = generator.randrange(max(1, min(header, len(data))))
            act = generator.randrange(5)
            if not data:
                break
            if act < 2:
                data[where] = generator.choice((0, 1, 2, 8, 9, 32, 255, generator.randrange(256)))
            elif act == 2:
                data[where] ^= 1 << generator.randrange(8)
            elif act == 3:
                data[where : where + 1] = bytes(generator.randrange(3))
            elif generator.random() < 0.3:
                del data[where + 1 :]
        try:
            gguf_header.parse(bytes(data))
        except gguf_header.GgufError:
            rejected += 1
            continue
        path = tmp_path / f"{accepted}.gguf"  # a new one each: cutting a file that is still mapped takes 3 ms
        path.write_bytes(data)
        reader = checkpoints.open(path)
        reader.digest()
        for info in reader.tensors():
            with suppress(UnreadableCheckpoint):  # a type without values
                assert reader.read(info.name).shape == info.shape
        accepted += 1
        try:
            seen = {str(one.name) for one in gguf.GGUFReader(path).tensors}
        except Exception:
            continue
        assert seen == {info.name for info in reader.tensors()}
        confirmed += 1
    assert accepted > 200
    assert rejected > 1000
    assert confirmed > 100


def test_the_helper_writes_what_the_package_reads(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "x.gguf"
    path.write_bytes(raw([tensor("w", (4, 3))], [ARCHITECTURE], np.arange(12, dtype="<f4").tobytes()))
    (one,) = gguf.GGUFReader(path).tensors
    assert np.array_equal(one.data, checkpoints.open(path).read("w"))
    assert by_hand.tensor() == tensor()
