"""Where an edited copy goes: one file, or a folder with the shards of its source. Never to the source, never over
anything."""  # fmt: skip

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triplepoint.checkpoints import Reader
from triplepoint.checkpoints.files import json_object, shown
from triplepoint.checkpoints.limits import MAX_INDEX_BYTES
from triplepoint.checkpoints.stored import FileReader
from triplepoint.checkpoints.writing import data_bytes, refusal
from triplepoint.errors import UsageError
from triplepoint.records import TensorInfo

ENDING = ".safetensors"
INDEX = ".safetensors.index.json"
_WHOLE = {"adapter_model.bin": "adapter_model.safetensors"}


@dataclass(frozen=True, slots=True)
class Target:
    """A place that has been checked."""

    path: Path
    folder: bool
    shards: tuple[tuple[str, tuple[TensorInfo, ...]], ...]
    """File name and tensors of every file; one where the target is a file."""


def target(out: object, source: object, reader: Reader) -> Target:
    """The place that `out` names; UsageError where an edit must not or cannot be written there."""
    path = _path(out)
    folder = os.fspath(out).endswith(("/", os.sep)) or path.is_dir() or not path.suffix  # type: ignore[call-overload]
    if not folder and path.suffix.lower() != ENDING:
        raise UsageError(
            f"write {path}",
            f"edits are written as safetensors, not {shown(path.suffix)}",
            f"Name a file NAME{ENDING}, or a folder with / at its end",
        )
    if os.path.lexists(path) and not (folder and path.is_dir() and _empty(path)):
        raise UsageError(f"write {path}", "it exists already", "Choose a new name for -o")
    if not path.parent.is_dir():
        raise UsageError(f"write {path}", "its folder does not exist", "Create the folder first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"write {path}", "its folder cannot be written to", "Choose another place for -o")
    if isinstance(source, str | os.PathLike):
        _refuse_inside(path, Path(source))
    shards = _shards(reader) if folder else (("", tuple(reader.tensors())),)
    _refuse_full(path, shards)
    return Target(path, folder, shards)


def _path(out: object) -> Path:
    try:
        text = os.fspath(out)  # type: ignore[call-overload]
    except TypeError:
        text = None
    try:
        valid = isinstance(text, str) and text != "" and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise UsageError(f"write {out!r}", "no path", "Name a file or a folder")
    return Path(str(text))


def _empty(path: Path) -> bool:
    """Whether a folder is there whose place another can take: no link to one, no mounted disk, not where one stands."""
    held = path.is_symlink() or os.path.ismount(path) or os.path.samefile(path, os.curdir)
    return not held and not any(path.iterdir())


def _refuse_inside(path: Path, source: Path) -> None:
    real = Path(os.path.realpath(path))
    if source.is_dir() and real.is_relative_to(os.path.realpath(source)):
        raise UsageError(f"write {path}", "it lies in the source of the edit", "Choose a place outside")


def _refuse_full(path: Path, shards: Sequence[tuple[str, tuple[TensorInfo, ...]]]) -> None:
    needed = sum(data_bytes(tensor) for _, tensors in shards for tensor in tensors)
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        found = f"{needed:,} bytes are needed and {free:,} are free"
        raise UsageError(f"write {path}", found, "Make room, or choose another place for -o")


def refuse_tensors(reader: Reader) -> None:
    """UsageError where a tensor cannot be stored in safetensors as it is."""
    for tensor in reader.tensors():
        found = refusal(tensor)
        if found is None and tensor.decoded is not None:
            found = f"holds codes ({shown(tensor.dtype)}) that the format does not know"
        if found is not None:
            raise UsageError(
                f"edit {shown(reader.source, 300)}",
                f"the tensor {shown(tensor.name)} {found}",
                "Edit the checkpoint that it was made from, before quantisation or conversion",
            )


def _shards(reader: Reader) -> tuple[tuple[str, tuple[TensorInfo, ...]], ...]:
    """Files of the source by name, where they are safetensors; else one."""
    if not isinstance(reader, FileReader) or not reader.format.startswith("safetensors"):
        return ((_WHOLE.get(_only_file(reader), f"model{ENDING}"), tuple(reader.tensors())),)
    found: dict[str, list[TensorInfo]] = {}
    for tensor in reader.tensors():
        place = reader.place(tensor.name)
        assert place is not None, "safetensors are mapped"
        found.setdefault(place[0].name, []).append(tensor)
    if len(found) == 1:
        (name, tensors), *_ = found.items()
        return ((name if name.endswith(ENDING) else f"model{ENDING}", tuple(tensors)),)
    return tuple((name, tuple(tensors)) for name, tensors in found.items())


def _only_file(reader: Reader) -> str:
    """The name of the file in which all of it lies, or nothing: a loader of adapters looks for theirs."""
    if not isinstance(reader, FileReader):
        return ""
    places = [reader.place(tensor.name) for tensor in reader.tensors()]
    names = {place[0].name if place is not None else "" for place in places}
    return names.pop() if len(names) == 1 else ""


def index(target: Target, source: object) -> tuple[str, dict[str, Any]]:
    """Name and content of the index of several shards; what the index of the source says beside the places stays."""
    name, said = f"model{INDEX}", {}
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    if path is not None and path.is_dir():
        path = next((one for one in sorted(path.iterdir()) if one.name.endswith(INDEX)), None)
    if path is not None and path.name.endswith(INDEX):
        name = path.name
        found = json_object(path, MAX_INDEX_BYTES, unique=True).get("metadata")
        said = found if isinstance(found, dict) else {}
    total = sum(data_bytes(tensor) for _, tensors in target.shards for tensor in tensors)
    return name, {
        "metadata": {**said, "total_size": total},
        "weight_map": {tensor.name: name for name, tensors in target.shards for tensor in tensors},
    }
