"""From the path of a dataset to the layers that own it, named as the user named them.

Keras 3 saves by structure, `layers/dense_1/vars/0`: lists number their members by class, variables have a number
only; names stand in an attribute of `vars` or, before Keras 3.4, in the configuration alone. Keras 2 and the legacy
format save by name, `model_weights/head/head/kernel:0`. Both lead to `head`, `kernel`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triplepoint.checkpoints.keras import config as keras_config
from triplepoint.checkpoints.keras.config import Layer

_LISTS = frozenset({"layers", "_layer_checkpoint_dependencies"})
_CELLS = ("lstm", "gru", "simple_rnn")
_FIXED = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}
"""Attributes of attention layers, and what the layers in them are called."""
_COUNTER = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class Owner:
    """A layer on the way to a variable; the outermost comes first."""

    name: str
    stems: tuple[str, ...]
    """Its class in snake case, as far as the file tells: by the configuration, the place in a list, the name."""
    layer: Layer | None
    """Its part of the configuration."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of its configuration; nothing where there is none."""
        return self.layer.settings if self.layer is not None else {}


@dataclass(frozen=True, slots=True)
class Variable:
    """One dataset seen as a variable of a layer."""

    owners: tuple[Owner, ...]
    name: str
    """`kernel`, or its number among the variables of its layer."""
    group: str
    """The variables of one layer share it."""
    numbered: bool = False
    """Whether it has a number instead of a name."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """What is known at the end of a path."""

    owners: tuple[Owner, ...]
    here: Layer | None = None
    members: Mapping[str, Layer] | None = None
    """Set where the path ends at a list."""


class Names:
    """The variables of one file; each group is looked up once."""

    def __init__(self, labels: Mapping[str, str], model: Layer | None, *, keras: bool) -> None:
        self._labels, self._model, self._keras = labels, model, keras
        self._structural: dict[tuple[str, ...], _Reached] = {}
        self._named: dict[tuple[str, ...], _Reached] = {}
        self._below: dict[int, dict[str, Layer]] = {}

    def variable(self, path: str) -> Variable:
        """Of any dataset; a path that is not of Keras is taken by its parts."""
        *groups, last = path.split("/")
        if groups and groups[-1] == "vars" and re.fullmatch(r"0|[1-9][0-9]{0,5}", last):
            owners = self._by_structure(tuple(groups[:-1])).owners
            return Variable(owners, last, "/".join(groups), numbered=True)
        name = last.removesuffix(":0")
        where = groups
        if groups and (self._keras or groups[0] == "model_weights"):
            where = _without_repetition(groups)
            if where and name.startswith(f"{where[-1]}_"):  # Keras 1: `block1_conv1_W_1`
                short = re.fullmatch(r"(W|b)(_\d+)?", name.removeprefix(f"{where[-1]}_"))
                name = {"W": "kernel", "b": "bias"}[short[1]] if short else name
        return Variable(self._by_name(tuple(where)).owners, name, "/".join(groups))

    def _by_structure(self, parts: tuple[str, ...]) -> _Reached:
        if not parts:
            return _Reached((), self._model)
        if parts not in self._structural:
            before, part = self._by_structure(parts[:-1]), parts[-1]
            here: Layer | None = None
            members: Mapping[str, Layer] | None = None
            if before.members is not None:
                here = before.members.get(part)
            elif before.here is not None:
                here = before.here.one(part)
                several = before.here.all(part) if here is None else []
                members = keras_config.counted(several) if several else None
            name = self._labels.get("/".join((*parts, "vars"))) or (here.name if here else None)
            if name is None and not self._labels and part not in _LISTS and members is None:
                name = _unlabelled(part, before.owners)
            owners = before.owners
            if name is not None:
                known = [keras_config.snake(here.kind)] if here else []
                stems = (*known, *(_COUNTER.sub("", word).lstrip("_") for word in (part, name)))
                if parts[:-1] and parts[-2] not in _LISTS:  # the name of an attribute, not of a class
                    stems = (*known, *reversed(stems[len(known) :]))
                owners = (*owners, Owner(name, stems, here))
            self._structural[parts] = _Reached(owners, here, members)
        return self._structural[parts]

    def _by_name(self, parts: tuple[str, ...]) -> _Reached:
        if not parts:
            return _Reached((), self._model)
        if parts not in self._named:
            before, part = self._by_name(parts[:-1]), parts[-1]
            here = self._below_of(before.here).get(part) if before.here is not None else None
            known = [keras_config.snake(here.kind)] if here else []
            owner = Owner(part, (*known, _COUNTER.sub("", part)), here)
            self._named[parts] = _Reached((*before.owners, owner), here)
        return self._named[parts]

    def _below_of(self, layer: Layer) -> dict[str, Layer]:
        if id(layer) not in self._below:
            self._below[id(layer)] = layer.below()
        return self._below[id(layer)]


def _unlabelled(part: str, owners: tuple[Owner, ...]) -> str:
    """In a file without names every part but those of lists is a layer; some of Keras's own have fixed names."""
    if part == "cell" and owners and owners[-1].stems[0] in _CELLS:
        return f"{owners[-1].stems[0]}_cell"
    return _FIXED.get(part.lstrip("_"), part)


def _without_repetition(groups: list[str]) -> list[str]:
    """`[model_weights/]GROUP/…`: the weight's own path may repeat the group or begin with the model."""
    groups = groups[1:] if groups[0] == "model_weights" else groups
    if groups[:1] == ["top_level_model_weights"]:
        return groups[1:]
    return groups[groups.index(groups[0], 1) :] if groups and groups[0] in groups[1:] else groups
