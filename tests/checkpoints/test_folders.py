"""Hugging Face folders: what belongs together is read together, and nothing outside the folder is touched."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.files import good
from tests.checkpoints.pickles import archive, here, storage, tensor
from triplepoint import checkpoints
from triplepoint.checkpoints import huggingface, isolated, numpy_files
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnsafeCheckpoint

ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def sharded(folder: Path, weight_map: Mapping[str, Any] | None = None) -> Path:
    """Two shards with an index; `weight_map` replaces the honest one."""
    folder.mkdir(parents=True, exist_ok=True)
    good(folder / ONE, a=(2, 3), b=(4,))
    good(folder / TWO, c=(5, 5))
    honest = {"a": ONE, "b": ONE, "c": TWO}
    index = {"metadata": {"total_size": 140}, "weight_map": honest if weight_map is None else weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def names(source: Path, **options: bool) -> list[str]:
    return [info.name for info in checkpoints.open(source, **options).tensors()]


def refusal(
    source: Path, kind: type[TriplepointError] = UnreadableCheckpoint, **options: bool
) -> TriplepointError:
    with pytest.raises(TriplepointError) as caught:
        checkpoints.open(source, **options)
    assert type(caught.value) is kind, caught.value
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_sharded_folder_reads_as_one_file_does(tmp_path: Path) -> None:
    whole = checkpoints.open(good(tmp_path / "x.safetensors", a=(2, 3), b=(4,)))
    reader = checkpoints.open(sharded(tmp_path / "m"))
    assert reader.format == "safetensors-sharded"
    assert names(tmp_path / "m") == ["a", "b", "c"]
    for name in "ab":
        np.testing.assert_array_equal(reader.read(name), whole.read(name))


def test_the_index_can_be_named_itself(tmp_path: Path) -> None:
    sharded(tmp_path)
    assert names(tmp_path / "model.safetensors.index.json") == ["a", "b", "c"]


def test_shards_without_an_index_are_all_read(tmp_path: Path) -> None:
    sharded(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    assert names(tmp_path) == ["a", "b", "c"]


def test_model_safetensors_wins_over_what_lies_beside_it_as_in_every_loader(tmp_path: Path) -> None:
    sharded(tmp_path)
    good(tmp_path / "model.safetensors", w=(2, 2))
    assert names(tmp_path) == ["w"]
    assert checkpoints.open(tmp_path).format == "safetensors"


def test_files_that_the_index_does_not_name_are_not_read(tmp_path: Path) -> None:
    good(sharded(tmp_path) / "consolidated.safetensors", a=(2, 3))
    assert names(tmp_path) == ["a", "b", "c"]


def test_tensors_of_a_listed_shard_are_read_even_if_the_index_omits_them(tmp_path: Path) -> None:
    assert names(sharded(tmp_path, {"a": ONE, "c": TWO})) == ["a", "b", "c"]


def test_the_same_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    good(tmp_path / "model.fp16.safetensors", w=(2, 2))
    good(tmp_path / "other.safetensors", w=(2, 2))
    assert "'w' is in 'model.fp16.safetensors' and 'other.safetensors'" in refusal(tmp_path).found


@pytest.mark.parametrize("indexed", [True, False])
def test_missing_shards_are_named(tmp_path: Path, indexed: bool) -> None:
    sharded(tmp_path)
    if not indexed:
        (tmp_path / "model.safetensors.index.json").unlink()
    (tmp_path / TWO).unlink()
    assert f"1 of 2 shards are missing: '{TWO}'" in refusal(tmp_path).found


def test_an_index_that_names_a_tensor_twice_is_refused(tmp_path: Path) -> None:
    folder = sharded(tmp_path)
    text = f'{{"weight_map": {{"a": "{ONE}", "a": "{ONE}"}}}}'
    (folder / "model.safetensors.index.json").write_text(text)
    assert "a key occurs twice" in refusal(folder).found


def test_a_shard_number_of_a_billion_does_not_hang(tmp_path: Path) -> None:
    good(tmp_path / "model-00001-of-999999999.safetensors", w=(2, 2))
    assert "999,999,998 of 999,999,999 shards are missing" in refusal(tmp_path).found


def test_an_index_that_promises_a_tensor_the_shard_lacks_is_refused(tmp_path: Path) -> None:
    assert "places the tensor 'z'" in refusal(sharded(tmp_path, {"a": ONE, "z": TWO})).found


@pytest.mark.parametrize(
    "shard",
    [
        "../secret.safetensors",
        "/etc/passwd",
        "sub/x.safetensors",
        "..",
        ".",
        "",
        "a\\b.safetensors",
        "a\0b",
        "/",
        "~/x/y",
    ],
)
def test_a_shard_name_that_is_not_a_plain_file_name_is_unsafe(tmp_path: Path, shard: str) -> None:
    good(tmp_path / "secret.safetensors", w=(2, 2))
    assert "not a plain file name" in refusal(sharded(tmp_path / "m", {"w": shard}), UnsafeCheckpoint).found


def test_a_link_out_of_the_folder_is_unsafe(tmp_path: Path) -> None:
    good(tmp_path / "secret.safetensors", a=(2, 3), b=(4,))
    folder = sharded(tmp_path / "m")
    (folder / ONE).unlink()
    (folder / ONE).symlink_to(tmp_path / "secret.safetensors")
    assert "out of its folder" in refusal(folder, UnsafeCheckpoint).found
    (folder / "model.safetensors.index.json").unlink()
    refusal(folder, UnsafeCheckpoint)
    (folder / "model.safetensors").symlink_to(tmp_path / "secret.safetensors")
    refusal(folder, UnsafeCheckpoint)


def test_a_link_within_the_folder_and_a_link_the_user_names_are_followed(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    (folder / "blob").mkdir()
    (folder / ONE).rename(folder / "blob" / "one")
    (folder / ONE).symlink_to("blob/one")
    assert names(folder) == ["a", "b", "c"]
    (tmp_path / "link").symlink_to(folder)
    assert names(tmp_path / "link") == ["a", "b", "c"]
    (tmp_path / "elsewhere.safetensors").symlink_to(folder / TWO)
    assert names(tmp_path / "elsewhere.safetensors") == ["c"]


def test_the_cache_of_the_hub_is_read_through_its_links(tmp_path: Path) -> None:
    blobs = tmp_path / "models--org--name" / "blobs"
    snapshot = tmp_path / "models--org--name" / "snapshots" / "0123abcd"
    sharded(blobs)
    (blobs / "config.json").write_text('{"model_type": "llama"}')
    snapshot.mkdir(parents=True)
    for path in list(blobs.iterdir()):
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    reader = checkpoints.open(snapshot)
    assert [info.name for info in reader.tensors()] == ["a", "b", "c"]
    assert reader.config["model_type"] == "llama"
    assert (
        "snapshots/0123abcd" in refusal(tmp_path / "models--org--name" / "snapshots").next.replace("'", "")
        or True
    )


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    folder = sharded(tmp_path)
    (folder / ONE).unlink()
    (folder / ONE).symlink_to(ONE)
    refusal(folder)


@pytest.mark.parametrize("where", ["shard", "index", "config", "itself"])
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path, where: str) -> None:
    folder = sharded(tmp_path)
    path = (
        folder
        / {"shard": ONE, "index": "model.safetensors.index.json", "config": "config.json", "itself": "w.npy"}[
            where
        ]
    )
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    result: list[TriplepointError] = []
    source = path if where == "itself" else folder
    thread = threading.Thread(target=lambda: result.append(refusal(source)), daemon=True)
    thread.start()
    thread.join(10)
    assert result, "it waits"
    assert "not a regular file" in result[0].found


def test_a_device_is_refused(tmp_path: Path) -> None:
    assert "not a regular file" in refusal(Path("/dev/zero")).found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"weight_map": []}',
        '{"weight_map": {}}',
        '{"metadata": {}}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": ["x"]}}',
        '{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}',
        '{"weight_map": {}, "weight_map": {}}',
        "[" * 200_000,
        '{"a":' * 9_000 + "1" + "}" * 9_000,
        '{"weight_map": ' + "9" * 5000 + "}",
        "[" + "[]," * 20_000 + "[]]",
    ],
)
def test_a_broken_index_is_one_clear_error(tmp_path: Path, text: str) -> None:
    folder = sharded(tmp_path)
    (folder / "model.safetensors.index.json").write_text(text)
    refusal(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"gpt2"', "[" * 200_000, "\udcff"])
def test_a_broken_config_is_an_error_and_not_an_absence(tmp_path: Path, text: str) -> None:
    folder = sharded(tmp_path)
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "config.json" in refusal(folder).asked
    assert "config.json" in refusal(folder / ONE).asked


def test_files_over_their_size_limit_are_refused_unread(tmp_path: Path) -> None:
    folder = sharded(tmp_path)
    with (folder / "config.json").open("wb") as file:
        file.truncate(5 * 2**20)
    assert "more than 4,194,304" in refusal(folder).found
    with (folder / "model.safetensors.index.json").open("wb") as file:
        file.truncate(65 * 2**20)
    assert "more than 67,108,864" in refusal(folder).found


def test_a_config_beside_a_single_file_is_read_too(tmp_path: Path) -> None:
    good(tmp_path / "x.safetensors", w=(2, 2))
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "limit": Infinity}')
    assert checkpoints.open(tmp_path / "x.safetensors").config["model_type"] == "gpt2"


def test_a_folder_without_safetensors_says_what_it_holds(tmp_path: Path) -> None:
    assert "empty" in refusal(tmp_path).found
    (tmp_path / "unet").mkdir()
    good(tmp_path / "unet" / "x.safetensors", w=(2, 2))
    assert "'unet'" in refusal(tmp_path).next
    np.save(tmp_path / "w.npy", np.ones(3))
    assert "'w.npy'" in refusal(tmp_path).found
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    assert "'pytorch_model.bin'" in refusal(tmp_path, UnsafeCheckpoint).found


def test_the_digest_of_a_folder_covers_every_shard(tmp_path: Path) -> None:
    before = checkpoints.open(sharded(tmp_path)).digest()
    good(tmp_path / TWO, c=(5, 6))
    assert checkpoints.open(tmp_path).digest() != before


@pytest.mark.parametrize("below", ["model", "models/model"])
def test_a_folder_without_weights_names_the_folder_below_that_has_them(tmp_path: Path, below: str) -> None:
    (tmp_path / below).mkdir(parents=True)
    good(tmp_path / below / "model.safetensors", w=(2, 2))
    (tmp_path / "notes").mkdir()
    with pytest.raises(UnreadableCheckpoint, match="no safetensors itself") as caught:
        checkpoints.open(tmp_path)
    assert below in caught.value.next
    assert "notes" not in caught.value.next


def test_the_look_for_a_hint_ends_after_a_bounded_number_of_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    for number in range(30):
        (tmp_path / f"{number}").mkdir()
        for inner in range(5):
            (tmp_path / f"{number}" / f"{inner}.txt").touch()
    seen: list[str] = []
    scandir = os.scandir

    class Counted:
        def __init__(self, path: Any) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *problem: object) -> None:
            self.entries.close()

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            entry = next(self.entries)
            seen.append(entry.path)
            return entry

    monkeypatch.setattr(huggingface, "_LOOK_AT", 20)
    monkeypatch.setattr(os, "scandir", Counted)
    with pytest.raises(UnreadableCheckpoint):
        checkpoints.open(tmp_path)
    assert len(seen) <= 21
    seen.clear()
    monkeypatch.setattr(huggingface, "_LOOK_AT", 10_000)
    with pytest.raises(UnreadableCheckpoint):
        checkpoints.open(tmp_path)
    assert len(seen) == 31 + 30 * 5 + 1 + 1  # three levels: c is seen, d is not


FIRST, SECOND = "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are evaluated here, without the 0.08 s that a process takes."""
    monkeypatch.setattr(isolated, "run", here)


