"""The graph of an ONNX model: which values are tensors of the file, and which operators use them.

```
tensor ─▶ Value ─uses▶ (Op, input) ─outputs▶ Value ─uses▶ …
```
Names are resolved as ONNX scopes them: a branch of If or Loop sees the values around it, a function only its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_BYTES, MAX_NAME_BYTES, MAX_RANK
from triplepoint.checkpoints.onnx_wire import Skeleton, WireError
from triplepoint.errors import MissingDependency

TYPES: dict[int, str] = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16",
    11: "F64", 12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ",
    19: "F8_E5M2", 20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4", 24: "F8_E8M0", 25: "U2", 26: "I2",
    27: "F6_E2M3", 28: "F6_E3M2",
}  # fmt: skip
"""`TensorProto.DataType` → safetensors' spelling, or one like it."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """What the graph says of one stored tensor."""

    name: str
    """Unique in the model."""
    dtype: str
    shape: tuple[int, ...]
    field: int = 0
    """Field of the file that holds the values (`onnx_wire`); 0 where they are elsewhere or nowhere."""
    begin: int = 0
    end: int = 0
    external: tuple[tuple[str, str], ...] | None = None
    """Keys and texts that say where the values are in another file."""
    fault: str = ""
    """One clause, where the values cannot be had."""


@dataclass(slots=True, eq=False)
class Value:
    """One named edge of the graph."""

    tensor: Tensor | None = None
    producer: Op | None = None
    uses: list[tuple[Op, int]] = field(default_factory=list)
    """Operators that take it, and as which of their inputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One node."""

    type: str
    """`MatMul`, or with its domain `com.microsoft.MatMulNBits` outside ONNX's own."""
    name: str
    scopes: str
    """Modules it came from, outermost first, as torch's exporter writes them: `['', 'encoder', 'encoder.0']`."""
    inputs: tuple[Value | None, ...]
    """None for one that is left out; what the model or a loop is given is a value of unknown origin."""
    outputs: tuple[Value, ...]
    ints: Mapping[str, tuple[int, ...]]
    """Attributes that are one integer or several."""

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute of one integer."""
        found = self.ints.get(name)
        return found[0] if found else default

    def input(self, k: int) -> Value | None:
        """Input `k`, None where there are fewer."""
        return self.inputs[k] if 0 <= k < len(self.inputs) else None

    def output(self) -> Value | None:
        """The first output; None where another node makes it too, which is damage."""
        return self.outputs[0] if self.outputs and self.outputs[0].producer is self else None


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A whole model."""

    values: Sequence[Value]
    """Those that are stored tensors, initialisers of a graph before its constants."""
    functions: Mapping[str, tuple[Value, ...]]
    """Operators that the model itself defines, by type → the values that stand for their inputs."""


def graph(skeleton: Skeleton) -> Graph:
    """Connect a model. WireError for damage, MissingDependency without the `onnx` package.

    Cost: 10 µs a node. Needs about six times the skeleton in memory.
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
