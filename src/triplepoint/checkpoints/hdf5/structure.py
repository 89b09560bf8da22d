"""The datasets of an HDF5 file: where each lies and how it is packed, found without trust in the file.

The HDF5 library walks the structure in a process of its own (`child`): of 7,500 damaged files 15 crashed it and
16 never came back. Its answer is checked here as if the file had written it, and the bytes are read from the map.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.files import open_regular, shown
from triplepoint.checkpoints.limits import (
    FREE_INFLATION_BYTES,
    MAX_BYTES,
    MAX_HDF5_ANSWER_BYTES,
    MAX_HDF5_CHUNKS,
    MAX_HDF5_MEMORY,
    MAX_HDF5_SECONDS,
    MAX_INFLATED_BYTES,
    MAX_INFLATION,
    MAX_RANK,
    MAX_TENSORS,
)
from triplepoint.errors import MissingDependency

_CHILD = Path(__file__).with_name("child.py")
MAX_LABEL = 200
"""Longest name of a layer; real ones stay under 60."""
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}


class Hdf5Error(ValueError):
    """What is wrong with a file, as one clause."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """A dataset in equal blocks, each packed by itself. Every grid place has one chunk, within the file."""

    shape: tuple[int, ...]
    filters: tuple[tuple[str, tuple[int, ...]], ...]
    """Name and parameters, in the order of packing."""
    starts: np.ndarray[Any, np.dtype[np.int64]]
    """(chunks, dimensions): first index along every axis."""
    masks: np.ndarray[Any, np.dtype[np.int64]]
    """(chunks,): bit i is set where filter i was left out."""
    begins: np.ndarray[Any, np.dtype[np.int64]]
    """(chunks,): byte of the file."""
    sizes: np.ndarray[Any, np.dtype[np.int64]]
    """(chunks,): bytes as stored."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One array under one path; a second hard link is a second one at the same place."""

    path: str
    dtype: str
    """Safetensors spelling, or a word for what is no number."""
    shape: tuple[int, ...]
    big: bool = False
    """Most significant byte first."""
    begin: int = 0
    end: int = 0
    """The bytes within the file; from the first to the last chunk where there are chunks."""
    chunks: Chunks | None = None
    refusal: str = ""
    """Why its values are not read, as a clause after "the tensor …"."""


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """What a file holds, optimizer state left out."""

    datasets: tuple[Dataset, ...]
    labels: Mapping[str, str]
    """The `name` attribute of groups that are called `vars`: Keras 3 keeps the names of layers there."""
    config: str
    """The attribute `model_config`, or nothing."""
    keras: bool
    """Whether the file says that Keras wrote it."""


def structure(path: Path, begin: int, size: int) -> Structure:
    """Of the HDF5 file that is the range of `size` bytes from `begin`. Hdf5Error, UnreadableCheckpoint.

    Cost: a second Python process with h5py, 0.3 s, and 0.4 ms a dataset. Nothing of the values is read.
    """
    if find_spec("h5py") is None:
        raise MissingDependency(
            f"read {shown(path, 300)}", "h5py is not installed", "Run `pip install 'triplepoint[formats]'`."
        )
    with open(open_regular(path), "rb") as file:
        try:
            answer = isolated.run(
                _CHILD,
                file,
                [str(number) for number in (begin, size, MAX_TENSORS, MAX_HDF5_CHUNKS)],
                memory=MAX_HDF5_MEMORY,
                seconds=MAX_HDF5_SECONDS + min(size >> 20, 100),
                answer=min(MAX_HDF5_ANSWER_BYTES, 2**20 + 4 * size),
                environment={"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"},
            )
        except isolated.Failed as error:
            raise Hdf5Error(str(error)) from None
    return parse(answer, size)


