"""From a stored tensor along the graph to the operator that takes it as a weight, and back with what its axes mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from triplepoint.checkpoints.onnx import scales as onnx_scales
from triplepoint.checkpoints.onnx.codes import CODES, Codes
from triplepoint.checkpoints.onnx.records import Op, Tensor, Value
from triplepoint.checkpoints.onnx.roles import SLOTS, Axes, Meaning, Shape, Slot

_SAME = frozenset({"Identity", "Cast", "CastLike", "Dropout", "QuantizeLinear"})
_MOST_STEPS = 256
"""Uses that are looked at for one tensor: a graph from a stranger may branch without end."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What following needs beside the values."""

    functions: Mapping[str, tuple[Value, ...]]
    """See `records.Graph`."""
    numbers: Callable[[Value | None], tuple[int, ...] | None]
    """The integers of a small constant; None where a value is none."""
    names: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """What a tensor is to the first operator that says something about it."""

    op: Op
    slot: Slot
    meaning: Meaning
    layout: str | None
    """For the axes as they are stored, or as they are decoded."""
    codes: Codes | None


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A value on the way, and how it came from the tensor."""

    value: Value
    shape: Shape
    axes: tuple[int, ...]
    """Axis of the tensor that each axis is; −1 for an axis of size 1 that was put in."""
    codes: Codes | None = None
    cast: bool = False
    zero: Tensor | None = None
    """What a Sub took from the codes."""

    def as_stored(self) -> bool:
        """Whether no axis has been moved, put in or taken out."""
        return self.axes == tuple(range(len(self.shape)))


def role(start: Value, model: Model) -> Role | None:
    """By the nearest operator that says something, for codes one that knows their scale; None where none does.

    Cost: at most 256 uses are looked at.
    """
    tensor = start.tensor
    if tensor is None or len(tensor.shape) < 2 or 0 in tensor.shape:
        return None
    places, steps = [_Place(start, tensor.shape, tuple(range(len(tensor.shape))))], 0
    unscaled: Role | None = None
    for place in places:  # grows on the way
        for op, k in place.value.uses:
            steps += 1
            if steps > _MOST_STEPS:
                return unscaled
            slot = SLOTS.get((op.type, k))
            found = None if slot is None else _taken(tensor, place, op, slot, model)
            if found is not None and (found.codes is not None or tensor.dtype not in CODES):
                return found
            unscaled = unscaled or found
            following = _through(tensor, place, op, k, model)
            if following is not None:
                places.append(following)
    return unscaled


def _taken(tensor: Tensor, place: _Place, op: Op, slot: Slot, model: Model) -> Role | None:
    """The role where the operator makes sense of the shape."""
    meaning, codes = slot.meaning(op, place.shape), place.codes
    if codes is None and tensor.dtype in CODES and place.as_stored():
        codes = onnx_scales.at(tensor, op, slot, meaning.axes, model.names)
        if codes is not None and codes.shape != place.shape:  # the operator packs them
            meaning = slot.meaning(op, codes.shape)
            return Role(op, slot, meaning, _layout(meaning.axes), codes)
    if meaning.axes is None:
        return Role(op, slot, meaning, None, None) if meaning.suffix == "bias" else None
    words = ["1"] * len(tensor.shape)
    for axis, word in zip(place.axes, meaning.axes, strict=True):
        if axis >= 0:
            words[axis] = word
    layout = _layout(tuple(words))
    return None if layout is None else Role(op, slot, meaning, layout, codes)


def _layout(words: Axes | None) -> str | None:
    """The words as a layout, if they are one: rows and columns, each in one place, a stack first."""
    if words is None:
        return None
    names = [word.split("(")[0] for word in words if word != "1"]
    runs = [name for k, name in enumerate(names) if k == 0 or names[k - 1] != name]
    whole = "out" in runs and not {"in", "kernel"}.isdisjoint(runs) and len(set(runs)) == len(runs)
    stacks = [k for k, word in enumerate(words) if word in ("expert", "direction")]
    return ",".join(words) if whole and stacks in ([], [0]) else None


def _through(tensor: Tensor, place: _Place, op: Op, k: int, model: Model) -> _Place | None:
    """The place behind an operator that passes a weight on; None behind any other."""
    formals = model.functions.get(op.type)
    if formals is not None:
        return replace(place, value=formals[k]) if k < len(formals) else None
    out = op.output()
    if out is None:
        return None
    if op.type in _SAME and k == 0:
        return replace(place, value=out, cast=True)
    if op.type == "DequantizeLinear" and k == 0:
        fresh = place.codes is None and place.as_stored() and tensor.dtype in CODES
        return replace(place, value=out, codes=onnx_scales.before(tensor, op) if fresh else place.codes)
    if op.type in ("Mul", "Sub"):
        return _scaled(tensor, place, op, k, out)
    moved = _moved(place, op, model) if k == 0 else None
    return None if moved is None else replace(place, value=out, shape=moved[0], axes=moved[1])


def _scaled(tensor: Tensor, place: _Place, op: Op, k: int, out: Value) -> _Place | None:
    """Behind the Sub and the Mul that make values of codes; other products are no weights any more."""
    if not place.cast or place.codes is not None or not place.as_stored() or tensor.dtype not in CODES:
        return None
    other = op.input(1 - k)
    if op.type == "Sub":
        zero = onnx_scales.constant(other)
        return (
            replace(place, value=out, zero=zero)
            if zero is not None and k == 0 and place.zero is None
            else None
        )
    codes = onnx_scales.product(tensor, other, place.zero)
    return None if codes is None else replace(place, value=out, codes=codes)


def _moved(place: _Place, op: Op, model: Model) -> tuple[Shape, tuple[int, ...]] | None:
    """Shape and axes behind an operator that moves axes or drops and adds some of size 1."""
    rank = len(place.shape)
    if op.type == "Transpose":
        order = op.ints.get("perm") or tuple(reversed(range(rank)))
        if sorted(order) != list(range(rank)):
            return None
        return tuple(place.shape[k] for k in order), tuple(place.axes[k] for k in order)
    shape = _reshaped(place.shape, op, model)
    if shape is None or [size for size in shape if size != 1] != [size for size in place.shape if size != 1]:
        return None
    kept = iter([axis for axis, size in zip(place.axes, place.shape, strict=True) if size != 1])
    return shape, tuple(next(kept) if size != 1 else -1 for size in shape)


def _reshaped(shape: Shape, op: Op, model: Model) -> Shape | None:
    asked = op.ints.get("axes") or model.numbers(op.input(1))
    if op.type == "Reshape" and asked:
        sizes = [shape[k] if size == 0 and k < len(shape) else size for k, size in enumerate(asked)]
        known = math.prod(size for size in sizes if size != -1)
        if sizes.count(-1) > 1 or known < 1 or math.prod(shape) % known:
            return None
        return tuple(math.prod(shape) // known if size == -1 else size for size in sizes)
    if op.type == "Squeeze":
        dropped = (
            {axis % len(shape) for axis in asked}
            if asked
            else {k for k, size in enumerate(shape) if size == 1}
        )
        return tuple(size for k, size in enumerate(shape) if k not in dropped)
    if op.type == "Unsqueeze" and asked:
        rank = len(shape) + len(asked)
        added, rest = {axis % rank for axis in asked}, iter(shape)
        return tuple(1 if k in added else next(rest, 1) for k in range(rank))
    return None
