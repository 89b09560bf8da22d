"""What torch would call a weight of an ONNX graph, where the exporter has given it a number.

Folding a transposition makes `encoder.layer.0.attention.self.query.weight` into `onnx::MatMul_853` or `val_49`. Three
witnesses of the old name are asked in turn: what is left of the name, the bias that is added behind the product, and
the module the node came from, by its path (`/encoder/layer.0/attention/self/query/MatMul`) or its metadata.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from triplepoint.checkpoints.onnx.follow import Role
from triplepoint.checkpoints.onnx.records import Op, Tensor, Value
from triplepoint.checkpoints.onnx.roles import BIAS_AFTER
from triplepoint.checkpoints.onnx.scales import constant

_ARBITRARY = re.compile(r".*[/:].*|[A-Za-z_]*\d+(_\d+)*", re.DOTALL)
"""Names that exporters make up: `onnx::MatMul_853`, `val_49`, `12`, `/encoder/Constant_3_output_0`."""
_CODES = re.compile(r"(_quantized|_quant|_q|_u?int[48]|(_DQ)?_Q\d+(G\d+)?)$")
"""What quantisers put behind the name of a weight."""
_SCOPE = re.compile(r"'([^']*)'")
_PASS = ("Cast", "Identity", "Reshape", "QuantizeLinear", "DequantizeLinear")
_FARTHEST = 6
"""Operators between a product and the addition of its bias; quantised products have three."""


def aliases(tensors: Sequence[Tensor], roles: Mapping[Tensor, Role]) -> dict[Tensor, str]:
    """Names for the tensors that have a better one than is stored; no two alike, none that another tensor has."""
    layers = _layers(roles)
    found = {tensor: _alias(tensor, roles[tensor], layers) for tensor in tensors if tensor in roles}
    count, stored = Counter(found.values()), {tensor.name for tensor in tensors}
    kept = {t: name for t, name in found.items() if name and count[name] == 1 and name not in stored}
    # Stacked biases have two axes; a name that ends in bias tells every rule that they are no weights.
    stacked = {
        t: f"{t.name}.bias" for t, role in roles.items() if role.meaning.suffix == "bias" and t not in kept
    }
    return kept | {t: name for t, name in stacked.items() if not t.name.endswith(".bias")}


def _alias(tensor: Tensor, role: Role, layers: Mapping[Op, str]) -> str | None:
    own = _CODES.sub("", tensor.name) if role.codes is not None else tensor.name
    suffix = role.meaning.suffix
    if not _ARBITRARY.fullmatch(own) and (suffix != "bias" or own.endswith("bias")):
        return own
    if suffix != "weight":
        module, layer = _module(role.op), layers.get(role.op, "l0")
        name = f"{layer}.bias" if suffix == "bias" else f"{suffix}_{layer}"
        return None if module is None else f"{module}.{name}"
    bias = _bias(role)
    if bias is not None:
        return bias
    module = _module(role.op)
    return None if module is None else f"{module}.weight"


def _layers(roles: Mapping[Tensor, Role]) -> dict[Op, str]:
    """Recurrent operators of one module are its layers, in stored order."""
    found: dict[Op, str] = {}
    count: Counter[str | None] = Counter()
    for role in roles.values():
        if role.meaning.suffix.startswith("weight_") and role.op not in found:
            module = _module(role.op)
            found[role.op] = f"l{count[module]}"
            count[module] += 1
    return found


def _bias(role: Role) -> str | None:
    """The name by that of the bias of the layer: `fc.bias` → `fc.weight`, `in_proj_bias` → `in_proj_weight`."""
    tensor = constant(role.op.input(role.slot.bias), _PASS) or _bias_after(role)
    if tensor is None:
        return None
    name = _CODES.sub("", tensor.name)
    if _ARBITRARY.fullmatch(name) or not re.search(r"(^|[._])bias$", name):
        return None
    return name.removesuffix("bias") + "weight"


def _bias_after(role: Role) -> Tensor | None:
    """The vector that is added to the product, perhaps after casts and scales."""
    value = role.op.output()
    scaled = ("Mul",) if role.slot.integer else ()
    for _ in range(_FARTHEST):
        following: Value | None = None
        for op, k in value.uses if value else ():
            if op.type in BIAS_AFTER:
                for at in BIAS_AFTER[op.type]:
                    found = None if at == k else constant(op.input(at), _PASS)
                    if found is not None and len(found.shape) == 1:
                        return found
            elif following is None and ((op.type in _PASS and k == 0) or op.type in scaled):
                following = op.output()
        value = following
    return None


def _module(op: Op) -> str | None:
    """Path of the module that a node came from, by torch's exporters; None for the model itself and other exporters."""
    scopes = _SCOPE.findall(op.scopes)
    if len(scopes) > 1:
        return scopes[-2] or None
    if not op.name.startswith("/"):
        return None
    parts: list[str] = []
    for part in op.name.split("/")[1:-1]:
        # A child of a Sequential repeats its parent: /layer1/layer1.0/conv1.
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts) or None
