"""GGUF files of llama.cpp, whole or split: plain types are mapped, quantised ones decoded when they are read.

A file of plain types needs no further package. One with quantised weights needs `gguf` when it is opened, since
nothing useful could be said without it; a type that the installed package cannot decode costs only its own tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import digests, shards
from triplepoint.checkpoints.files import inside, shown, unreadable
from triplepoint.checkpoints.gguf import names as gguf_names
from triplepoint.checkpoints.gguf import values as gguf_values
from triplepoint.checkpoints.gguf.config import config
from triplepoint.checkpoints.gguf.header import SMALLEST, Entry, GgufError, parse
from triplepoint.checkpoints.limits import MAX_GGUF_PARTS
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.stored import Array, FileReader, Stored, Values, plain
from triplepoint.records import TensorInfo

_PART = re.compile(r"(.*)-([0-9]{5})-of-([0-9]{5})(\.gguf)", re.DOTALL)
_AGAIN = "Download or save it again; a partial download is the usual cause."


class GgufFile:
    """One mapped file whose header has been checked. UnreadableCheckpoint where it has to be refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = MappedFile(path, SMALLEST)
        try:
            self.header = parse(self.file.map)
        except GgufError as error:
            raise unreadable(path, str(error), _AGAIN) from None


@dataclass(frozen=True, slots=True)
class Model:
    """What the parts of one model must know of each other."""

    entries: Mapping[str, tuple[GgufFile, Entry]]
    aliases: Mapping[str, str]
    config: Mapping[str, Any]


@dataclass(slots=True)
class Part:
    """One file of a model, as `shards.join` takes it."""

    path: Path
    file: GgufFile
    model: Model

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Tensors by name."""
        return self.file.header.entries

    def identity(self) -> list[bytes]:
        """What the digest covers beside the entries: the file's name and its header, vocabulary included."""
        file, end = self.file.file, self.file.header.end
        header = digests.blake2b([file.map[:end]])
        file.release(0, end)
        return [self.path.name.encode("utf-8", "surrogateescape"), header.encode()]

    def stored(self) -> Iterator[Stored]:
        """Tensors in stored order."""
        data, width = self.file.header.data, self.model.config.get("intermediate_size")
        for name, entry in self.entries.items():
            values, refusal = _values(name, entry, self.model.entries)
            info = TensorInfo(
                name,
                entry.type.name,
                entry.shape,
                gguf_names.module(name),
                buffer=gguf_names.is_buffer(name),
                alias=self.model.aliases.get(name),
                layout=gguf_names.layout(name, entry.shape, width),
                decoded=None if values is None or entry.type.plain else "F32",
            )
            yield Stored(info, self.file.file, data + entry.begin, data + entry.end, values, refusal)


def open_file(source: str, path: Path) -> FileReader:
    """The file, or for a part `NAME-00002-of-00003.gguf` all parts, which must lie beside it."""
    files = _parts(source, GgufFile(path))
    entries = {name: (file, entry) for file in files for name, entry in file.header.entries.items()}
    types = {entry.type for _, entry in entries.values()}
    packed = sorted(type.name for type in types if type.bytes and not type.plain)
    if packed:
        gguf_values.require(source, packed)
    metadata = files[0].header.metadata
    family = gguf_names.family_of(metadata.get("general.architecture"), entries)
    facts = config(metadata, family.model_type if family else None)
    model = Model(entries, gguf_names.aliases(entries, family), facts)
    return shards.join(source, "gguf", [Part(file.path, file, model) for file in files], facts)


def _values(
    name: str, entry: Entry, entries: Mapping[str, tuple[GgufFile, Entry]]
) -> tuple[Values | None, str]:
    type = entry.type
    if type.plain and type.bytes:
        return plain(type.name, entry.shape), ""
    if not type.bytes or not gguf_values.decodes(type):
        return None, f"has elements of type {type.name}, which the installed gguf cannot decode"
    # NVFP4 and BitNet keep a factor of the whole weight, or of each expert, in a tensor beside it.
    beside = entries.get(f"{name.removesuffix('.weight')}.scale") if name.endswith(".weight") else None
    if beside is None:
        return gguf_values.quantised(type, entry.shape), ""
    file, scale = beside
    experts = entry.shape[: len(entry.shape) - 2]
    if scale.type.name != "F32" or scale.shape not in ((), (1,), experts):
        return None, f"has a scale of type {scale.type.name} and shape {shown(scale.shape)}"
    read, data = plain("F32", scale.shape), file.header.data

    def factors() -> Array:
        assert read is not None
        return np.asarray(read(file.file.bytes(data + scale.begin, data + scale.end), None))

    return gguf_values.quantised(type, entry.shape, factors), ""


def _parts(source: str, named: GgufFile) -> list[GgufFile]:
    """All parts in order; the first holds the metadata of the model."""
    metadata, path = named.header.metadata, named.path
    total = metadata.get("split.count")
    if type(total) is not int or total < 2:
        return [named]
    if total > MAX_GGUF_PARTS:
        found = f"it claims to be one of {total:,} parts, more than {MAX_GGUF_PARTS:,}"
        raise unreadable(path, found, "Join them with `llama-gguf-split --merge`.")
    match = _PART.fullmatch(path.name)
    if match is None or int(match[3]) != total:
        found = f"it is one of {total} parts, but its name does not end in -00001-of-{total:05d}.gguf"
        raise unreadable(path, found, "Give the parts the names that they were written with.")
    names = (f"{match[1]}-{number:05d}-of-{match[3]}{match[4]}" for number in range(1, total + 1))
    paths = [inside(path.parent, name) for name in names]
    shards.numbering(source, [target.name for target in paths if target.exists()])
    files = [GgufFile(target) for target in paths]
    for number, file in enumerate(files):
        said = file.header.metadata.get("split.no"), file.header.metadata.get("split.count")
        if said != (number, total):
            raise unreadable(
                file.path, f"it is not part {number + 1} of {total}", "Download the parts again."
            )
    tensors, held = metadata.get("split.tensors.count"), sum(len(file.header.entries) for file in files)
    if tensors not in (None, held):
        found = f"its parts must hold {shown(tensors)} tensors and hold {held:,}"
        raise unreadable(path, found, "Download the parts again; they are of different versions.")
    return files
