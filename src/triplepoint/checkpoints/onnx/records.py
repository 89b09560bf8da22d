"""What the graph of an ONNX model consists of: values, of which some are stored tensors, and operators that use them.

```
tensor ─▶ Value ─uses▶ (Op, input) ─outputs▶ Value ─uses▶ …
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    """Field of the file that holds the values (`wire`); 0 where they are elsewhere or nowhere."""
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
