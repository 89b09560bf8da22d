"""Layers as WeightWatcher 0.7.7 numbers and names them, for a module, a state dict, a file or a folder.

| model | `layer_id` | `name`, `longname` |
|---|---|---|
| `nn.Module` | place in `named_modules()`, the root is 0 | last component and whole path of the module |
| state dict, dict of arrays | place among the keys that end in `.weight`, from 1 | the key without `.weight`, twice |
| file or folder | the same, from 0; shards in the order of their index | the same |
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triplepoint import checkpoints
from triplepoint.checkpoints.memory import WRAPPERS
from triplepoint.checkpoints.shards import weight_map
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.records import TensorInfo

WEIGHT = ".weight"
INDEX = ".safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Layer:
    """One weight, whether or not it can be analysed."""

    layer_id: int
    name: str
    longname: str
    kind: str
    """WeightWatcher's `layer_type`: dense · conv2d · conv1d · embedding · norm · unknown."""
    key: str
    """Name of the tensor."""
    shape: tuple[int, ...]
    seen: bool = True
    """Whether WeightWatcher lists a weight of this name at all."""
    path: str = ""
    """Of the module that owns it; empty for a dict or file."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What the user passed, opened."""

    given: Any
    reader: checkpoints.Reader
    layers: tuple[Layer, ...]
    """Every tensor of at least two dimensions and every `.weight`, by layer id, in stored order among equals."""


def open_model(given: Any, start_ids: int = 0) -> Model:
    """The model with its layers numbered from `start_ids` on.

    Errors: those of `checkpoints.open`. Files of `torch.save` are read: weights only, without running their code.
    """
    given = unwrapped(given)
    reader = checkpoints.open(given, allow_pickle=True)
    infos = reader.tensors()
    if hasattr(given, "named_modules"):
        found = _of_module(given, infos, start_ids)
    else:
        first = start_ids if start_ids or not isinstance(given, Mapping) else 1
        found = _of_names(infos if isinstance(given, Mapping) else _as_indexed(given, infos), first)
    return Model(given, reader, tuple(sorted(found, key=lambda layer: layer.layer_id)))


def unwrapped(given: Any) -> Any:
    """The state dict or module inside a training checkpoint, as the reader finds it."""
    if not isinstance(given, Mapping):
        return given
    if isinstance(given.get("state_dict"), Mapping):
        return given["state_dict"]
    if any(hasattr(value, "shape") for value in given.values()):
        return given
    inner = (given.get(key) for key in WRAPPERS)
    return next((one for one in inner if isinstance(one, Mapping) or hasattr(one, "named_modules")), given)


def _as_indexed(path: Any, infos: Sequence[TensorInfo]) -> Sequence[TensorInfo]:
    """The tensors of shards in the order of their index, which is sorted only where its writer sorted it."""
    folder = Path(os.fsdecode(path))
    indexes = [folder] if folder.name.endswith(INDEX) else sorted(folder.glob(f"*{INDEX}"))
    if len(indexes) != 1 or (folder / "model.safetensors").exists():
        return infos
    mapped = weight_map(indexes[0])
    place = {name: (shard, number) for number, (name, shard) in enumerate(mapped.items())}
    last = (max(mapped.values()), len(mapped))
    return sorted(infos, key=lambda info: place.get(info.name, last))


def _of_names(infos: Sequence[TensorInfo], first: int) -> list[Layer]:
    """WeightWatcher's own first; weights it does not see are numbered after them."""
    own = [info for info in infos if info.name.endswith(WEIGHT)]
    other = [info for info in infos if not info.name.endswith(WEIGHT) and len(info.shape) > 1]
    found = []
    for layer_id, info in enumerate([*own, *other], start=first):
        name = info.name.removesuffix(WEIGHT)
        kind = {2: c.DENSE, 4: c.CONV2D}.get(len(info.shape), c.UNKNOWN)
        if info.shape[:1] in ((0,), (1,)):
            kind = c.UNKNOWN
        found.append(Layer(layer_id, name, name, kind, info.name, info.shape, info.name.endswith(WEIGHT)))
    return found


def _of_module(module: Any, infos: Sequence[TensorInfo], first: int) -> list[Layer]:
    places = {path: (place, owner) for place, (path, owner) in enumerate(module.named_modules(), start=first)}
    found = []
    for info in infos:
        path, _, last = info.name.rpartition(".")
        place, owner = places.get(path, (None, None))
        if place is None:
            continue  # a second name of a module that has one
        own = last == "weight"
        if not own and len(info.shape) < 2:
            continue
        kind = kind_of_class(type(owner)) if own else c.UNKNOWN
        longname = (path if own else info.name) or type(owner).__name__
        name = longname.rpartition(".")[2]
        seen = own and kind != c.UNKNOWN
        found.append(Layer(place, name, longname, kind, info.name, info.shape, seen, path))
    return found


def kind_of_class(cls: type) -> str:
    """By the words in the class's name and module, as WeightWatcher reads them."""
    text = str(cls).lower()
    words = (
        ("linear", c.DENSE),
        ("conv1d", c.CONV1D),
        ("conv2d", c.CONV2D),
        ("embedding", c.EMBEDDING),
        ("norm", c.NORM),
    )
    return next((kind for word, kind in words if word in text), c.UNKNOWN)


def framework_of(given: Any) -> str:
    """One of `constants.FRAMEWORK`."""
    classes = " ".join(str(cls) for cls in type(given).__mro__)
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    known = (
        (hasattr(given, "named_modules"), c.FRAMEWORK.PYTORCH),
        ("keras" in classes, c.FRAMEWORK.KERAS),
        ("onnx" in classes or str(path).endswith(".onnx"), c.FRAMEWORK.ONNX),
        (isinstance(given, Mapping), c.FRAMEWORK.PYSTATEDICT),
        (bool(path) and os.path.exists(path), c.FRAMEWORK.PYSTATEDICT_DIR),
    )
    return next((framework for fits, framework in known if fits), c.FRAMEWORK.UNKNOWN)
