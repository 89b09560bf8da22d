"""From the stored bytes of an HDF5 dataset to its values: byte order, chunks and the four filters of h5py."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.hdf5.structure import Chunks, Dataset
from triplepoint.checkpoints.mapped import Bytes
from triplepoint.checkpoints.stored import Array, plain

ArrayValues = Callable[[Bytes, int | None], Array]
"""`stored.Values` that are arrays."""


def values(path: Path, dataset: Dataset) -> ArrayValues | None:
    """How the dataset's range of bytes becomes an array; None where it is refused. Damage: UnreadableCheckpoint.

    Plain data are views. Of chunked data only the chunks that are asked for are unpacked.
    """
    native, chunks = numpy_dtype(dataset.dtype), dataset.chunks
    if dataset.refusal or native is None:
        return None
    if chunks is None:
        straight = cast(ArrayValues, plain(dataset.dtype, dataset.shape))
        return _swapped(native, dataset.shape) if dataset.big else straight

    def assembled(raw: Bytes, at: int | None) -> Array:
        try:
            return _assembled(raw, at, dataset, chunks, native)
        except (ValueError, zlib.error) as error:
            found = f"the tensor {shown(dataset.path)} cannot be unpacked ({shown(error)})"
            raise unreadable(path, found, "Download or save it again.") from None

    return assembled


def _swapped(native: np.dtype[Any], shape: tuple[int, ...]) -> ArrayValues:
    def swapped(raw: Bytes, at: int | None) -> Array:
        bits = raw.view(f">u{native.itemsize}").reshape(shape)
        bits = bits if at is None else bits[at]
        return bits.astype(f"=u{native.itemsize}").view(native)

    return swapped


def _assembled(raw: Bytes, at: int | None, dataset: Dataset, chunks: Chunks, native: np.dtype[Any]) -> Array:
    shape, sides = dataset.shape, chunks.shape
    result = np.empty(shape if at is None else shape[1:], native)
    wanted = list(range(len(chunks.begins)))
    if at is not None:
        at += shape[0] if at < 0 else 0
        first = chunks.starts[:, 0]
        wanted = np.flatnonzero((first <= at) & (at < first + sides[0])).tolist()
    nbytes = math.prod(sides) * native.itemsize
    for k in wanted:
        begin = int(chunks.begins[k]) - dataset.begin
        packed = raw[begin : begin + int(chunks.sizes[k])]
        block = _unpacked(packed, int(chunks.masks[k]), chunks, nbytes)
        block = block.view(f"{'>' if dataset.big else '<'}u{native.itemsize}").reshape(sides)
        start = chunks.starts[k].tolist()
        inside = tuple(slice(0, length - begin) for length, begin in zip(shape, start, strict=True))
        place = tuple(slice(begin, begin + side) for begin, side in zip(start, sides, strict=True))
        if at is not None:
            inside, place = (at - start[0], *inside[1:]), place[1:]
        result.view(f"u{native.itemsize}")[place] = block[inside]
    return result


def _unpacked(packed: Bytes, mask: int, chunks: Chunks, nbytes: int) -> Bytes:
    """One chunk without its filters, the last one undone first; ValueError where it is not `nbytes` long."""
    most = nbytes + nbytes // 64 + 64  # deflate and a checksum make noise longer, by far less than this
    for place, (name, parameters) in reversed(list(enumerate(chunks.filters))):
        if mask >> place & 1:
            continue
        if name == "gzip":
            stream = zlib.decompressobj()
            packed = np.frombuffer(stream.decompress(packed.data, most), np.uint8)
            if not stream.eof:
                raise ValueError("a chunk ends early or inflates beyond its size")
        elif name == "lzf":
            packed = np.frombuffer(_lzf(packed.tobytes(), most), np.uint8)
        elif name == "fletcher32":
            packed = _checked(packed)
        else:
            packed = _unshuffled(packed, parameters[0] if parameters else 1)
    if len(packed) != nbytes:
        raise ValueError(f"a chunk of {nbytes:,} bytes has {len(packed):,}")
    return packed


def _unshuffled(data: Bytes, size: int) -> Bytes:
    """First all first bytes of the elements, then all second ones, …; what is left over at the end as it is."""
    if size < 2 or len(data) < size:
        return data
    whole = len(data) // size * size
    return np.concatenate([data[:whole].reshape(size, -1).T.reshape(-1), data[whole:]])


def _checked(data: Bytes) -> Bytes:
    """The data before a Fletcher checksum (1982) of big-endian 16-bit words; ValueError where it does not agree."""
    if len(data) < 4:
        raise ValueError("a chunk is too short for its checksum")
    data, stored = data[:-4], int.from_bytes(data[-4:].tobytes(), "little")
    even = data if len(data) % 2 == 0 else np.append(data, np.uint8(0))
    words = even.view(">u2").astype(np.uint64)
    weights = np.arange(len(words), 0, -1, dtype=np.uint64) % np.uint64(65535)
    sums = int((words * weights).sum()) << 16, int(words.sum())
    if (sums[0] >> 16) % 65535 != (stored >> 16) % 65535 or sums[1] % 65535 != (stored & 0xFFFF) % 65535:
        raise ValueError("a chunk does not agree with its checksum")
    return data


def _lzf(data: bytes, most: int) -> bytes:
    """LibLZF: runs of up to 32 literal bytes, and copies of up to 264 bytes from up to 8 KiB back."""
    result, at = bytearray(), 0
    try:
        while at < len(data):
            control = data[at]
            at += 1
            if control < 32:
                result += data[at : at + control + 1]
                at += control + 1
            else:
                length = (control >> 5) + 2
                if length == 9:
                    length += data[at]
                    at += 1
                back = ((control & 31) << 8 | data[at]) + 1
                at += 1
                if back > len(result):
                    raise ValueError("a copy begins before the chunk")
                start = len(result) - back
                piece = result[start : start + length]
                result += (piece * (length // back + 1))[:length]
            if len(result) > most:
                raise ValueError("a chunk inflates beyond its size")
    except IndexError:
        raise ValueError("a chunk ends within a copy") from None
    return bytes(result)
