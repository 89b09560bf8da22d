"""The functions by which torch puts tensors together, replaced by ones that say where the values lie.

Each takes what torch's function of that name takes; a tensor without plain values is described with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triplepoint.checkpoints.torch.names import ITEM_BYTES
from triplepoint.checkpoints.torch.unpickling import (
    Foreign,
    Function,
    Items,
    Pairs,
    Refused,
    Sealed,
    Storage,
    Tensor,
    Type,
    sizes,
)


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, dtype: str, *, refusal: str = "") -> Tensor:
    if type(storage) is not Storage or sizes((offset,)) is None:
        raise Refused("damaged", "a tensor in it has no storage")
    begin = storage.start + offset * ITEM_BYTES[dtype]
    return Tensor(storage.key, dtype, shape, stride=stride, begin=begin, refusal=refusal)


def _v2(
    storage: Any,
    offset: Any,
    shape: Any,
    stride: Any,
    _grad: Any = None,
    _hooks: Any = None,
    flags: Any = None,
) -> Tensor:
    # Conjugation and sign may be kept as flags; no parameter is saved so.
    refusal = "is stored conjugated or negated" if type(flags) in (dict, Pairs) and flags else ""
    return _tensor(storage, offset, shape, stride, _dtype(storage), refusal=refusal)


def _v3(
    storage: Any,
    offset: Any,
    shape: Any,
    stride: Any,
    _grad: Any,
    _hooks: Any,
    dtype: Any,
    _flags: Any = None,
) -> Tensor:
    return _tensor(storage, offset, shape, stride, _dtype(dtype))


def _quantised(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Tensor:
    dtype = _dtype(storage)
    return _tensor(storage, offset, shape, stride, dtype, refusal=f"is quantised by torch ({dtype})")


def _sparse(_layout: Any, data: Any) -> Tensor:
    parts = list(data) if type(data) in (tuple, list) else []
    values = [part for part in parts if type(part) is Tensor]
    shape = next((part for part in parts if sizes(part) is not None), ())
    return Tensor("", _dtype(values[-1] if values else None), shape, refusal="is sparse")


def _nested(buffer: Any, *_: Any) -> Tensor:
    shape = buffer.shape if type(buffer) is Tensor else ()
    return Tensor("", _dtype(buffer), shape, refusal="is nested: its parts have different shapes")


def _meta(dtype: Any, shape: Any, *_: Any) -> Tensor:
    return Tensor("", _dtype(dtype), shape, refusal="was saved from the meta device, without values")


def _wrapper(cls: Any, dtype: Any, shape: Any, *_: Any) -> Tensor:
    name = cls.label.rpartition(".")[2] if isinstance(cls, Sealed) and issubclass(cls, Foreign) else "wrapper"
    return Tensor(
        "", _dtype(dtype), shape, refusal=f"is a {name[:80]}, which only its own library can unpack"
    )


def _from_numpy(_array: Any, dtype: Any, *_: Any) -> Tensor:
    return Tensor(
        "", _dtype(dtype), (), refusal="was saved from a device that keeps its values as a pickled array"
    )


def _first(value: Any, *_: Any) -> Any:
    return value


def _from_type(function: Any, _type: Any, arguments: Any, *_: Any) -> Any:
    return function(*arguments)  # what a pickle holds and can be called is of this file or of `unpickling`


def _reconstruct(cls: Any, *_: Any) -> Any:
    return cls()


def _newobj(cls: Any, *arguments: Any) -> Any:
    return cls(*arguments)


def _dtype(value: Any) -> str:
    if type(value) in (Storage, Type, Tensor):
        return str(value.dtype)
    raise Refused("damaged", "a tensor in it has no element type")


_REBUILD: dict[str, Callable[..., Any]] = {
    "_rebuild_tensor": _v2,
    "_rebuild_tensor_v2": _v2,
    "_rebuild_tensor_v3": _v3,
    "_rebuild_parameter": _first,
    "_rebuild_parameter_with_state": _first,
    "_rebuild_qtensor": _quantised,
    "_rebuild_sparse_tensor": _sparse,
    "_rebuild_sparse_csr_tensor": _sparse,
    "_rebuild_nested_tensor": _nested,
    "_rebuild_meta_tensor_no_storage": _meta,
    "_rebuild_wrapper_subclass": _wrapper,
    "_rebuild_device_tensor_from_cpu_tensor": _first,
    "_rebuild_device_tensor_from_numpy": _from_numpy,
    "_rebuild_xla_tensor": _from_numpy,
}

KNOWN: dict[tuple[str, str], Any] = {
    **{("torch._utils", name): Function(function) for name, function in _REBUILD.items()},
    **{(module, name): Function(_from_type)
       for module in ("torch._tensor", "torch.tensor") for name in ("_rebuild_from_type", "_rebuild_from_type_v2")},
    **{("torch.jit._pickle", f"build_{kind}list"): Items for kind in ("int", "bool", "double", "tensor")},
    ("torch.jit._pickle", "restore_type_tag"): Function(_first),
    ("torch", "Size"): Items,
    ("copyreg", "_reconstructor"): Function(_reconstruct),
    ("copyreg", "__newobj__"): Function(_newobj),
    **dict.fromkeys([("collections", name) for name in ("OrderedDict", "defaultdict", "Counter")], Pairs),
    ("builtins", "dict"): Pairs,
    ("collections", "deque"): Items,
    **{("builtins", name): Items for name in ("list", "tuple", "set", "frozenset")},
}  # fmt: skip
"""(module, name) → what the pickle calls instead."""
