"""Folders: which of their files are the checkpoint.

The order: safetensors (`model.safetensors`, an index, whatever there is), then, where they are allowed, pickled weights
(`pytorch_model.bin`, an index, numbered shards, a single file), then one file of another format. Whoever has several
that do not belong together is asked to name one. A folder of the Hugging Face hub is read as its own loaders do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from triplepoint.checkpoints import formats, shards
from triplepoint.checkpoints.configs import config_beside
from triplepoint.checkpoints.files import inside, unreadable
from triplepoint.checkpoints.reader import Reader
from triplepoint.checkpoints.safetensors import SafetensorsFile
from triplepoint.checkpoints.shards import listed

INDEXES = (".safetensors.index.json", ".bin.index.json")
_WHOLE = ("pytorch_model.bin", "adapter_model.bin")
_BESIDE = re.compile(
    r"(training_args|optimizer|scheduler|scaler|rng_state|random_states)[^.]*\.(bin|pt|pth|pkl)"
)
"""Pickles that a training run leaves beside the weights."""
_OTHER = (".gguf", ".onnx", *formats.KERAS)
_LOOK_AT = 2000  # entries that are looked at for a hint, in all; a scan of a home folder must not hang


def open_file(source: str, path: Path) -> Reader:
    """One safetensors file that the user named; a link is followed wherever it leads."""
    return _safetensors(source, [path])


def open_index(source: str, path: Path, *, allow_pickle: bool) -> Reader:
    """The shards that a `*.index.json` lists, in the order of their names."""
    if path.name.endswith(INDEXES[1]) and not allow_pickle:
        raise formats.refuse_pickle(
            source, "it lists shards that are pickles, which may run code when loaded"
        )
    mapped = shards.weight_map(path)
    paths = shards.shard_paths(path, mapped)
    if path.name.endswith(INDEXES[1]):
        return _torch(source, paths, path, mapped)
    return _safetensors(source, paths, path, mapped)


def open_folder(
    source: str, folder: Path, open_one: Callable[[str, Path], Reader], *, allow_pickle: bool
) -> Reader:
    """The checkpoint of a folder; `open_one` opens the file of another format that is found to be it."""
    names = sorted(_names(folder))
    if "model.safetensors" in names:
        return _safetensors(source, [inside(folder, "model.safetensors")])
    index = _one_index(source, names, INDEXES[0])
    if index:
        return open_index(source, inside(folder, index), allow_pickle=allow_pickle)
    found = [name for name in names if name.endswith(".safetensors")]
    if found:
        shards.numbering(source, found)
        return _safetensors(source, [inside(folder, name) for name in found])
    if ".metadata" in names and any(name.endswith(".distcp") for name in names):
        raise formats.refuse_distributed(source)
    pickles = [name for name in names if name.endswith(formats.TORCH) and not _BESIDE.fullmatch(name)]
    if allow_pickle and pickles:
        return _pickled(source, folder, names, pickles)
    others = [name for name in names if name.endswith(_OTHER)]
    if len(others) == 1 or shards.one_series(others):
        return open_one(source, inside(folder, others[0]))
    if others:
        raise unreadable(source, f"it holds {len(others)} checkpoints, {listed(others)}", "Name one of them.")
    if pickles:
        raise formats.refuse_pickle(source, f"it holds only pickled weights, {listed(pickles)}")
    raise _nothing(source, folder, names)


def _pickled(source: str, folder: Path, names: Sequence[str], pickles: list[str]) -> Reader:
    whole = next((name for name in _WHOLE if name in pickles), None)
    if whole:
        return _torch(source, [inside(folder, whole)])
    index = _one_index(source, names, INDEXES[1])
    if index:
        return open_index(source, inside(folder, index), allow_pickle=True)
    if len(pickles) > 1 and not shards.one_series(pickles):
        raise unreadable(
            source, f"it holds {len(pickles)} pickled files, {listed(pickles)}", "Name one of them."
        )
    shards.numbering(source, pickles)
    return _torch(source, [inside(folder, name) for name in pickles])


def _safetensors(
    source: str, paths: Sequence[Path], index: Path | None = None, mapped: dict[str, str] | None = None
) -> Reader:
    files = [SafetensorsFile(path) for path in paths]
    if index is not None and mapped is not None:
        shards.promised(index, mapped, files)
    return shards.join(source, "safetensors", files, config_beside(paths[0].parent, paths[0].name))


def _torch(
    source: str, paths: Sequence[Path], index: Path | None = None, mapped: dict[str, str] | None = None
) -> Reader:
    # Imported when asked for: it starts processes, which a scan of safetensors does not.
    from triplepoint.checkpoints.torch.files import TorchFile

    files: list[TorchFile] = []
    for path in paths:
        files.append(TorchFile(path, sum(file.size for file in files)))
    if index is not None and mapped is not None:
        shards.promised(index, mapped, files)
    return shards.join(source, "torch", files, config_beside(paths[0].parent, paths[0].name))


def _one_index(source: str, names: Sequence[str], ending: str) -> str | None:
    indexes = [name for name in names if name.endswith(ending)]
    if len(indexes) > 1:
        raise unreadable(source, f"it has {len(indexes)} indexes, {listed(indexes)}", "Name one of them.")
    return indexes[0] if indexes else None


def _nothing(source: str, folder: Path, names: list[str]) -> Exception:
    """The error for a folder without weights, with what lies in it or one or two levels below."""
    arrays = [name for name in names if name.endswith((".npz", ".npy"))]
    if arrays:
        return unreadable(
            source, f"it holds no safetensors, only {listed(arrays)}", "Name one of these files."
        )
    below = sorted(set(_below(folder)))
    if below:
        return unreadable(
            source,
            "it holds no safetensors itself",
            f"Scan one of its folders: {listed(below)}.",
        )
    found = f"it holds no safetensors, only {listed(names)}" if names else "it is empty"
    return unreadable(source, found, "Name a checkpoint file, or the folder of a model.")


def _below(folder: Path) -> Iterator[str]:
    """Folders one or two levels below that hold safetensors, as paths from `folder`; once for each file."""
    for entry in islice(_entries(folder), _LOOK_AT):
        if entry.name.endswith(".safetensors"):
            yield os.path.relpath(os.path.dirname(entry.path), folder)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What lies in the folder and two levels below, level by level."""
    level: list[str] = [str(folder)]
    for _ in range(3):
        deeper: list[str] = []
        for place in level:
            with suppress(OSError), os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir():
                        deeper.append(entry.path)
                    yield entry
        level = deeper


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise unreadable(
            folder, f"it cannot be listed ({error.strerror})", "Check its permissions."
        ) from None
