"""The header of a safetensors file, parsed without trusting it.

The grammar is a flat JSON object `{"__metadata__": {text: text}, NAME: {"dtype", "shape", "data_offsets"}}`.
It is scanned in place, entry by entry, instead of being handed to `json.loads` as a whole: a hostile header
of 100 MB (`[[],[],…`) grows to 2 GB of Python objects there, here it fails at its first foreign byte. So
nesting, repeated keys and size need no special case.
"""

from __future__ import annotations

import json
import math
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from triplepoint.checkpoints.dtypes import BITS
from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import (
    MAX_BYTES,
    MAX_ENTRY_BYTES,
    MAX_METADATA_BYTES,
    MAX_NAME_BYTES,
    MAX_RANK,
    MAX_TENSORS,
)

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
_OPEN = re.compile(_SPACE + rb"\{" + _SPACE + rb"(\})?")
_KEY = re.compile(_SPACE + rb"(" + _STRING + rb")" + _SPACE + rb":" + _SPACE)
_TEXT = re.compile(_STRING)
_NULL = re.compile(rb"null")
_ENTRY = re.compile(rb"\{[^{}]{0,%d}+\}" % MAX_ENTRY_BYTES)
_MORE = re.compile(_SPACE + rb"([,}])")
_REST = re.compile(_SPACE)


