"""An edited checkpoint as a `Reader`: what its scan sees has the names, axes and ties of the source, and new values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from triplepoint.checkpoints import Reader
from triplepoint.checkpoints.digests import blake2b
from triplepoint.records import TensorInfo


class EditedReader:
    """See `Reader`. `read(name, at)` gives the values; `values` is where they lie, or None where they are made anew."""

    def __init__(
        self, base: Reader, source: str, read: Callable[[str, int | None], Any], values: Reader | None = None
    ) -> None:
        self._base, self._read, self._values = base, read, values
        self.source = source
        self.format = base.format if values is None else values.format

    @property
    def config(self) -> Mapping[str, Any]:
        """That of the source."""
        return self._base.config

    def tensors(self) -> Sequence[TensorInfo]:
        """Those of the source: an edit changes values, no shapes."""
        return self._base.tensors()

    def read(self, name: str, at: int | None = None) -> Any:
        """The edited tensor, or entry `at` of it."""
        return self._read(name, at)

    def prefetch(self, name: str) -> None:
        """See `Reader`."""
        (self._values or self._base).prefetch(name)

    def release(self, name: str) -> None:
        """See `Reader`."""
        (self._values or self._base).release(name)

    def digest(self) -> str:
        """Of the file, where there is one; else of the source and its change."""
        if self._values is not None:
            return self._values.digest()
        return blake2b([self._base.digest().encode(), self.source.encode("utf-8", "backslashreplace")])
