"""Tensors that are in memory already: an `nn.Module`, a state dict, a dict of arrays.

torch is never imported here: whoever holds a tensor has imported it, so it is looked up in `sys.modules`.
Values are views wherever NumPy can express one, and read-only, so that no analysis can change a model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from triplepoint.checkpoints import digests
from triplepoint.checkpoints.dtypes import numpy_dtype, spelling_of, torch_spelling
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import UsageError
from triplepoint.records import TensorInfo

WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
"""Keys under which training checkpoints keep the weights beside optimiser and step."""


@dataclass(frozen=True, slots=True)
class MemoryReader:
    """Named values that have been described, not copied. The digest covers what `digests.sample` sees."""

    source: str
    format: str
    config: Mapping[str, Any]
    _values: Mapping[str, Any]
    _infos: tuple[TensorInfo, ...]

    def tensors(self) -> Sequence[TensorInfo]:
        """In the order of the object."""
        return self._infos

    def read(self, name: str, at: int | None = None) -> np.ndarray[Any, Any]:
        """A read-only view in the stored dtype; a copy from another device or of a type without a view."""
        value = self._values[name]
        if hasattr(value, "full_tensor"):
            return self.copy(name, at)
        if at is not None:
            if _is_torch(value):
                _check_memory(value)
            value = value[at]  # of a tensor on another device only this part is copied
        return _array(self.source, name, value)

    def copy(self, name: str, at: int | None = None) -> np.ndarray[Any, Any]:
        """As `read`, but never a view: optimisers update in place, and what was read would change behind our back."""
        value = self._values[name]
        if _is_torch(value) and hasattr(value, "full_tensor"):
            value = value.full_tensor()
            return _array(self.source, name, value if at is None else value[at])
        found = self.read(name, at)
        return found if _is_torch(value) and value.device.type != "cpu" else found.copy()

    def value(self, name: str) -> Any:
        """The tensor object itself."""
        return self._values[name]

    def prefetch(self, name: str) -> None:
        """See `Reader`; nothing to bring: the arrays are in memory."""

    def release(self, name: str) -> None:
        """See `Reader`; nothing to drop: the arrays belong to the caller."""

    def digest(self) -> str:
        """Of names, types, shapes and up to 64 values from the middle of each tensor. Never raises."""
        parts: list[bytes] = []
        for info in self._infos:
            parts.append(repr((info.name, info.dtype, info.shape)).encode("utf-8", "backslashreplace"))
            value = self._values[info.name]
            if info.size and hasattr(value, "__getitem__") and not _has_no_data(value):
                parts.append(digests.sample_bytes(partial(self._sampled, info.name)))
        return digests.blake2b(parts)

    def _sampled(self, name: str) -> np.ndarray[Any, Any]:
        """Sampled before it is made an array: of a tensor on another device only the sample is copied."""
        value = self._values[name]
        if _is_torch(value):
            _check_memory(value)
        return _array(self.source, name, digests.sample(value))


def is_module(source: object) -> bool:
    """Whether it looks like an `nn.Module`."""
    return hasattr(source, "named_modules") and hasattr(source, "named_parameters")


def open_module(module: Any, *, gather: bool = False) -> MemoryReader:
    """Every parameter and persistent buffer under its state-dict name, with the class of its owner.

    `gather`: tensors spread over processes (DTensor) are described by their whole shape; `copy` then gathers one of
    them, on every process at once.

    Tied parameters appear under each of their names with the same `storage`. State-dict hooks are not run:
    those of sharded wrappers communicate with other processes.
    """
    values: dict[str, Any] = {}
    owners: dict[str, str] = {}
    buffers: set[str] = set()
    for path, owner in module.named_modules(remove_duplicate=False):
        transient: set[str] = getattr(owner, "_non_persistent_buffers_set", set())
        kept = [item for item in owner.named_buffers(recurse=False) if item[0] not in transient]
        for key, value in (*owner.named_parameters(recurse=False, remove_duplicate=False), *kept):
            name = f"{path}.{key}" if path else key
            values[name] = value
            owners[name] = type(owner).__name__
        buffers.update(f"{path}.{key}" if path else key for key, _ in kept)
    source = type(module).__name__
    config = _config(module)
    infos = tuple(
        replace(_describe(source, name, value, owners[name], gather), buffer=name in buffers)
        for name, value in values.items()
    )
    return MemoryReader(source, "module", config, values, infos)


def open_mapping(mapping: Mapping[Any, Any]) -> Reader:
    """A state dict or dict of arrays, also one level down under one of `WRAPPERS`.

    Numbers, texts and None are passed over (steps, names, versions). Any other value that is not a tensor,
    such as a nested dict, is a UsageError: leaving it out could leave out the weights.
    """
    if not any(_is_tensor(value) for value in mapping.values()):
        for key in WRAPPERS:
            inner = mapping.get(key)
            if is_module(inner):
                return open_module(inner)
            if isinstance(inner, Mapping):
                mapping = inner
                break
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        if _is_tensor(value):
            if not isinstance(name, str):
                raise _usage(f"the key {shown(name)} is a {type(name).__name__}", "Use texts as names.")
            values[name] = value
        elif not isinstance(value, (bool, int, float, complex, str, bytes, np.generic, type(None))):
            found = f"the value under {shown(name)} is a {type(value).__name__}, not a tensor"
            raise _usage(found, "Pass the dict that maps names to tensors, such as model.state_dict().")
    is_torch = any(_is_torch(value) for value in values.values())
    source = type(mapping).__name__
    infos = tuple(_describe(source, name, value, None) for name, value in values.items())
    return MemoryReader(source, "state_dict" if is_torch else "arrays", {}, values, infos)


def _usage(found: str, next: str) -> UsageError:
    return UsageError("scan a dict of tensors", found, next)


def _config(module: Any) -> Mapping[str, Any]:
    """The `config` that transformers models carry, in the shape of its `config.json`; those of adapters by their names
    under `peft_config`."""  # fmt: skip
    found: dict[str, Any] = {}
    with suppress(Exception):  # whatever else is called `config` is no concern of a scan
        found.update(module.config.to_dict())
    with suppress(Exception):
        found["peft_config"] = {str(name): adapter.to_dict() for name, adapter in module.peft_config.items()}
    return found


def _is_torch(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_tensor(value: object) -> bool:
    if isinstance(value, np.ndarray) or _is_torch(value):
        return True
    described = hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, np.generic)
    return described and (hasattr(value, "__array__") or hasattr(value, "__dlpack__"))


def _describe(source: str, name: str, value: Any, module: str | None, gather: bool = False) -> TensorInfo:
    if _is_torch(value):
        if gather and hasattr(value, "full_tensor"):
            shape = tuple(int(side) for side in value.shape)
            return TensorInfo(name, torch_spelling(value.dtype), shape, module, (id(value),))
        if hasattr(value, "full_tensor") or hasattr(value, "local_shards"):
            raise unreadable(
                source,
                f"the tensor {shown(name)} is spread over several processes ({type(value).__name__})",
                "Gather it first: torch.distributed.checkpoint.state_dict.get_model_state_dict(model, "
                "options=StateDictOptions(full_state_dict=True)), on every process.",
            )
        dtype = torch_spelling(value.dtype)
        if type(value).__name__.startswith("Uninitialized"):  # LazyLinear and its kin have no shape yet
            return TensorInfo(name, dtype, (0,), module)
        return TensorInfo(
            name, dtype, tuple(int(side) for side in value.shape), module, _torch_storage(value)
        )
    try:
        dtype = spelling_of(np.dtype(value.dtype))
    except TypeError:
        dtype = torch_spelling(value.dtype)
    storage = None
    if isinstance(value, np.ndarray) and value.size:
        storage = _place(value.__array_interface__["data"][0], value.shape, value.strides)
    return TensorInfo(name, dtype, tuple(int(side) for side in value.shape), module, storage)


def _torch_storage(tensor: Any) -> tuple[int, ...] | None:
    try:
        address = int(tensor.data_ptr())  # 0 on the meta device and for empty tensors
        strides = [step * tensor.element_size() for step in tensor.stride()]
    except (RuntimeError, NotImplementedError):  # sparse tensors and some subclasses have no pointer
        return None
    return _place(address, tensor.shape, strides) if address else None


def _place(address: int, shape: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    # Views of one memory may begin at one address and be other matrices: the strides tell them apart. Those of
    # a side of 1 are arbitrary.
    return (int(address), *(0 if side == 1 else int(step) for side, step in zip(shape, strides, strict=True)))


def _has_no_data(value: Any) -> bool:
    return _is_torch(value) and (value.device.type == "meta" or value.layout != sys.modules["torch"].strided)


def _check_memory(tensor: Any) -> None:
    """RuntimeError where the storage is smaller than the view of it, as sharding leaves it: touching it crashes."""
    torch: Any = sys.modules["torch"]
    # Other devices (XLA, meta) show no storage and answer for themselves when they are copied.
    if tensor.layout == torch.strided and tensor.device.type in ("cpu", "cuda") and tensor.numel():
        last = sum((side - 1) * step for side, step in zip(tensor.shape, tensor.stride(), strict=True))
        if (tensor.storage_offset() + last + 1) * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise RuntimeError("its memory has been given back")


def _array(source: str, name: str, value: Any) -> np.ndarray[Any, Any]:
    try:
        array = _from_torch(value) if _is_torch(value) else _from_array(value)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        found = f"the tensor {shown(name)} has no values to read ({shown(error, 80)})"
        raise unreadable(source, found, "Move the model to the CPU as plain tensors.") from None
    array.flags.writeable = False
    return array


def _from_torch(tensor: Any) -> np.ndarray[Any, Any]:
    torch: Any = sys.modules["torch"]
    with torch.no_grad():
        tensor = tensor.detach()
        _check_memory(tensor)
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        tensor = tensor.cpu().resolve_conj().resolve_neg()
        dtype = numpy_dtype(torch_spelling(tensor.dtype))
        if dtype is None:
            raise TypeError(f"elements of type {tensor.dtype}")
        if dtype.isbuiltin == 1:  # 2: ml_dtypes; torch cannot hand those to NumPy itself
            return np.asarray(tensor.numpy()).view()
        codes = torch.int16 if dtype.itemsize == 2 else torch.uint8
        return np.asarray(tensor.view(codes).numpy()).view(dtype)


def _from_array(value: Any) -> np.ndarray[Any, Any]:
    if not hasattr(value, "__array__"):
        return np.from_dlpack(value).view()
    array = np.asarray(value).view()
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
