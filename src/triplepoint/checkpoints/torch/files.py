"""Files written by `torch.save` and TorchScript, without torch and without running what they hold.

Two layouts. Since torch 1.6 an uncompressed zip archive: `NAME/data.pkl` is the structure, `NAME/data/KEY` are the
bytes of one storage. Before, one after another: five pickles, then each storage, its count before it. The structure is
evaluated by a process of its own (`structure`), the bytes are mapped here and read as views, whatever strides.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from triplepoint.checkpoints import zips
from triplepoint.checkpoints.configs import config_beside
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.limits import MAX_TENSORS
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.stored import FileReader, Stored
from triplepoint.checkpoints.torch.names import ITEM_BYTES
from triplepoint.checkpoints.torch.structure import Entry, Structure, structure
from triplepoint.checkpoints.torch.views import Place, stored

_AGAIN = "Download or save it again; a partial download is the usual cause."
_SAVE = "Save it again with `torch.save`."


def open_file(source: str, path: Path) -> FileReader:
    """One file; UnreadableCheckpoint, UnsafeCheckpoint as `structure.structure`. Cost: 0.1 s and the headers."""
    file = TorchFile(path)
    config = config_beside(path.parent, path.name)
    return FileReader(source, "torch", config, file.stored(), file.identity())


class TorchFile:
    """One mapped file whose structure has been understood. `before`: bytes of the shards that precede it."""

    def __init__(self, path: Path, before: int = 0) -> None:
        self.path = path
        self._file = MappedFile(path)
        self._before = before
        start = bytes(self._file.map[:512])
        if start.startswith(b"PK\x03\x04"):
            self._archive()
        elif start[:1] == b"\x80":
            self._legacy()
        elif start[257:262] == b"ustar":
            found = "it is a tar archive; torch 0.1 wrote such files, and nothing else reads them"
            raise unreadable(path, found, "Unpack it, or load and save it again with torch below 2.0.")
        else:
            raise unreadable(
                path, "it is no file that torch.save wrote", "Name a .safetensors or torch file."
            )
        if not self._entries:
            found = "it holds no tensors"
            raise unreadable(
                path, found, "Name the file with the weights; this one may hold settings or an optimiser."
            )
        self.size = self._file.size

    @property
    def entries(self) -> Mapping[str, Entry]:
        """By name, in stored order. A tensor that was saved alone has the file's name."""
        alone = self.path.stem if len(self._entries) == 1 else ""
        return {entry.name or alone: entry for entry in self._entries}

    def identity(self) -> list[bytes]:
        """What the digest covers beside the tensors: the file's name and its pickle."""
        return [self.path.name.encode("utf-8", "surrogateescape"), self._digest]

    def stored(self) -> Iterator[Stored]:
        """Tensors in stored order; one that does not fit its storage is refused by itself."""
        for name, entry in self.entries.items():
            place = self._storages.get(entry.key)
            yield stored(name, entry, self._file, place, self._before)

    def _understand(self, begin: int, length: int) -> Structure:
        found = structure(str(self.path), self.path, begin, length, self._file.size)
        end = found.end if length < 0 else begin + length
        self._digest = hashlib.blake2b(self._file.map[begin:end], digest_size=16).digest()
        self._entries = found.entries
        return found

    def _archive(self) -> None:
        try:
            infos = zips.archive(self._file).infolist()
        except zips.DAMAGE as error:
            found = f"it is not a whole zip archive ({shown(error)})"
            raise unreadable(self.path, found, _AGAIN) from None
        members = {info.filename: info for info in infos}
        if len(infos) > 2 * MAX_TENSORS:
            raise unreadable(self.path, f"it has {len(infos):,} members", "Split the checkpoint.")
        if len(members) < len(infos):
            raise unreadable(self.path, "a member of the archive occurs twice", "Do not use it.")
        names = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(names) != 1:
            found = f"it is a zip archive with {len(names)} `data.pkl` in it; torch.save writes one"
            raise unreadable(self.path, found, _SAVE)
        prefix = names[0].removesuffix("data.pkl")
        pickle = self._member(members[names[0]])
        order = self._member(members[f"{prefix}byteorder"]) if f"{prefix}byteorder" in members else None
        for place in (pickle, order):
            if isinstance(place, str):
                raise unreadable(self.path, f"its structure {place}", _SAVE)
        assert isinstance(pickle, tuple)
        if isinstance(order, tuple) and self._file.map[order[0] : order[1]] != b"little":
            raise unreadable(self.path, "it was written on a big-endian machine", _SAVE)
        self._understand(pickle[0], pickle[1] - pickle[0])
        folder = f"{prefix}data/"
        wanted = {entry.key for entry in self._entries if not entry.refusal}
        self._storages: dict[str, Place] = {
            key: self._member(members[folder + key]) for key in wanted if folder + key in members
        }

    def _member(self, info: zipfile.ZipInfo) -> Place:
        """First and last byte of a member, or a clause that says why there are none."""
        if info.flag_bits & 0x1:
            return "is encrypted"
        if info.compress_type != zipfile.ZIP_STORED:
            return "is compressed, which torch.save never does"
        head = info.header_offset
        if head < 0 or self._file.map[head : head + 4] != b"PK\x03\x04":
            return "does not lie where the archive says"
        begin = zips.begin(self._file, info)
        if begin + info.file_size > self._file.size or info.file_size != info.compress_size:
            return "reaches beyond the end of the archive"
        return begin, begin + info.file_size

    def _legacy(self) -> None:
        found = self._understand(0, -1)
        self._storages = {}
        at = found.end
        for key, dtype, _ in found.storages:
            count = int.from_bytes(self._file.map[at : at + 8], "little")
            begin, at = at + 8, at + 8 + count * ITEM_BYTES.get(dtype, 1)
            if at > self._file.size:
                raise unreadable(self.path, f"its storages end at byte {at:,} of {self._file.size:,}", _AGAIN)
            self._storages[key] = begin, at
