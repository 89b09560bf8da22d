"""An ONNX file without its weights: the protobuf wire format, walked once, with every tensor's values cut out.

A message is a sequence of fields, a field is a tag (number · 8 + wire type) and a varint, 4 or 8 bytes, or a length
and that many bytes. Only fields that say something about weights are kept; texts, types and traces are stepped over.
What is left, the skeleton, is a valid model for protobuf's own parser, in which `segment` of each tensor says where
its values lie in the file. Parsing a model of 250 MB whole takes twice that in memory, its skeleton a few hundred kB.
Fields: github.com/onnx/onnx, onnx.proto; encoding: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from triplepoint.checkpoints.limits import MAX_HEADER_BYTES, MAX_ONNX_DEPTH, MAX_ONNX_FIELDS
from triplepoint.checkpoints.mapped import MappedFile

RAW, FLOATS, DOUBLES, INT32, INT64, UINT64 = 9, 4, 10, 5, 7, 11
"""Fields of a tensor that hold values: bytes as in memory, packed floats, packed varints."""
_SEGMENT = 3
_SCOPES = b"\x0a\x1apkg.torch.onnx.name_scopes"
"""How the one entry of a node's metadata begins that names the module it came from."""

_RELEASE = 64 * 2**20
"""Bytes of values that are passed before the pages touched so far are given back."""

_Schema: TypeAlias = "dict[int, _Schema | str]"
_KEEP, _VALUES, _METADATA = "keep", "values", "metadata"

_ENTRY: _Schema = {1: _KEEP, 2: _KEEP}
_TENSOR: _Schema = {1: _KEEP, 2: _KEEP, 8: _KEEP, 13: _ENTRY, 14: _KEEP, _SEGMENT: _VALUES}
_TENSOR |= dict.fromkeys((RAW, FLOATS, DOUBLES, INT32, INT64, UINT64), _VALUES)
_SPARSE: _Schema = {1: _TENSOR, 3: _KEEP}
_GRAPH: _Schema = {2: _KEEP, 5: _TENSOR, 15: _SPARSE}
_ATTRIBUTE: _Schema = {
    1: _KEEP,
    3: _KEEP,
    8: _KEEP,
    5: _TENSOR,
    10: _TENSOR,
    6: _GRAPH,
    11: _GRAPH,
    22: _SPARSE,
}
_NODE: _Schema = {1: _KEEP, 2: _KEEP, 3: _KEEP, 4: _KEEP, 7: _KEEP, 5: _ATTRIBUTE, 9: _METADATA}
_GRAPH[1] = _NODE
_FUNCTION: _Schema = {1: _KEEP, 4: _KEEP, 5: _KEEP, 10: _KEEP, 7: _NODE}
_MODEL: _Schema = {7: _GRAPH, 25: _FUNCTION}


class WireError(ValueError):
    """What is wrong with the bytes of a model, as one clause."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A model whose tensors say where their values are."""

    data: bytes
    """Of a `ModelProto`."""
    cuts: dict[tuple[int, int], int]
    """(begin, end) in the file, as in the `segment` of a tensor → the field that held the values.

    A segment that is not among them was in the file, or stands for values in several pieces.
    """


def skeleton(file: MappedFile) -> Skeleton:
    """Walk a whole file; WireError for damage and beyond the limits. Cost: 3 µs a field; no values are read."""
    walk = _Walk(file)
    found = Skeleton(walk.message(_MODEL, 0, file.size, 0), walk.cuts)
    file.release(0, file.size)
    return found


class _Walk:
    def __init__(self, file: MappedFile) -> None:
        self.file = file
        self.data = file.map
        self.passed = 0
        self.cuts: dict[tuple[int, int], int] = {}
        self.fields = 0
        self.kept = 0

    def message(self, schema: _Schema, at: int, end: int, depth: int) -> bytes:
        """The fields of `[at, end)` that the schema knows, those of inner messages likewise."""
        if depth > MAX_ONNX_DEPTH:
            raise WireError(f"its messages are nested more than {MAX_ONNX_DEPTH} deep")
        parts: list[bytes] = []
        values: list[tuple[int, int, int]] = []
        run = at  # where the stretch of kept fields began that has not been copied yet
        data, get = self.data, schema.get
        while at < end:
            start = at
            # One byte each for tag and length or number is the rule; the general way takes three times as long.
            tag, second = data[at], data[at + 1] if at + 1 < end else 128
            wire = tag & 7
            if 8 <= tag < 128 and second < 128 and wire in (0, 2):
                field, begin = tag >> 3, at + 2
                at = begin + second if wire else begin
            else:
                field, wire, begin, at = self.field(at, end)
            if at > end:
                raise WireError(f"the field {field} at byte {begin:,} reaches beyond its message")
            self.fields += 1
            if self.fields > MAX_ONNX_FIELDS:
                raise WireError(f"it has more than {MAX_ONNX_FIELDS:,} protobuf fields")
            rule = get(field)
            if rule is _KEEP:
                continue
            self.copy(parts, run, start)
            run = at
            if rule is None or wire != 2:
                continue
            if rule is _VALUES:
                values.append((field, begin, at))
            elif rule is _METADATA and data[begin : begin + len(_SCOPES)] == _SCOPES:
                run = start
            elif isinstance(rule, dict):
                body = self.message(rule, begin, at, depth + 1)
                parts += (_varint(field << 3 | 2), _varint(len(body)), body)
        self.copy(parts, run, end)
        if values:
            parts.append(self.segment(values))
        return b"".join(parts)

    def field(self, at: int, end: int) -> tuple[int, int, int, int]:
        """Number and wire type of the field at `at`, where its value begins (after a length) and ends."""
        tag, at = self.varint(at, end)
        wire = tag & 7
        if not 8 <= tag < 2**32:
            raise WireError(f"the tag {tag} at byte {at:,} is none of protobuf's")
        begin = at
        if wire == 2:
            length, begin = self.varint(at, end)
            at = begin + length
        elif wire == 0:
            _, at = self.varint(at, end)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise WireError(f"the wire type {wire} at byte {at:,} is none of protobuf's")
        return tag >> 3, wire, begin, at

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Seven bits a byte, lowest first, up to the first byte below 128; the number and where it ends."""
        number = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise WireError(f"it ends within a number at byte {at:,}")
            byte = self.data[at]
            at += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number, at
        raise WireError(f"the number before byte {at:,} has more than ten bytes")

    def copy(self, parts: list[bytes], begin: int, end: int) -> None:
        """Keep a stretch of the file as it is."""
        if end > begin:
            self.kept += end - begin
            if self.kept > MAX_HEADER_BYTES:
                raise WireError(f"its graph alone has more than {MAX_HEADER_BYTES:,} bytes")
            parts.append(self.data[begin:end])

    def segment(self, values: list[tuple[int, int, int]]) -> bytes:
        """The place of a tensor's values as a field of it; of no place where they are in several pieces."""
        field, begin, end = values[0]
        if len(values) > 1 or field == _SEGMENT:
            begin = end = 0  # byte 0 is a tag, so no values lie there
        else:
            self.cuts[begin, end] = field
            self.passed += end - begin
            if self.passed > _RELEASE:  # a touch maps up to 2 MiB around it: 500 layers would map 1 GB
                self.file.release(0, end)
                self.passed = 0
        place = b"\x08" + _varint(begin) + b"\x10" + _varint(end)
        return _varint(_SEGMENT << 3 | 2) + _varint(len(place)) + place


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
