"""ONNX models, read as weights: initialisers and constants of the graph, mapped, with what the graph says of them.

```
files ─┬─ wire ── graph          the file without its values; values and operators (`records`)
       ├─ follow ─┬─ roles       which operator takes a tensor as what
       │          └─ scales      which scale makes values of its codes
       ├─ names                  what torch called it
       ├─ external               files beside the model
       └─ values, codes          from bytes to numbers
```
Nothing of the `onnx` package touches a file: it parses the graph, from which the values have been cut out. A tensor
whose values cannot be had is named and refused when it is read. Format: github.com/onnx/onnx/blob/main/docs/IR.md.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.mapped import Bytes, MappedFile
from triplepoint.checkpoints.onnx import names as onnx_names
from triplepoint.checkpoints.onnx import values as onnx_values
from triplepoint.checkpoints.onnx.codes import Codes
from triplepoint.checkpoints.onnx.external import Beside, Place
from triplepoint.checkpoints.onnx.follow import Model, Role, role
from triplepoint.checkpoints.onnx.graph import graph
from triplepoint.checkpoints.onnx.records import Graph, Tensor, Value
from triplepoint.checkpoints.onnx.scales import constant
from triplepoint.checkpoints.onnx.wire import WireError, skeleton
from triplepoint.checkpoints.stored import Array, FileReader, Stored, Values
from triplepoint.errors import TriplepointError
from triplepoint.records import PackedRows, TensorInfo

_CELL = re.compile(r"(^|[._])weight_(ih|hh)(_l\d+(_reverse)?)?$")
_MOST_NUMBERS = 64
"""Integers of a constant that say a shape or axes."""


def open_file(source: str, path: Path) -> FileReader:
    """Every tensor of a model. UnsafeCheckpoint where external data leave its folder, MissingDependency without `onnx`.

    Cost: the graph; 0.1 s for a transformer of 400 nodes, whatever its weights.
    """
    file = MappedFile(path)
    try:
        cut = skeleton(file)
        tensors = _Tensors(path, file, graph(cut))
    except WireError as error:
        raise unreadable(source, str(error), "Check that it is an ONNX model, and export it again.") from None
    identity = [path.name.encode("utf-8", "surrogateescape"), hashlib.blake2b(cut.data).digest()]
    identity += [name.encode("utf-8", "surrogatepass") for name in tensors.beside.names()]
    return FileReader(source, "onnx", {}, tensors.stored(), identity)


class _Tensors:
    """The tensors of one model, with the files their values are in."""

    def __init__(self, path: Path, file: MappedFile, graph: Graph) -> None:
        self.file = file
        self.beside = Beside(path)
        self.graph = graph
        self.tensors = [value.tensor for value in graph.values if value.tensor is not None]
        self.places = {tensor: self._place(tensor) for tensor in self.tensors}

    def stored(self) -> Iterator[Stored]:
        """In the order of the graph."""
        model = Model(self.graph.functions, self._numbers, {tensor.name: tensor for tensor in self.tensors})
        roles: dict[Tensor, Role] = {}
        for value in self.graph.values:
            found = role(value, model)
            if found is not None and value.tensor is not None:
                roles[value.tensor] = found
        names = onnx_names.aliases(self.tensors, roles)
        grids = [
            grid for found in roles.values() if found.codes for grid in (found.codes.scale, found.codes.zero)
        ]
        untrained = {grid.tensor for grid in grids if grid is not None}
        for tensor in self.tensors:
            info = _info(tensor, roles.get(tensor), names.get(tensor), untrained)
            codes = roles[tensor].codes if tensor in roles else None
            place = self.places[tensor]
            if place.fault:
                yield Stored(info, None, 0, 0, None, place.fault)
            else:
                yield Stored(info, place.file, place.begin, place.end, self._values(tensor, codes))

    def load(self, tensor: Tensor) -> Array:
        """All elements of a tensor. UnreadableCheckpoint where they cannot be had."""
        place = self.places[tensor]
        if place.fault:
            raise unreadable(
                self.file.path, f"the tensor {shown(tensor.name)} {place.fault}", "Export it again."
            )
        raw = onnx_values.NOTHING if place.file is None else place.file.bytes(place.begin, place.end)
        return onnx_values.elements(tensor.dtype, tensor.shape, self._payload(tensor, raw))

    def _place(self, tensor: Tensor) -> Place:
        if onnx_values.bits(tensor.dtype) is None:
            return Place(None, fault=f"has elements of type {tensor.dtype}, which is not read")
        if tensor.fault:
            return Place(None, fault=tensor.fault)
        if tensor.external is not None:
            place = self.beside.place(tensor)
        elif tensor.field:
            place = Place(self.file, tensor.begin, tensor.end)
        else:  # it has no elements
            return Place(None)
        fault = place.fault or onnx_values.misfit(tensor, place.end - place.begin)
        return Place(None, fault=fault) if fault else place

    def _values(self, tensor: Tensor, codes: Codes | None) -> Values:
        def values(raw: Bytes, at: int | None) -> Array | PackedRows:
            payload = self._payload(tensor, raw)
            if codes is not None:
                return codes.values(payload, at, self.load)
            array = onnx_values.elements(tensor.dtype, tensor.shape, payload)
            return array if at is None else array[at, ...]

        return values

    def _payload(self, tensor: Tensor, raw: Bytes) -> Bytes:
        try:
            return onnx_values.payload(tensor, raw)
        except ValueError as error:
            found = f"the tensor {shown(tensor.name)} cannot be read: {error}"
            raise unreadable(self.file.path, found, "Export it again.") from None

    def _numbers(self, value: Value | None) -> tuple[int, ...] | None:
        tensor = constant(value)
        if tensor is None or tensor.dtype != "I64" or math.prod(tensor.shape) > _MOST_NUMBERS:
            return None
        try:
            return tuple(int(number) for number in self.load(tensor).reshape(-1))
        except TriplepointError:
            return None


def _info(tensor: Tensor, found: Role | None, alias: str | None, untrained: set[Tensor]) -> TensorInfo:
    # A recurrent cell that is written out as products is left to its name, which says more than a Gemm does.
    cell = found is not None and found.meaning.suffix == "weight" and _CELL.search(alias or tensor.name)
    if found is None or cell or tensor in untrained:
        return TensorInfo(tensor.name, tensor.dtype, tensor.shape, alias=alias, buffer=tensor in untrained)
    return TensorInfo(
        tensor.name,
        tensor.dtype,
        tensor.shape if found.codes is None else found.codes.shape,
        module=found.meaning.module,
        alias=alias,
        layout=found.layout,
        decoded=None if found.codes is None else "F32",
    )
