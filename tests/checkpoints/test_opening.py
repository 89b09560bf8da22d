"""Whatever is named is opened or answered with what to do; opening imports no framework."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.checkpoints.files import good
from tests.checkpoints.pickles import archive, tensor
from triplepoint import checkpoints
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnsafeCheckpoint, UsageError


def refusal(source: object, kind: type[TriplepointError], **options: bool) -> TriplepointError:
    with pytest.raises(TriplepointError) as caught:
        checkpoints.open(source, **options)
    assert type(caught.value) is kind, caught.value
    return caught.value


@pytest.mark.parametrize(
    "id", ["org/name", "meta-llama/Llama-3.1-8B", "sentence-transformers/all-MiniLM-L6-v2"]
)
def test_a_hub_id_is_answered_with_how_to_download_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name = id.split("/")[1]
    error = refusal(id, UnreadableCheckpoint)
    assert error.next == f"Run `hf download {id} --local-dir {name}`, then `triplepoint scan {name}`."


def test_a_mistyped_path_is_answered_with_near_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    good(Path("models/model.safetensors"), w=(2, 2))
    error = refusal("models/modle.safetensors", UnreadableCheckpoint)
    assert "'models/model.safetensors'" in error.next


@pytest.mark.parametrize(
    "path", ["", "no/such/deep/path", "nothing", "a\0b", "x" * 5000, "/no/x.safetensors"]
)
def test_a_path_that_is_nowhere_is_one_line(path: str) -> None:
    assert "\n" not in str(refusal(path, UnreadableCheckpoint))


@pytest.mark.parametrize("extension", ["pt", "pth", "bin", "ckpt", "pkl", "jit", "pth.tar", "PT"])
def test_pickles_are_refused_until_they_are_allowed(tmp_path: Path, extension: str) -> None:
    path = archive(tmp_path / f"model.{extension}", {"w": tensor()})
    error = refusal(path, UnsafeCheckpoint)
    assert error.next.startswith("Run again with `--allow-pickle`")
    assert checkpoints.open(path, allow_pickle=True).read("w").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "way"),
    [("a.joblib", "numpy.savez"), ("a.pdparams", "paddle"), ("a.distcp", "folder"), ("a.tar", "Unpack")],
)
def test_pickles_of_others_are_not_read_even_if_allowed(tmp_path: Path, name: str, way: str) -> None:
    (tmp_path / name).write_bytes(b"\x00")
    assert way in refusal(tmp_path / name, UnreadableCheckpoint, allow_pickle=True).next


@pytest.mark.parametrize(
    ("name", "start", "word"),
    [
        ("m.msgpack", b"", "msgpack"),
        ("m.txt", b"hello", "'.txt'"),
        ("m", b"", "unknown"),
    ],
)
def test_a_format_that_cannot_be_read_is_named(tmp_path: Path, name: str, start: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(start)
    error = refusal(tmp_path / name, UnreadableCheckpoint)
    assert word in error.found
    assert error.next


def test_the_first_bytes_decide_where_the_extension_does_not(tmp_path: Path) -> None:
    good(tmp_path / "x.safetensors", w=(2, 2)).rename(tmp_path / "0123abcd")
    assert checkpoints.open(tmp_path / "0123abcd").format == "safetensors"
    (tmp_path / "model").write_bytes(pickle.dumps([]))
    refusal(tmp_path / "model", UnsafeCheckpoint)
    with zipfile.ZipFile(tmp_path / "weights", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    refusal(tmp_path / "weights", UnsafeCheckpoint)


@pytest.mark.parametrize("source", [None, 3, [1, 2], object()])
def test_an_object_of_another_kind_is_a_usage_error(source: object) -> None:
    refusal(source, UsageError)


def test_bytes_and_path_objects_name_files(tmp_path: Path) -> None:
    path = good(tmp_path / "x.safetensors", w=(2, 2))
    assert checkpoints.open(str(path).encode()).source == checkpoints.open(path).source == str(path)


def test_a_scan_of_a_file_imports_no_framework(tmp_path: Path) -> None:
    path = good(tmp_path / "x.safetensors", w=(9, 9))
    code = (
        "import sys; from triplepoint import checkpoints, matrices; r = checkpoints.open(sys.argv[1]); "
        "[matrices.form(p, r.read(p.name)) for p in matrices.tie(matrices.plan(r.tensors(), r.config), r.read)]; "
        "r.digest(); sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'matplotlib', 'safetensors')))"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0


@pytest.mark.parametrize("source", ["", b""])
def test_an_empty_path_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: object
) -> None:
    monkeypatch.chdir(tmp_path)
    good(Path("model.safetensors"), w=(2, 2))
    error = refusal(source, UnreadableCheckpoint)
    assert error.found == "no path was given"
    assert "variable" in error.next
