"""One door: from whatever the user named to the reader of its format."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from triplepoint.checkpoints import formats, huggingface, memory
from triplepoint.checkpoints.files import regular_size, shown, unreadable
from triplepoint.checkpoints.limits import MAX_TENSORS
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import UsageError

_OPENERS = {
    ".safetensors": "huggingface",
    ".npy": "numpy_files",
    ".npz": "numpy_files",
    ".gguf": "gguf.files",
    ".onnx": "onnx.files",
    **dict.fromkeys(formats.KERAS, "keras.files"),
    **dict.fromkeys(formats.TORCH, "torch.files"),
}
"""Extension, or the one that the first bytes stand for → the module whose `open_file` reads it."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def open(source: object, *, allow_pickle: bool = False, max_tensors: int = MAX_TENSORS) -> Reader:
    """Open a checkpoint: its names and shapes are known afterwards, its weights have not been read.

    `source`: a file of any format in `formats`, an index of shards, the folder of a model or adapter, or from Python
    an `nn.Module`, a state dict, a dict of arrays. `allow_pickle` admits files written by `torch.save`, of which only
    weights are taken and no code is run. `max_tensors`: a checkpoint that names more is refused.

    Errors: UnreadableCheckpoint for damage, an unknown format or a missing path, UnsafeCheckpoint for pickles
    that were not allowed and for links or shard names that leave their folder, MissingDependency for a format whose
    extra is not installed, UsageError for an object of another type.
    Cost: the headers; a folder of 104 tensors opens in 2 ms.
    """
    reader = _open(source, allow_pickle)
    count = len(reader.tensors())
    if count > max_tensors:
        found = f"it names {count:,} tensors, more than the {max_tensors:,} allowed"
        raise unreadable(reader.source, found, "Raise --max-tensors if you trust it.")
    return reader


def _open(source: object, allow_pickle: bool) -> Reader:
    if isinstance(source, (str, bytes, os.PathLike)):
        return _open_path(os.fspath(source), allow_pickle)
    if memory.is_module(source):
        return memory.open_module(source)
    if isinstance(source, Mapping):
        return memory.open_mapping(source)
    raise UsageError(
        f"scan an object of type {type(source).__name__}",
        "it is neither a path nor a module nor a dict of tensors",
        "Pass a path, an nn.Module, a state dict or a dict of arrays.",
    )


def _open_path(source: str | bytes, allow_pickle: bool) -> Reader:
    source = os.fsdecode(source)
    if not source:  # Path("") would be the current folder
        raise unreadable(source, "no path was given", "Name a file or a folder; is a shell variable unset?")
    path = Path(source)
    if "\0" in source or not os.path.lexists(path):
        raise _missing(source, path)
    if path.is_dir():
        open_one = partial(_open_file, allow_pickle=allow_pickle)
        return huggingface.open_folder(source, path, open_one, allow_pickle=allow_pickle)
    regular_size(path)
    if path.name.endswith(huggingface.INDEXES):
        return huggingface.open_index(source, path, allow_pickle=allow_pickle)
    return _open_file(source, path, allow_pickle=allow_pickle)


def _open_file(source: str, path: Path, *, allow_pickle: bool) -> Reader:
    extension = formats.extension_of(path)
    opener = _OPENERS.get(extension)
    if opener is not None and (allow_pickle or extension not in formats.TORCH):
        # Imported when asked for: each format's library is an extra, and a scan of safetensors needs none of them.
        module = import_module(f"triplepoint.checkpoints.{opener}")
        reader: Reader = module.open_file(source, path)
        return reader
    raise formats.refuse(source, extension)


def _missing(source: str, path: Path) -> Exception:
    """A hub id is answered with how to download it, a mistyped path with near names."""
    folder = path.parent
    # `models/x.safetensors` looks like a hub id too; where the folder exists, a path was meant.
    if _HUB_ID.fullmatch(source) and not folder.exists():
        name = source.split("/")[1]
        return unreadable(
            source,
            "there is no such path, and models are not downloaded by themselves",
            f"Run `hf download {source} --local-dir {name}`, then `triplepoint scan {name}`.",
        )
    try:
        names: list[Any] = os.listdir(folder)
    except (OSError, ValueError):
        return unreadable(source, "there is no such path", "Check its spelling.")
    near = difflib.get_close_matches(path.name, names, n=3)
    hint = (
        f"Did you mean {', '.join(shown(folder / name) for name in near)}?" if near else "Check its spelling."
    )
    return unreadable(source, "there is no such path", hint)
