"""`layers=`: which layers are kept, by id, type or name."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.layers import Layer
from triplepoint.errors import UsageError


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked, sorted out."""

    ids: tuple[int, ...] = ()
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def filters_of(layers: Any) -> Filters:
    """Numbers, names and types of layers, one or several; UsageError for ids of both signs and for other values."""
    given = [layers] if isinstance(layers, str | numbers.Integral) else _listed(layers)
    ids = tuple(int(one) for one in given if isinstance(one, numbers.Integral))
    texts = [one for one in given if isinstance(one, str)]
    if len(ids) + len(texts) < len(given):
        raise UsageError(
            f"layers {layers!r}", "neither ids nor names nor types", "Pass a list such as [2, 5]"
        )
    if ids and min(ids) < 0 < max(ids):
        raise UsageError(f"layers {layers!r}", "ids to keep and ids to skip", "Give ids of one sign")
    types = tuple(one for one in texts if one in c.LAYER_TYPES_SUPPORTED)
    return Filters(ids, types, tuple(one for one in texts if one not in c.LAYER_TYPES_SUPPORTED))


def _listed(layers: Any) -> list[Any]:
    if layers is None:
        return []
    if isinstance(layers, Iterable):
        return list(layers)
    raise UsageError(f"layers {layers!r}", "no list", "Pass a list such as [2, 5]")


def kept(layers: Sequence[Layer], filters: Filters) -> list[Layer]:
    """Layers that pass every kind of filter that was given; what matches nothing is a warning.

    A name may be the short or the long one. `-name` skips, unless a layer is called so.
    """
    names = {name for layer in layers for name in (layer.name, layer.longname, layer.key)}
    skipped = {one[1:] for one in filters.names if one not in names and one.startswith("-")}
    wanted = [one for one in filters.names if one in names or not one.startswith("-")]
    missing = [one for one in [*wanted, *skipped] if one not in names]
    missing += [str(one) for one in filters.ids if abs(one) not in {layer.layer_id for layer in layers}]
    if missing:
        warnings.warn(f"layers: nothing is called {', '.join(missing)}", UserWarning, stacklevel=4)

    def passes(layer: Layer) -> bool:
        of_layer = {layer.name, layer.longname, layer.key}
        if filters.types and layer.kind not in filters.types:
            return False
        if filters.ids and min(filters.ids) >= 0 and layer.layer_id not in filters.ids:
            return False
        if filters.ids and min(filters.ids) < 0 and -layer.layer_id in filters.ids:
            return False
        if wanted and not of_layer.intersection(wanted):
            return False
        return not of_layer.intersection(skipped)

    found = [layer for layer in layers if passes(layer)]
    if layers and not found and not missing:
        warnings.warn("layers: no layer passes every filter", UserWarning, stacklevel=4)
    return found


def kept_by_weightwatcher(layers: Sequence[Layer], filters: Filters) -> list[Layer]:
    """As 0.7.7 does it: the last kind of filter overrides those before, and a '-' anywhere in a name makes it one to
    skip."""  # fmt: skip
    skips = ["-" in name for name in filters.names]

    def passes(layer: Layer) -> bool:
        found = not filters.types or layer.kind in filters.types
        if filters.ids:
            negative = min(filters.ids) < 0
            found = -layer.layer_id not in filters.ids if negative else layer.layer_id in filters.ids
        if filters.names and not any(skips):
            found = layer.name in filters.names
        elif filters.names and all(skips):
            found = f"-{layer.name}" not in filters.names
        return found

    return [layer for layer in layers if passes(layer)]
