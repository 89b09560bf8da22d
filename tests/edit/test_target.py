"""Claim: a copy goes to a new place or nowhere, whole or not at all, with what it needs to load beside it."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from tests.edit.copies import held, model, saved
from triplepoint import edit_checkpoint
from triplepoint.edit import companions, running, target, tensors
from triplepoint.errors import UnreadableCheckpoint, UsageError


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


REFUSED = {
    "m": "exists already",
    "m/out.safetensors": "lies in the source",
    "m/sub/": "lies in the source",
    "m/model.safetensors": "exists already",
    "file.safetensors": "exists already",
    "full": "exists already",
    "dangling": "exists already",
    "x.bin": "written as safetensors",
    "v1.5": "with / at its end",
    "none/out.safetensors": "folder does not exist",
    "": "no path",
}


@pytest.mark.parametrize("out", REFUSED)
def test_places_that_are_refused_before_anything_is_read(tmp_path, monkeypatch, out):
    saved(tmp_path / "m", model())
    (tmp_path / "file.safetensors").write_bytes(b"mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    before = tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running.scanning, "run", lambda *_, **__: pytest.fail("it was scanned"))
    with pytest.raises(UsageError, match=REFUSED[out]):
        edit_checkpoint("m", out, keep=3)
    assert tree(tmp_path) == before


def test_a_link_into_the_source_is_seen_through(tmp_path):
    saved(tmp_path / "m", model())
    (tmp_path / "link").symlink_to("m")
    with pytest.raises(UsageError, match="lies in the source"):
        edit_checkpoint(tmp_path / "m", tmp_path / "link" / "out.safetensors", keep=3)
    with pytest.raises(UsageError, match="lies in the source"):
        edit_checkpoint(tmp_path / "link", tmp_path / "m" / "out.safetensors", keep=3)


def test_a_place_is_named_or_the_run_is_dry(tmp_path):
    with pytest.raises(UsageError, match="no place to write to"):
        edit_checkpoint(model(), keep=3)
    with pytest.raises(UsageError, match="no path"):
        edit_checkpoint(model(), 7, keep=3)
    (tmp_path / "out.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match="exists"):
        edit_checkpoint(model(), tmp_path / "out.safetensors", keep=3, dry_run=True)


def test_no_room_is_known_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(target.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UsageError, match="1,000 are free"):
        edit_checkpoint(model(), tmp_path / "out.safetensors", keep=3)


@pytest.mark.parametrize("out", ["out.safetensors", "out"])
@pytest.mark.parametrize(
    "error", [RuntimeError("half way"), OSError(28, "No space left on device"), KeyboardInterrupt()]
)
def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch, out, error):
    saved(tmp_path / "m", model())
    before, real = tree(tmp_path), tensors.EditedTensors.read

    def read(self, name, at=None):
        if name == "layer.1.weight":
            raise error
        return real(self, name, at)

    monkeypatch.setattr(tensors.EditedTensors, "read", read)
    with pytest.raises((type(error), UsageError)):
        edit_checkpoint(tmp_path / "m", tmp_path / out, keep=3)
    assert tree(tmp_path) == before


def test_nothing_has_the_name_before_it_is_scanned(tmp_path, monkeypatch):
    saved(tmp_path / "m", model())
    seen, real = [], running.scanning.run

    def run(*args, **more):
        seen.append((tmp_path / "out").exists())
        return real(*args, **more)

    monkeypatch.setattr(running.scanning, "run", run)
    edit_checkpoint(tmp_path / "m", tmp_path / "out", keep=3)
    assert seen == [False, False]
    assert (tmp_path / "out").exists()


def test_an_interrupted_scan_ends_the_edit(tmp_path, monkeypatch):
    saved(tmp_path / "m", model())
    real, calls = running.scanning.run, []

    def run(request, *, on_row=None, reader=None):
        calls.append(1)

        def press(*_):
            if len(calls) == 2:
                raise KeyboardInterrupt

        return real(request, on_row=press, reader=reader)

    monkeypatch.setattr(running.scanning, "run", run)
    with pytest.raises(KeyboardInterrupt):
        edit_checkpoint(tmp_path / "m", tmp_path / "out", keep=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


def beside(folder: Path) -> None:
    """What lies in the folder of a model, and what must not leave it."""
    (folder / "config.json").write_text(json.dumps({"model_type": "x"}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "vocab.txt").write_text("a\nb\n")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"weights")
    (folder / "modeling_x.py").write_text("import os")
    (folder / "1_Pooling" / "code.py").write_text("import os")
    (folder / "spiece.model").write_bytes(b"\n\x0e\n\x05<unk>")
    (folder / "tokenizer.model").write_bytes(pickle.dumps([1]))
    (folder / "training_args.bin").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.json").write_text("{}")
    (folder / "deep").mkdir()
    (folder / "deep" / "deeper").mkdir()
    (folder / "deep" / "deeper" / "a.json").write_text("{}")
    (folder / "deep" / "other.safetensors").write_bytes(b"weights")
    secret = folder.parent / "secret.json"
    secret.write_text('"secret"')
    (folder / "stolen.json").symlink_to(secret)
    (folder / "outside").symlink_to(folder.parent)
    (folder / "same.json").symlink_to("config.json")


def test_small_companions_are_copied_and_nothing_else(tmp_path):
    source = saved(tmp_path / "m", model())
    beside(source)
    report = edit_checkpoint(source, tmp_path / "out", keep=3)
    parts = ["1_Pooling", "1_Pooling/config.json", "2_Dense", "2_Dense/model.safetensors"]
    texts = ["config.json", "same.json", "spiece.model", "tokenizer.json", "vocab.txt"]
    assert tree(tmp_path / "out") == sorted([*parts, *texts, "model.safetensors"])
    assert (tmp_path / "out" / "2_Dense" / "model.safetensors").read_bytes() == b"weights"
    assert not (tmp_path / "out" / "same.json").is_symlink()
    assert report.notes == ("'stolen.json' was not copied: it is a link that leads out of its folder.",)


def test_large_companions_and_too_many_are_said(tmp_path, monkeypatch):
    source = saved(tmp_path / "m", model(), model_type="x")
    (source / "tokenizer.json").write_text("x" * 100)
    (source / "zz.txt").write_text("x")
    monkeypatch.setattr(companions, "MAX_FILE_BYTES", 99)
    found, notes = companions.companions(source)
    assert [one.name for one in found] == ["config.json", "zz.txt"]
    assert "tokenizer.json" in notes[0]
    monkeypatch.setattr(companions, "MAX_FILES", 1)
    found, notes = companions.companions(source)
    assert [one.name for one in found] == ["config.json"]
    assert "More than 1 files" in notes[-1]


def test_links_of_the_hub_cache_are_followed(tmp_path):
    blobs, revision = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    revision.mkdir(parents=True)
    saved(tmp_path / "m", model(), model_type="x")
    for name in ("model.safetensors", "config.json"):
        os.rename(tmp_path / "m" / name, blobs / f"hash-{name}")
        (revision / name).symlink_to(f"../../blobs/hash-{name}")
    edit_checkpoint(revision, tmp_path / "out", keep=3)
    assert tree(tmp_path / "out") == ["config.json", "model.safetensors"]


def test_companions_come_with_folders_indexes_and_configured_files(tmp_path):
    plain = saved(tmp_path / "plain", model())
    (plain / "letters.txt").write_text("private")
    edit_checkpoint(plain / "model.safetensors", tmp_path / "a", keep=3)
    assert tree(tmp_path / "a") == ["model.safetensors"]
    whole = saved(tmp_path / "whole", model(), model_type="x")
    edit_checkpoint(whole / "model.safetensors", tmp_path / "b", keep=3)
    assert tree(tmp_path / "b") == ["config.json", "model.safetensors"]
    (tmp_path / "empty").mkdir()
    edit_checkpoint(whole, tmp_path / "empty", keep=3)
    assert tree(tmp_path / "empty") == ["config.json", "model.safetensors"]
    edit_checkpoint(model(), f"{tmp_path}/memory.v2/", keep=3)
    assert tree(tmp_path / "memory.v2") == ["model.safetensors"]


def test_the_source_is_the_same_afterwards(tmp_path):
    source = saved(tmp_path / "m", model())
    before = (source / "model.safetensors").read_bytes()
    edit_checkpoint(source, tmp_path / "out", keep=3)
    assert (source / "model.safetensors").read_bytes() == before
    assert set(held(tmp_path / "out")) == set(model())


def test_pickled_weights_become_safetensors(tmp_path):
    torch = pytest.importorskip("torch")
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    torch.save(
        {name: torch.from_numpy(array) for name, array in model().items()}, folder / "pytorch_model.bin"
    )
    edit_checkpoint(folder, tmp_path / "out", keep=3, allow_pickle=True)
    assert tree(tmp_path / "out") == ["config.json", "model.safetensors"]
    from safetensors import safe_open

    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert file.metadata()["format"] == "pt"
        assert torch.linalg.matrix_rank(file.get_tensor("layer.0.weight"), rtol=1e-4) == 3


def test_a_copy_of_a_pickled_adapter_has_the_name_that_its_loader_looks_for(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.numpy import load_file

    from tests.edit.test_products import adapter

    folder = adapter(tmp_path / "a")
    factors = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(
        {name: torch.from_numpy(array) for name, array in factors.items()}, folder / "adapter_model.bin"
    )
    for source, out in ((folder, "b"), (folder / "adapter_model.bin", "c")):
        edit_checkpoint(source, tmp_path / out, keep=3, allow_pickle=True)
        assert tree(tmp_path / out) == ["adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize("out", [".", "./", "link", "link/", "mount"])
def test_folders_whose_place_no_other_can_take_are_known_beforehand(tmp_path, monkeypatch, out):
    saved(tmp_path / "m", model())
    for name in ("here", "empty", "here/mount"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("empty")
    if out == "mount":
        monkeypatch.setattr(target.os.path, "ismount", lambda path: path == tmp_path / "empty")
        out = tmp_path / "empty"
    elif out.startswith("link"):
        out = f"{tmp_path}/{out}"
    else:
        (tmp_path / "here" / "mount").rmdir()
        monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(running.scanning, "run", lambda *_, **__: pytest.fail("it was scanned"))
    with pytest.raises(UsageError, match="exists already"):
        edit_checkpoint(tmp_path / "m", out, keep=3)


def test_a_folder_that_cannot_be_written_to_is_known_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(target.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        edit_checkpoint(model(), tmp_path / "out.safetensors", keep=3)
    with pytest.raises(UsageError, match="no path"):
        edit_checkpoint(model(), f"{tmp_path}/a\ud800", keep=3)


def test_companions_that_cannot_be_read_are_said(tmp_path, monkeypatch):
    source = saved(tmp_path / "m", model(), model_type="x")
    (source / "closed").mkdir()
    (source / "secret.txt").write_text("x")
    real_list, real_open = os.listdir, Path.open

    def listed(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real_list(path)

    def opened(self, *args, **more):
        if self.name == "secret.txt":
            raise PermissionError(13, "Permission denied")
        return real_open(self, *args, **more)

    monkeypatch.setattr(companions.os, "listdir", listed)
    monkeypatch.setattr(Path, "open", opened)
    found, notes = companions.companions(source)
    assert [one.name for one in found] == ["config.json"]
    assert notes == [
        "'closed' was not copied: it cannot be read (Permission denied).",
        "'secret.txt' was not copied: it cannot be read (Permission denied).",
    ]


def test_a_companion_never_replaces_a_shard_of_its_name(tmp_path):
    from safetensors.numpy import save_file

    folder, arrays = tmp_path / "m", model()
    folder.mkdir()
    files = {"layer.0.weight": "tokenizer.json", "layer.1.weight": "model-2.safetensors"}
    for name, file in files.items():
        save_file({name: arrays[name]}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    report = edit_checkpoint(folder, tmp_path / "out", keep=3)
    found = held(tmp_path / "out")
    assert all(found[matrix.name].tobytes() != arrays[matrix.name].tobytes() for matrix in report.changed)
    assert len(report.changed) == 2


def test_metadata_that_cannot_be_kept_are_known_beforehand(tmp_path, monkeypatch):
    source = saved(tmp_path / "m", model(), {"note": "x" * 1000})
    monkeypatch.setattr("triplepoint.checkpoints.safetensors_header.MAX_METADATA_BYTES", 100)
    monkeypatch.setattr(running.scanning, "run", lambda *_, **__: pytest.fail("it was scanned"))
    with pytest.raises(UnreadableCheckpoint, match="metadata"):
        edit_checkpoint(source, tmp_path / "out", keep=3)
