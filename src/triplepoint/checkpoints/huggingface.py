"""Hugging Face folders: one file, or shards with or without an index, and the `config.json` beside them.

The index only says which files belong to the checkpoint and what they must hold. Tensors that a listed shard
holds beyond the index are read too, as every loader does: leaving them out would hide weights.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from triplepoint.checkpoints.files import inside, json_object, shown, unreadable
from triplepoint.checkpoints.formats import refuse_pickle
from triplepoint.checkpoints.limits import MAX_CONFIG_BYTES, MAX_INDEX_BYTES, MAX_TENSORS
from triplepoint.checkpoints.reader import Reader
from triplepoint.checkpoints.safetensors import SafetensorsFile, reader

INDEX = ".safetensors.index.json"
_SHARD = re.compile(r"^(.*)-(\d{5,9})-of-(\d{5,9})\.safetensors$", re.DOTALL)
_LOOK_AT = 2000  # entries that are looked at for a hint, in all; a scan of a home folder must not hang


def open_file(source: str, path: Path) -> Reader:
    """One safetensors file that the user named; a link is followed wherever it leads."""
    return reader(source, [SafetensorsFile(path)], config_beside(path.parent))


def open_index(source: str, path: Path) -> Reader:
    """The shards that a `*.safetensors.index.json` lists, in the order of their names."""
    folder = path.parent
    index = json_object(path, MAX_INDEX_BYTES, unique=True)
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise unreadable(
            path, "it has no weight_map", "Check that it is the index of a safetensors checkpoint."
        )
    if len(weight_map) > MAX_TENSORS:
        raise unreadable(path, f"it names more than {MAX_TENSORS:,} tensors", "Split the checkpoint.")
    for name, shard in weight_map.items():
        if not isinstance(shard, str):
            found = f"the tensor {shown(name)} is mapped to a {type(shard).__name__}, not a file name"
            raise unreadable(path, found, "Repair the index.")
    paths = {shard: inside(folder, shard) for shard in sorted(set(weight_map.values()))}
    missing = [shard for shard, target in paths.items() if not target.exists()]
    _complete(path, missing, len(missing), len(paths))
    files = {shard: SafetensorsFile(target) for shard, target in paths.items()}
    for name, shard in weight_map.items():
        if name not in files[shard].entries:
            found = f"it places the tensor {shown(name)} in {shown(shard)}, which does not hold it"
            raise unreadable(path, found, "Download index and shards again; they are of different versions.")
    return reader(source, list(files.values()), config_beside(folder))


def open_folder(source: str, folder: Path, *, allow_pickle: bool = False) -> Reader:
    """`model.safetensors` if there is one, else the index, else every `*.safetensors` of the folder."""
    names = sorted(_names(folder))
    if "model.safetensors" in names:
        return reader(source, [SafetensorsFile(inside(folder, "model.safetensors"))], config_beside(folder))
    indexes = [name for name in names if name.endswith(INDEX)]
    if len(indexes) == 1:
        return open_index(source, inside(folder, indexes[0]))
    if indexes:
        raise unreadable(source, f"it has {len(indexes)} indexes, {_listed(indexes)}", "Name one of them.")
    shards = [name for name in names if name.endswith(".safetensors")]
    if not shards:
        raise _nothing(source, folder, names)
    _numbering(source, shards)
    files = [SafetensorsFile(inside(folder, name)) for name in shards]
    return reader(source, files, config_beside(folder))


def config_beside(folder: Path) -> Mapping[str, Any]:
    """`config.json` of the folder, empty if there is none. A broken one is an error, not an absence:

    it decides how matrices are oriented, so a scan without it could differ without a word.
    """
    path = folder / "config.json"
    if not os.path.lexists(path):
        return {}
    return json_object(inside(folder, "config.json"), MAX_CONFIG_BYTES, unique=False)


def _numbering(source: str, shards: list[str]) -> None:
    """Names such as `model-00002-of-00003.safetensors` say by themselves whether one is missing."""
    present: dict[tuple[str, str], set[int]] = {}
    for match in filter(None, map(_SHARD.match, shards)):
        present.setdefault((match[1], match[3]), set()).add(int(match[2]))
    for (stem, total), numbers in present.items():
        missing = (number for number in range(1, int(total) + 1) if number not in numbers)
        first = [f"{stem}-{number:0{len(total)}d}-of-{total}.safetensors" for number in islice(missing, 4)]
        _complete(source, first, int(total) - len(numbers), int(total))


def _complete(path: object, first: list[str], missing: int, total: int) -> None:
    if first:
        raise unreadable(
            path,
            f"{missing:,} of {total:,} shards are missing: {_listed(first, missing)}",
            "Download them; `hf download` resumes where it stopped.",
        )


def _nothing(source: str, folder: Path, names: list[str]) -> Exception:
    """The error for a folder without safetensors, with what lies in it or one or two levels below."""
    pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickles:
        return refuse_pickle(source, f"it holds only pickled weights, {_listed(pickles)}")
    arrays = [name for name in names if name.endswith((".npz", ".npy"))]
    if arrays:
        return unreadable(
            source, f"it holds no safetensors, only {_listed(arrays)}", "Name one of these files."
        )
    below = sorted(set(_below(folder)))
    if below:
        return unreadable(
            source,
            "it holds no safetensors itself",
            f"Scan one of its folders: {_listed(below)}.",
        )
    found = f"it holds no safetensors, only {_listed(names)}" if names else "it is empty"
    return unreadable(source, found, "Name a .safetensors, .npz or .npy file, or the folder of a model.")


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


def _listed(names: list[str], total: int | None = None) -> str:
    more = (len(names) if total is None else total) - len(names[:4])
    return ", ".join(shown(name) for name in names[:4]) + (f" and {more:,} more" if more else "")
