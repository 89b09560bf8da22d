"""Values of an ONNX model that lie in files beside it: which bytes of which file, without leaving the folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_ONNX_FILES
from triplepoint.checkpoints.mapped import MappedFile
from triplepoint.checkpoints.onnx.records import Tensor
from triplepoint.checkpoints.onnx.values import nbytes
from triplepoint.errors import UnreadableCheckpoint, UnsafeCheckpoint

_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes of another file, or why there are none."""

    file: MappedFile | None
    begin: int = 0
    end: int = 0
    fault: str = ""
    """One clause."""


class Beside:
    """The files beside one model, each mapped once."""

    def __init__(self, model: Path) -> None:
        self.folder = model.parent
        self.home = model.parent.resolve()
        self._files: dict[str, MappedFile | str] = {}

    def names(self) -> list[str]:
        """Of the files that were looked for."""
        return sorted(self._files)

    def place(self, tensor: Tensor) -> Place:
        """Where the values of an external tensor are. UnsafeCheckpoint for a path that leaves the folder."""
        keys = dict(tensor.external or ())
        if len(keys) < len(tensor.external or ()):
            return Place(None, fault="says twice where its values are")
        location = keys.get("location")
        if not location:
            return Place(None, fault="does not say in which file its values are")
        found = self._file(location)
        if isinstance(found, str):
            return Place(None, fault=found)
        offset, length = keys.get("offset", "0"), keys.get("length", str(nbytes(tensor)))
        if not (_NUMBER.fullmatch(offset) and _NUMBER.fullmatch(length)):
            return Place(None, fault=f"is said to lie at byte {shown(offset)} with {shown(length)} bytes")
        begin, end = int(offset), int(offset) + int(length)
        if end > found.size:
            what = f"is said to end at byte {end:,} of {shown(location)}, which has {found.size:,}"
            return Place(None, fault=what)
        return Place(found, begin, end)

    def _file(self, location: str) -> MappedFile | str:
        """The mapped file, or one clause that says why it cannot be had."""
        if location not in self._files:
            path = self._inside(location)
            if len(self._files) >= MAX_ONNX_FILES:
                return f"is in one of more than {MAX_ONNX_FILES:,} files; save them as one with `onnx.save`"
            try:
                self._files[location] = MappedFile(path)
            except UnreadableCheckpoint as error:
                self._files[location] = f"is in {shown(location)}, but {error.found}"
        return self._files[location]

    def _inside(self, location: str) -> Path:
        """A path below the folder: plain names between slashes, and no link that leads out.

        As with shards (`files.inside`), a link may end in the cache of the Hugging Face hub that the folder is in:
        `snapshots/REVISION/onnx/model.onnx_data -> ../../../blobs/HASH`.
        """
        parts = location.split("/")
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part or ":" in part for part in parts):
            raise self._unsafe(f"it names {shown(location)}, which is not a plain path below its folder")
        path = self.folder.joinpath(*parts)
        try:
            target = self.home.joinpath(*parts).resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, a name that is too long
            return path
        snapshots = next((parent for parent in self.home.parents if parent.name == "snapshots"), None)
        in_cache = snapshots is not None and target.parent == snapshots.parent / "blobs"
        if not (target.is_relative_to(self.home) or in_cache):
            raise self._unsafe(
                f"{shown(location)} is a link that leads out of its folder, to {shown(target)}"
            )
        return path

    def _unsafe(self, found: str) -> UnsafeCheckpoint:
        return UnsafeCheckpoint(
            f"read {shown(self.folder, 300)}", found, "Do not use this model; its data must lie beside it."
        )
