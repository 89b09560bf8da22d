"""One door: from whatever the user named to the reader of its format."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triplepoint.checkpoints import formats, huggingface, memory, numpy_files
from triplepoint.checkpoints.files import regular_size, shown, unreadable
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def open(source: object, *, allow_pickle: bool = False) -> Reader:
    """Open a checkpoint: its names and shapes are known afterwards, its weights have not been read.

    `source`: a `.safetensors`, `.npz` or `.npy` file, a `*.safetensors.index.json`, a folder with
    safetensors, or from Python an `nn.Module`, a state dict, a dict of arrays.

    Errors: UnreadableCheckpoint for damage, an unknown format or a missing path, UnsafeCheckpoint for pickles
    and for links or shard names that leave their folder, UsageError for an object of another type.
    Cost: the headers; a folder of 104 tensors opens in 2 ms.
    """
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
        return huggingface.open_folder(source, path)
    regular_size(path)
    if path.name.endswith(huggingface.INDEX):
        return huggingface.open_index(source, path)
    extension = formats.extension_of(path)
    if extension == ".safetensors":
        return huggingface.open_file(source, path)
    if extension == ".npy":
        return numpy_files.open_npy(source, path)
    if extension == ".npz":
        return numpy_files.open_npz(source, path)
    raise formats.refuse(source, extension, allow_pickle=allow_pickle)


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
