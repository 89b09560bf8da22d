"""The configuration of a Keras model as a tree of layers: data only, no class is looked up and nothing is built."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.limits import MAX_KERAS_CONFIG_BRACKETS, MAX_KERAS_CONFIG_BYTES

MAX_NAME = 200
"""Characters of a class or a layer; names of layers within each other are put together for every variable."""
_ELSEWHERE = {"_layer_checkpoint_dependencies": "layers", "forward_layer": "layer"}
"""Where the name in a file differs from that in the configuration."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One `{"class_name", "config"}` of the configuration."""

    kind: str
    """Class without its package: `Dense`."""
    settings: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """What the user or Keras calls it."""
        name = self.settings.get("name")
        return name if isinstance(name, str) and 0 < len(name) <= MAX_NAME else None

    def all(self, attribute: str) -> list[Layer]:
        """The layers in a list or dict that is an attribute: `layers`, `cells`."""
        value = self.settings.get(_ELSEWHERE.get(attribute, attribute))
        if isinstance(value, Mapping) and "class_name" not in value:
            value = list(value.values())
        return [found for each in value if (found := of(each))] if isinstance(value, list) else []

    def one(self, attribute: str) -> Layer | None:
        """The layer that is an attribute: `layer`, `backward_layer`, `cell`."""
        return of(self.settings.get(_ELSEWHERE.get(attribute, attribute)))

    def below(self) -> dict[str, Layer]:
        """All layers directly below, by name."""
        found: list[Layer] = []
        for attribute in self.settings:
            one = self.one(attribute)
            found += [one] if one is not None else self.all(attribute)
        return {layer.name: layer for layer in found if layer.name is not None}


def read(data: bytes) -> Layer | None:
    """The model; None for a configuration that says nothing of layers. ValueError where it is damaged or too large."""
    if len(data) > MAX_KERAS_CONFIG_BYTES or data.count(b"[") + data.count(b"{") > MAX_KERAS_CONFIG_BRACKETS:
        raise ValueError(
            f"its configuration has more than {MAX_KERAS_CONFIG_BYTES:,} bytes or too many lists"
        )
    try:
        return of(json.loads(data))
    except RecursionError:
        raise ValueError("its configuration is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"its configuration is not valid JSON ({shown(error)})") from None


def of(value: object) -> Layer | None:
    """The layer that a part of the configuration stands for."""
    if not isinstance(value, Mapping) or not isinstance(kind := value.get("class_name"), str):
        return None
    if len(kind) > MAX_NAME:
        return None
    settings = value.get("config")
    if isinstance(settings, list):  # Sequential of Keras 1 and 2.0
        settings = {"layers": settings}
    return Layer(kind.rpartition(">")[2], settings) if isinstance(settings, Mapping) else None


def modes(model: Layer | None) -> set[str]:
    """How weights are quantised, over all layers: `int8`, `int4`, …; empty where none are."""
    found: set[str] = set()
    waiting: list[object] = [model.settings] if model is not None else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            waiting += part.values()
            policy = of(part)
            if policy is not None and policy.kind.startswith("Quantized"):
                found.add(str(policy.settings.get("mode")))
            if isinstance(written := part.get("dtype"), str) and "_from_" in written:
                found.add(written.partition("_from_")[0])
    return found


def snake(kind: str) -> str:
    """`Conv2DTranspose` → `conv2d_transpose`: a class as Keras makes names of it."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", re.sub(r"\W", "", kind)).lower()


def counted(layers: list[Layer]) -> dict[str, Layer]:
    """`dense`, `dense_1`, …: the names under which Keras 3 saves the members of a list, in order."""
    seen: Counter[str] = Counter()
    names = {}
    for layer in layers:
        stem = snake(layer.kind)
        names[f"{stem}_{seen[stem]}" if seen[stem] else stem] = layer
        seen[stem] += 1
    return names