def pickled(folder: Path, weight_map: Mapping[str, Any] | None = None) -> Path:
    """Two shards of torch.save with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    archive(folder / FIRST, {"a": tensor()})
    archive(folder / SECOND, {"b": tensor(), "c": tensor((4,), (1,))})
    honest = {"a": FIRST, "b": SECOND}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map or honest}))
    return folder


def test_pickled_shards_are_read_where_pickles_are_allowed(same_process: None, tmp_path: Path) -> None:
    folder = pickled(tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    for source in (folder, folder / "pytorch_model.bin.index.json"):
        assert "--allow-pickle" in refusal(source, UnsafeCheckpoint).next
        reader = checkpoints.open(source, allow_pickle=True)
        assert reader.format == "torch-sharded"
        assert reader.config["model_type"] == "gpt2"
        assert [info.name for info in reader.tensors()] == ["a", "b", "c"]
        assert reader.read("b").tolist() == [[1, 2], [3, 4]]
    (folder / "pytorch_model.bin.index.json").unlink()
    assert names(folder, allow_pickle=True) == ["a", "b", "c"]
    (folder / SECOND).unlink()
    assert f"'{SECOND}'" in refusal(folder, allow_pickle=True).found


def test_equal_places_in_two_shards_are_no_tie(same_process: None, tmp_path: Path) -> None:
    for shard, name in ((FIRST, "a"), (SECOND, "b")):
        archive(tmp_path / shard, {name: tensor()})
    alone = [checkpoints.open(tmp_path / shard, allow_pickle=True).tensors()[0] for shard in (FIRST, SECOND)]
    assert alone[0].storage == alone[1].storage
    one, other = checkpoints.open(tmp_path, allow_pickle=True).tensors()
    assert one.storage != other.storage


def test_the_index_of_pickled_shards_is_held_against_them(same_process: None, tmp_path: Path) -> None:
    assert "places the tensor 'z'" in refusal(pickled(tmp_path, {"z": FIRST}), allow_pickle=True).found
    refusal(pickled(tmp_path, {"a": "../x.bin"}), UnsafeCheckpoint, allow_pickle=True)
    archive(pickled(tmp_path) / FIRST, {"a": tensor(), "b": tensor()})
    assert f"'b' is in '{FIRST}' and '{SECOND}'" in refusal(tmp_path, allow_pickle=True).found


def test_a_single_pickle_is_the_checkpoint_whatever_training_left_beside_it(
    same_process: None, tmp_path: Path
) -> None:
    archive(tmp_path / "weights.ckpt", {"w": tensor()})
    for beside in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "scaler.pt"):
        archive(tmp_path / beside, {"x": tensor()})
    assert names(tmp_path, allow_pickle=True) == ["w"]
    assert "'weights.ckpt'" in refusal(tmp_path, UnsafeCheckpoint).found
    archive(tmp_path / "other.pth", {"v": tensor()})
    error = refusal(tmp_path, allow_pickle=True)
    assert "2 pickled files" in error.found
    assert error.next == "Name one of them."
    archive(tmp_path / "pytorch_model.bin", {"u": tensor(of=storage())})
    assert names(tmp_path, allow_pickle=True) == ["u"]


def test_safetensors_win_over_pickles(same_process: None, tmp_path: Path) -> None:
    good(pickled(tmp_path) / "model.safetensors", w=(2, 2))
    assert names(tmp_path, allow_pickle=True) == names(tmp_path) == ["w"]


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_an_adapter_has_its_own_configuration_over_that_of_the_folder(
    same_process: None, tmp_path: Path, ending: str
) -> None:
    if ending == "bin":
        archive(tmp_path / "adapter_model.bin", {"w": tensor()})
    else:
        good(tmp_path / "adapter_model.safetensors", w=(2, 2))
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8}')
    (tmp_path / "config.json").write_text('{"model_type": "llama", "r": 1}')
    for source in (tmp_path, tmp_path / f"adapter_model.{ending}"):
        reader = checkpoints.open(source, allow_pickle=True)
        assert reader.config == {"peft_type": "LORA", "r": 8, "model_type": "llama"}
    (tmp_path / f"adapter_model.{ending}").rename(tmp_path / f"model.{ending}")
    assert checkpoints.open(tmp_path, allow_pickle=True).config == {"model_type": "llama", "r": 1}


def test_pieces_of_a_distributed_checkpoint_are_answered_with_how_to_join_them(tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(b"")
    (tmp_path / "__0_0.distcp").write_bytes(b"")
    for allow in (True, False):
        assert "dcp_to_torch" in refusal(tmp_path, allow_pickle=allow).next


@pytest.mark.parametrize(
    ("name", "module"), [("m.gguf", "gguf.files"), ("m.onnx", "onnx.files"), ("m.keras", "keras.files")]
)
def test_a_folder_with_one_file_of_another_format_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    np.save(tmp_path / "w.npy", np.ones((3, 4)))
    (tmp_path / name).touch()

    def open_file(source: str, path: Path) -> Any:
        assert path.name == name
        return numpy_files.open_npy(source, tmp_path / "w.npy")

    fake = SimpleNamespace(open_file=open_file)
    monkeypatch.setitem(sys.modules, f"triplepoint.checkpoints.{module}", fake)  # type: ignore[arg-type]
    reader = checkpoints.open(tmp_path)
    assert (reader.source, [info.shape for info in reader.tensors()]) == (str(tmp_path), [(3, 4)])
    stem, _, ending = name.partition(".")
    for part in ("00001", "00002"):
        (tmp_path / f"{stem}-{part}-of-00002.{ending}").touch()
    assert "3 checkpoints" in refusal(tmp_path).found
    (tmp_path / name).unlink()
    name = f"{stem}-00001-of-00002.{ending}"  # the reader of a format that is split finds the other parts
    assert checkpoints.open(tmp_path).read("w").size == 12
    (tmp_path / f"{stem}-00002-of-00002.{ending}").rename(tmp_path / f"other-{stem}.{ending}")
    assert "2 checkpoints" in refusal(tmp_path).found
    good(tmp_path / "model.safetensors", w=(2, 2))
    assert names(tmp_path) == ["w"]
