"""From the skeleton of an ONNX model to its graph: names resolved, tensors told apart.

A branch of If or Loop sees the values around it, a function only its own, as ONNX scopes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_BYTES, MAX_NAME_BYTES, MAX_RANK
from triplepoint.checkpoints.onnx.records import TYPES, Graph, Op, Tensor, Value
from triplepoint.checkpoints.onnx.wire import Skeleton, WireError
from triplepoint.errors import MissingDependency


def graph(skeleton: Skeleton) -> Graph:
    """Connect a model. WireError for damage, MissingDependency without the `onnx` package.

    Cost: 10 µs a node, and up to 350 bytes of memory a protobuf field.
    """
    try:
        from onnx import ModelProto

        damage = import_module("google.protobuf.message").DecodeError
    except ImportError:
        raise MissingDependency(
            "read an ONNX model",
            "the onnx package is not installed",
            "Run `pip install 'triplepoint[formats]'`.",
        ) from None
    try:
        model = ModelProto.FromString(skeleton.data)
        if not model.HasField("graph"):
            raise WireError("it has no graph")
        return _Connect(skeleton.cuts).model(model)
    except damage:
        raise WireError("it is not an ONNX model") from None


_Scope = tuple[dict[str, Value], ...]


class _Connect:
    def __init__(self, cuts: Mapping[tuple[int, int], int]) -> None:
        self.cuts = cuts
        self.values: list[Value] = []
        self.taken: dict[str, int] = {}
        self.unknown = Value()

    def model(self, model: Any) -> Graph:
        self.body(model.graph, (), _text(model.graph.name)[:200])
        functions = {}
        for function in model.functions:
            name = _type(function.domain, function.name)
            formals = {_text(formal): Value() for formal in function.input}
            self.nodes(function.node, (formals,), name[:200])
            functions[name] = tuple(formals.values())
        return Graph(self.values, functions)

    def body(self, graph: Any, outer: _Scope, path: str) -> None:
        """One graph within others; `path` tells its tensors apart where branches use the same names."""
        names: dict[str, Value] = {}
        for proto in graph.initializer:
            self.define(names, proto.name, self.tensor(proto, _text(proto.name), path))
        for sparse in graph.sparse_initializer:
            proto, dims = sparse.values, sparse.dims
            fault = "is sparse, which is not read"
            self.define(names, proto.name, self.tensor(proto, _text(proto.name), path, dims, fault))
        self.nodes(graph.node, (*outer, names), path)

    def nodes(self, nodes: Sequence[Any], scope: _Scope, path: str) -> None:
        names = scope[-1]
        outputs = []
        for node in nodes:
            for name in node.output:
                if _text(name) not in names:  # a second node with this output is damage; the first one stands
                    names[name] = Value()
            outputs.append(tuple(names[name] for name in node.output if name))
        for node, made in zip(nodes, outputs, strict=True):
            type = _type(node.domain, node.op_type)
            inputs = tuple(self.find(scope, _text(name)) for name in node.input)
            scopes = _text(node.metadata_props[0].value) if node.metadata_props else ""
            ints = {
                _text(a.name): (a.i,) if a.HasField("i") else tuple(a.ints[:MAX_RANK]) for a in node.attribute
            }
            op = Op(type, _text(node.name), scopes, inputs, made, ints)
            for value in made:
                if value.producer is None and value.tensor is None:
                    value.producer = op
            for k, given in enumerate(inputs):
                if given is not None and given is not self.unknown:
                    given.uses.append((op, k))
            self.attributes(node, type, made, scope, path)

    def find(self, scope: _Scope, name: str) -> Value | None:
        """The innermost value of that name; no name stands for an input that is left out."""
        if not name:
            return None
        return next((names[name] for names in reversed(scope) if name in names), self.unknown)

    def attributes(self, node: Any, type: str, made: tuple[Value, ...], scope: _Scope, path: str) -> None:
        """Tensors and graphs that a node carries; the tensor of a Constant is the value it makes."""
        owner = node.output[0] if node.output else node.name
        for attribute in node.attribute:
            for proto in _tensors(attribute):
                constant = type == "Constant" and made
                name = owner if constant else f"{owner}.{attribute.name}"
                value = made[0] if constant and made[0].tensor is None else Value()
                self.add(value, self.tensor(proto, name, path))
            if attribute.HasField("sparse_tensor"):
                proto, dims = attribute.sparse_tensor.values, attribute.sparse_tensor.dims
                self.add(Value(), self.tensor(proto, owner, path, dims, "is sparse, which is not read"))
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                self.body(inner, scope, f"{(node.name or owner)[:200]}.{attribute.name[:200]}")

    def define(self, names: dict[str, Value], name: str, tensor: Tensor) -> None:
        if name in names:
            raise WireError(f"the tensor {shown(name)} occurs twice in one graph")
        names[name] = Value()
        self.add(names[name], tensor)

    def add(self, value: Value, tensor: Tensor) -> None:
        value.tensor, value.producer = tensor, None
        self.values.append(value)

    def tensor(
        self, proto: Any, name: str, path: str, dims: Sequence[int] | None = None, fault: str = ""
    ) -> Tensor:
        shape = tuple((proto.dims if dims is None else dims)[: MAX_RANK + 1])
        if (
            min(shape, default=0) < 0
            or len(shape) > MAX_RANK
            or math.prod(filter(None, shape)) * 16 > MAX_BYTES
        ):
            raise WireError(f"the tensor {shown(name)} has the shape {shown(shape)}, which no memory holds")
        unique = self.unique(name, path)
        dtype = TYPES.get(proto.data_type, f"type {proto.data_type}")
        if fault:
            return Tensor(unique, dtype, shape, fault=fault)
        if proto.data_location == 1:
            entries = tuple((_text(entry.key), _text(entry.value)) for entry in proto.external_data[:8])
            return Tensor(unique, dtype, shape, external=entries)
        place = (proto.segment.begin, proto.segment.end)
        if place in self.cuts:
            return Tensor(unique, dtype, shape, self.cuts[place], *place)
        if proto.HasField("segment"):
            return Tensor(unique, dtype, shape, fault="has its values in several pieces, which are not read")
        if 0 in shape:
            return Tensor(unique, dtype, shape)
        return Tensor(unique, dtype, shape, fault="has no values")

    def unique(self, name: str, path: str) -> str:
        """The name as stored; with the graph before it where another graph has a tensor of that name."""
        if not name:
            raise WireError("a tensor has no name")
        if len(name) > MAX_NAME_BYTES:
            raise WireError(f"a tensor's name has {len(name):,} characters, more than {MAX_NAME_BYTES:,}")
        found = name if name not in self.taken else f"{path}/{name}"
        while found in self.taken:
            self.taken[found] += 1
            found = f"{found}#{self.taken[found]}"
        self.taken[found] = 1
        return found


def _tensors(attribute: Any) -> Iterator[Any]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors


def _text(found: str | bytes) -> str:
    """A string of the graph; protobuf gives bytes where it is not UTF-8."""
    if isinstance(found, bytes):
        raise WireError(f"the name {shown(found)} is not UTF-8")
    return found


def _type(domain: str, name: str) -> str:
    domain, name = _text(domain), _text(name)
    # ONNX Runtime's own QuantizeLinear and DequantizeLinear are ONNX's, for more types.
    ours = domain in ("", "ai.onnx") or name in ("QuantizeLinear", "DequantizeLinear")
    return name if ours else f"{domain}.{name}"