def parse(answer: bytes, size: int) -> Structure:
    """The child's answer about a file of `size` bytes, checked."""
    try:
        said = json.loads(answer)
        if "error" in said:
            raise Hdf5Error(f"it is not a whole HDF5 file ({shown(said['error'], 200)})")
        objects = [dict(described) for described in said["objects"]]
        kinds = [_dataset(described, size) for described in objects]
        datasets = tuple(_named(path, kinds[_count(index)]) for path, index in said["names"])
        labels = {str(group): str(label)[:MAX_LABEL] for group, label in said["labels"].items()}
        return Structure(datasets, labels, str(said["config"] or ""), bool(said["keras"]))
    except (
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        if isinstance(error, Hdf5Error):
            raise
        raise Hdf5Error("its structure cannot be described") from None


def _named(path: object, dataset: Dataset) -> Dataset:
    if not isinstance(path, str) or path.count("/") > 100:
        raise Hdf5Error("its groups are nested too deeply")
    return replace(dataset, path=path)


def _dataset(said: Mapping[str, Any], size: int) -> Dataset:
    """One object of the answer; what is wrong with it becomes its refusal."""
    dtype = str(said["dtype"])[:40]
    shape: tuple[int, ...] = ()
    try:
        shape = tuple(_count(side) for side in said.get("shape", ()))
        native = numpy_dtype(dtype)
        if refusal := str(said.get("refusal", "")):
            raise Hdf5Error("".join(filter(str.isprintable, refusal[:300])))
        if native is None:
            raise Hdf5Error(f"holds elements of type {dtype}, not numbers")
        if len(shape) > MAX_RANK or math.prod(side for side in shape if side) * 16 > MAX_BYTES:
            raise Hdf5Error("is larger than any memory")
        big, nbytes = bool(said["big"]), math.prod(shape) * native.itemsize
        if nbytes == 0:
            return Dataset("", dtype, shape, big)
        if "index" in said:
            chunks = _chunks(said, shape, native.itemsize, size)
            begin, end = int(chunks.begins.min()), int((chunks.begins + chunks.sizes).max())
            return Dataset("", dtype, shape, big, begin, end, chunks)
        if said["begin"] is None:
            raise Hdf5Error("was never written")
        begin = _count(said["begin"])
        if said["stored"] < nbytes or begin + nbytes > size:
            raise Hdf5Error(f"needs {nbytes:,} bytes, more than there are at its place")
        return Dataset("", dtype, shape, big, begin, begin + nbytes)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        refusal = str(error) if isinstance(error, Hdf5Error) else "is damaged"
        return Dataset("", dtype, shape, refusal=refusal)


def _chunks(said: Mapping[str, Any], shape: tuple[int, ...], itemsize: int, size: int) -> Chunks:
    side = tuple(_count(side) for side in said["chunk"])
    codes = [code for code, _ in said["filters"]]
    if strange := [code for code in codes if code not in _FILTERS]:
        raise Hdf5Error(f"is packed by the HDF5 filter {strange[0]}, which is not read")
    filters = tuple(
        (_FILTERS[code], tuple(_count(value) for value in values)) for code, values in said["filters"]
    )
    if len(side) != len(shape) or 0 in side or len(filters) > 8:
        raise Hdf5Error("has chunks that do not fit its shape")
    grid = [-(-length // step) for length, step in zip(shape, side, strict=True)]
    places, packed = math.prod(grid), math.prod(side) * itemsize
    if len(said["index"]) != places:
        raise Hdf5Error(f"has {len(said['index']):,} of its {places:,} chunks in the file")
    table = np.asarray(said["index"], np.int64).reshape(places, len(shape) + 3)
    starts, masks, begins, sizes = table[:, :-3], table[:, -3], table[:, -2], table[:, -1]
    at = starts // side
    if (starts % side).any() or (at < 0).any() or (at >= grid).any() or len(np.unique(at, axis=0)) < places:
        raise Hdf5Error("has chunks that do not fit its shape")
    stored = sum(sizes.tolist())
    if (sizes < 1).any() or (begins < 0).any() or (begins > size - sizes).any() or stored > size:
        raise Hdf5Error("has chunks that reach beyond the end of the file")
    if not filters and (sizes != packed).any():
        raise Hdf5Error("has chunks of another size than their elements")
    whole = places * packed
    if whole > MAX_INFLATED_BYTES or (whole > FREE_INFLATION_BYTES and whole > MAX_INFLATION * stored):
        raise Hdf5Error(f"would inflate {stored:,} bytes to {whole:,}")
    return Chunks(side, filters, starts, masks, begins, sizes)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise Hdf5Error("is damaged")
    return value
