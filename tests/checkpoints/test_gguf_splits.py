"""A GGUF in parts is one checkpoint, whichever part is named. Witness: the package writes the parts."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints.gguf_bytes import key, raw, tensor, written
from triplepoint import checkpoints
from triplepoint.errors import UnreadableCheckpoint, UnsafeCheckpoint

gguf = pytest.importorskip("gguf")
NAMES = [f"blk.{layer}.attn_q.weight" for layer in range(5)]


def parts(folder: Path) -> list[Path]:
    """Five tensors in three files."""
    arrays = {name: np.full((2, 4), place, np.float32) for place, name in enumerate(NAMES)}
    written(folder / "m.gguf", arrays, "llama", {"llama.block_count": 5}, split_max_tensors=2)
    found = sorted(folder.glob("m-*.gguf"))
    assert [path.name for path in found] == [f"m-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    return found


def u16(name: str, value: int) -> bytes:
    return key(name, 2, struct.pack("<H", value))


def part(number: int, total: int, *tensors: bytes) -> bytes:
    return raw(tensors, [u16("split.no", number), u16("split.count", total)], bytes(8 * len(tensors)))


def refusal(path: Path) -> UnreadableCheckpoint:
    with pytest.raises(UnreadableCheckpoint) as caught:
        checkpoints.open(path)
    return caught.value


@pytest.mark.parametrize("named", [0, 1, 2])
def test_any_part_opens_all_of_them(tmp_path: Path, named: int) -> None:
    path = parts(tmp_path)[named]
    reader = checkpoints.open(path)
    assert [info.name for info in reader.tensors()] == NAMES
    assert reader.config["num_hidden_layers"] == 5
    for place, info in enumerate(reader.tensors()):
        assert info.alias == f"model.layers.{place}.self_attn.q_proj.weight"
        assert (reader.read(info.name) == place).all()
    assert reader.digest() == checkpoints.open(parts(tmp_path)[0]).digest()


def test_missing_parts_are_listed(tmp_path: Path) -> None:
    first, second, third = parts(tmp_path)
    first.unlink()
    third.unlink()
    error = refusal(second)
    assert "2 of 3 " in error.found
    assert first.name in error.found
    assert third.name in error.found
    assert "Download them" in error.next


def test_a_renamed_part_is_refused(tmp_path: Path) -> None:
    first, second, _ = parts(tmp_path)
    second.rename(tmp_path / "model.gguf")
    assert "one of 3 parts, but its name does not end" in refusal(tmp_path / "model.gguf").found
    first.rename(tmp_path / "m-00001-of-00004.gguf")
    assert "one of 3 parts, but its name does not end" in refusal(tmp_path / "m-00001-of-00004.gguf").found


def test_parts_in_another_order_are_refused(tmp_path: Path) -> None:
    first, second, third = parts(tmp_path)
    second.rename(tmp_path / "kept")
    third.rename(second)
    (tmp_path / "kept").rename(third)
    assert "it is not part 2 of 3" in refusal(first).found


def test_parts_of_two_versions_are_refused(tmp_path: Path) -> None:
    first, second, _ = parts(tmp_path)
    (tmp_path / "other").mkdir()
    second.write_bytes(part(1, 3, tensor("x")))
    assert "must hold '5' tensors and hold 4" in refusal(first).found


def test_a_tensor_in_two_parts_is_refused(tmp_path: Path) -> None:
    for number in (0, 1):
        (tmp_path / f"m-0000{number + 1}-of-00002.gguf").write_bytes(part(number, 2, tensor("x")))
    assert "'x' is in" in refusal(tmp_path / "m-00001-of-00002.gguf").found


def test_a_part_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    first, second, _ = parts(home)
    second.rename(tmp_path / "outside.gguf")
    second.symlink_to(tmp_path / "outside.gguf")
    with pytest.raises(UnsafeCheckpoint, match="leads out of its folder"):
        checkpoints.open(first)


@pytest.mark.parametrize("total", [0, 1])
def test_a_count_of_one_is_a_whole_file(tmp_path: Path, total: int) -> None:
    (tmp_path / "x.gguf").write_bytes(part(0, total, tensor("x")))
    assert [info.name for info in checkpoints.open(tmp_path / "x.gguf").tensors()] == ["x"]


def test_many_missing_parts_are_counted_and_too_many_are_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "m-00001-of-00900.gguf"
    path.write_bytes(part(0, 900, tensor("x")))
    error = refusal(path)
    assert "899 of 900 " in error.found
    assert len(str(error)) < 900
    path = tmp_path / "m-00001-of-65535.gguf"
    path.write_bytes(part(0, 65535, tensor("x")))
    assert "one of 65,535 parts, more than 1,000" in refusal(path).found
