"""A checkpoint of several files: which they are, whether one is missing, and that each tensor is in one of them.

The index only says which files belong to the checkpoint and what they must hold. Tensors that a listed shard holds
beyond the index are read too, as every loader does: leaving them out would hide weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from triplepoint.checkpoints.files import inside, json_object, shown, unreadable
from triplepoint.checkpoints.limits import MAX_INDEX_BYTES, MAX_TENSORS
from triplepoint.checkpoints.stored import FileReader, Stored

_NUMBERED = re.compile(r"^(.*)-(\d{5,9})-of-(\d{5,9})(\.[a-z]+)$", re.DOTALL)


class Shard(Protocol):
    """One file that has been opened."""

    path: Path

    @property
    def entries(self) -> Mapping[str, object]:
        """By the name of each tensor."""

    def stored(self) -> Iterator[Stored]:
        """The tensors."""

    def identity(self) -> list[bytes]:
        """What the digest covers beside them."""


def join(source: str, format: str, files: Sequence[Shard], config: Mapping[str, Any]) -> FileReader:
    """One checkpoint of one or more files; a name that occurs in two of them is refused."""
    owner: dict[str, Path] = {}
    for file in files:
        for name in file.entries:
            if name in owner:
                both = f"{shown(owner[name].name)} and {shown(file.path.name)}"
                raise unreadable(source, f"the tensor {shown(name)} is in {both}", "Name one of the files.")
            owner[name] = file.path
    if len(owner) > MAX_TENSORS:
        raise unreadable(source, f"it names more than {MAX_TENSORS:,} tensors", "Split the checkpoint.")
    return FileReader(
        source,
        format if len(files) == 1 else f"{format}-sharded",
        config,
        (stored for file in files for stored in file.stored()),
        (part for file in files for part in file.identity()),
    )


def weight_map(path: Path) -> dict[str, str]:
    """Tensor → file name, as the index says; whether the files hold them is for `promised` to check."""
    index = json_object(path, MAX_INDEX_BYTES, unique=True)
    found = index.get("weight_map")
    if not isinstance(found, dict) or not found:
        raise unreadable(path, "it has no weight_map", "Check that it is the index of a sharded checkpoint.")
    if len(found) > MAX_TENSORS:
        raise unreadable(path, f"it names more than {MAX_TENSORS:,} tensors", "Split the checkpoint.")
    for name, shard in found.items():
        if not isinstance(shard, str):
            kind = type(shard).__name__
            raise unreadable(
                path, f"the tensor {shown(name)} is mapped to a {kind}, not a file name", "Repair the index."
            )
    return found


def shard_paths(path: Path, mapped: Mapping[str, str]) -> list[Path]:
    """The files of an index in the order of their names; each must lie beside it."""
    paths = [inside(path.parent, shard) for shard in sorted(set(mapped.values()))]
    missing = [target.name for target in paths if not target.exists()]
    _complete(path, missing, len(missing), len(paths))
    return paths


def promised(path: Path, mapped: Mapping[str, str], files: Iterable[Shard]) -> None:
    """Every tensor of the index must be in the file that the index names."""
    held = {file.path.name: file.entries for file in files}
    for name, shard in mapped.items():
        if name not in held[shard]:
            found = f"it places the tensor {shown(name)} in {shown(shard)}, which does not hold it"
            raise unreadable(path, found, "Download index and shards again; they are of different versions.")


def numbering(source: str, shards: Iterable[str]) -> None:
    """Names such as `model-00002-of-00003.safetensors` say by themselves whether one is missing."""
    present: dict[tuple[str, str, str], set[int]] = {}
    for match in filter(None, map(_NUMBERED.match, shards)):
        present.setdefault((match[1], match[3], match[4]), set()).add(int(match[2]))
    for (stem, total, ending), numbers in present.items():
        missing = (number for number in range(1, int(total) + 1) if number not in numbers)
        first = [f"{stem}-{number:0{len(total)}d}-of-{total}{ending}" for number in islice(missing, 4)]
        _complete(source, first, int(total) - len(numbers), int(total))


def one_series(names: Iterable[str]) -> bool:
    """Whether all are numbered parts of one checkpoint."""
    matches = [_NUMBERED.match(name) for name in names]
    return (
        len({match and (match[1], match[3], match[4]) for match in matches} - {None}) == 1
        and None not in matches
    )


def listed(names: Sequence[str], total: int | None = None) -> str:
    """The first four names, and how many more there are."""
    more = (len(names) if total is None else total) - len(names[:4])
    return ", ".join(shown(name) for name in names[:4]) + (f" and {more:,} more" if more else "")


def _complete(path: object, first: list[str], missing: int, total: int) -> None:
    if first:
        raise unreadable(
            path,
            f"{missing:,} of {total:,} shards are missing: {listed(first, missing)}",
            "Download them; `hf download` resumes where it stopped.",
        )
