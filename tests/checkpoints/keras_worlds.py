"""HDF5 files written by h5py and read without a second process: fast, and the same code as in it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from triplepoint.checkpoints.hdf5 import child as hdf5_child
from triplepoint.checkpoints.hdf5 import structure as hdf5
from triplepoint.checkpoints.keras import files as keras_files
from triplepoint.checkpoints.stored import FileReader


def described(script: Path, file: BinaryIO, arguments: Sequence[str], **limits: Any) -> bytes:
    """What the child would answer, in place of `isolated.run`."""
    raw = io.FileIO(file.fileno(), closefd=False)
    return json.dumps(hdf5_child.describe(raw, *(int(number) for number in arguments))).encode()


def here(monkeypatch: Any) -> None:
    """Have structures read in this process."""
    monkeypatch.setattr(hdf5.isolated, "run", described)


def opened(path: Path, write: Callable[[Any], object] | None = None, **options: Any) -> FileReader:
    """The reader of a file that `write` has filled."""
    import h5py

    if write is not None:
        with h5py.File(path, "w", **options) as file:
            write(file)
    return keras_files.open_file(str(path), path)


def facts(reader: FileReader) -> dict[str, tuple[str | None, str | None, bool]]:
    """Module, layout and whether it is a buffer, by alias."""
    return {info.alias or info.name: (info.module, info.layout, info.buffer) for info in reader.tensors()}


def values(reader: FileReader) -> dict[str, np.ndarray]:
    """Everything, by alias."""
    return {info.alias or info.name: reader.read(info.name) for info in reader.tensors()}