class HeaderError(ValueError):
    """What is wrong with a header, as one clause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor: `begin` and `end` count bytes from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def parse(buffer: mmap.mmap | bytes, start: int, stop: int) -> dict[str, Entry]:
    """Entries in header order from the bytes `start` to `stop`; HeaderError says what is wrong.

    Checks each entry by itself: types, known dtype, product of the shape against the byte range. `cover`
    checks them together. Cost: 100,000 tensors take three times what `json.loads` takes for them.
    """
    cursor = _Cursor(buffer, start, stop)
    entries: dict[str, Entry] = {}
    metadata_seen = False
    for name in cursor.names():
        if name == "__metadata__":
            if metadata_seen:
                raise HeaderError("`__metadata__` occurs twice")
            metadata_seen = True
            for _ in cursor.metadata():
                pass  # checked and forgotten
            continue
        if name in entries:
            raise HeaderError(f"the tensor {shown(name)} occurs twice")
        if len(entries) == MAX_TENSORS:
            raise HeaderError(f"it names more than {MAX_TENSORS:,} tensors")
        entries[name] = _entry(name, cursor.take(_ENTRY, "a tensor entry").group())
    if cursor.take(_REST, "").end() != stop:
        cursor.refuse("the end of the header")
    return entries


def metadata(buffer: mmap.mmap | bytes, start: int, stop: int) -> dict[str, str]:
    """The texts under `__metadata__` of a header that `parse` has accepted; empty where there are none.

    HeaderError beyond `MAX_METADATA_BYTES`: a dictionary takes many times what short texts take in a file.
    """
    cursor = _Cursor(buffer, start, stop)
    for name in cursor.names():
        if name != "__metadata__":
            cursor.take(_ENTRY, "a tensor entry")
            continue
        found: dict[str, str] = {}
        begin = cursor.at
        for key, text in cursor.metadata():
            found[key] = text
            if cursor.at - begin > MAX_METADATA_BYTES:
                raise HeaderError(f"its metadata has more than {MAX_METADATA_BYTES:,} bytes")
        return found
    return {}


def cover(entries: dict[str, Entry], size: int) -> None:
    """The byte ranges must tile 0 … `size` without overlap, hole or rest; else HeaderError."""
    at = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin < at:
            raise HeaderError(f"the tensor {shown(name)} overlaps the one before it")
        if entry.begin > at:
            raise HeaderError(
                f"{entry.begin - at:,} bytes before the tensor {shown(name)} belong to no tensor"
            )
        at = entry.end
    if at > size:
        raise HeaderError(f"the tensors need {at:,} bytes but {size:,} follow the header")
    if at < size:
        raise HeaderError(f"{size - at:,} bytes after the last tensor belong to no tensor")


class _Cursor:
    """A place in the header and the tokens that may follow it."""

    def __init__(self, buffer: mmap.mmap | bytes, start: int, stop: int) -> None:
        self.buffer, self.start, self.at, self.stop = buffer, start, start, stop

    def refuse(self, expected: str) -> NoReturn:
        found = bytes(self.buffer[self.at : min(self.at + 16, self.stop)])
        raise HeaderError(
            f"{expected} is expected at byte {self.at - self.start} of the header, not {found!r}"
        )

    def take(self, pattern: re.Pattern[bytes], expected: str) -> re.Match[bytes]:
        match = pattern.match(self.buffer, self.at, self.stop)
        if match is None:
            self.refuse(expected)
        self.at = match.end()
        return match

    def names(self) -> Iterator[str]:
        """Yield the keys of the object that starts here; the caller takes each value before the next."""
        closed = self.take(_OPEN, "a JSON object").group(1)
        while not closed:
            match = self.take(_KEY, "a key")
            if match.end(1) - match.start(1) > MAX_NAME_BYTES:
                raise HeaderError(f"a name is longer than {MAX_NAME_BYTES:,} bytes")
            yield _text(match.group(1))
            closed = self.take(_MORE, "a comma or a closing brace").group(1) == b"}"

    def metadata(self) -> Iterator[tuple[str, str]]:
        """`null` or an object of texts."""
        if _NULL.match(self.buffer, self.at, self.stop):
            self.at += 4
            return
        for name in self.names():
            yield name, _text(self.take(_TEXT, "a text").group())


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
        if "\\" not in text:
            return text[1:-1]
        text = json.loads(text)
        text.encode("utf-8")  # an unpaired surrogate (\ud800) is no text and could never be printed
    except UnicodeError:
        raise HeaderError(f"{raw[:40]!r} is not UTF-8 text") from None
    except ValueError:
        raise HeaderError(f"{raw[:40]!r} is not a JSON text") from None
    return str(text)


def _entry(name: str, raw: bytes) -> Entry:
    try:
        fields, _ = _DECODER.raw_decode(raw.decode("utf-8"))  # the only `}` is the last byte: nothing follows
    except ValueError as error:
        raise HeaderError(f"the entry of {shown(name)} is not valid: {shown(error)}") from None
    if set(fields) != {"dtype", "shape", "data_offsets"}:
        raise HeaderError(
            f"the entry of {shown(name)} must have dtype, shape and data_offsets and nothing else"
        )
    dtype, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise HeaderError(f"the element type {shown(dtype)} of {shown(name)} is unknown")
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
        raise HeaderError(f"shape and data_offsets of {shown(name)} must be lists of non-negative integers")
    if len(shape) > MAX_RANK:
        raise HeaderError(f"the tensor {shown(name)} has {len(shape)} dimensions, more than {MAX_RANK}")
    begin, end = offsets
    # NumPy refuses shapes whose non-zero sides multiply beyond 2^63 bytes even where another side is zero.
    if math.prod(side for side in shape if side) * BITS[dtype] > MAX_BYTES:
        raise HeaderError(f"the shape of {shown(name)} is larger than any memory")
    bits = math.prod(shape) * BITS[dtype]
    if bits != (end - begin) * 8:
        raise HeaderError(
            f"the tensor {shown(name)} of type {dtype} and shape {shown(shape)} needs {bits / 8:,.16g} bytes "
            f"but has {end - begin:,}"
        )
    return Entry(dtype, tuple(shape), begin, end)


def _sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)  # `true` is an int to Python


def _integer(text: str) -> int:
    if text.startswith("-") or len(text) > 20:
        raise ValueError(f"{text[:24]} is not a size")
    return int(text)


def _not_a_size(text: str) -> NoReturn:
    raise ValueError(f"{text[:24]} is not a size")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key occurs twice")
    return fields


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_not_a_size, parse_constant=_not_a_size
)
