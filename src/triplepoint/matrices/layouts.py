"""What the axes of a tensor mean, as one line of text: the language of the rules, of readers and of `--layout`.

One word an axis, with commas: `out`, `in`, `kernel` (positions of a convolution), `expert` or `direction` (a stack of
separate matrices, first axis), `1` (an axis of that size, dropped). Neighbours of one name merge; a single `kernel`
takes every axis that is left. Without `in` the kernel positions are the columns.

    out,in                          a linear layer        in,out,kernel          a transposed convolution
    out,in:X                        the input is X wide   out/32,in,kernel       32 groups, each its own matrix
    out(query:H*D,key:K*D,value:K*D),in                   fused, parts one after another
    out(H x query:D,key:D,value:D),in                     fused, interleaved head by head
    expert,out(gate,up),in                                a stack of fused matrices; no sizes: equal parts

Sizes are numbers or products and quotients of symbols (`heads.symbols`). `fit` resolves a text against a shape into a
text of numbers alone, which `arrange` and `piece` apply. Alternatives stand between `|`; the first that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
STACKS = ("expert", "direction")
_NAMES = (*STACKS, "out", "in", "kernel")
_AXIS = re.compile(r"(\w+)(?:/(\d+))?(?:\(([^()]*)\))?(?::([\w*/]+))?")
_FUSED = re.compile(r"(?:\s*([\w*/]+)\s+x\s)?(.*)", re.DOTALL)
_PART = re.compile(r"\s*([A-Za-z_]\w*)\s*(?::\s*([\w*/]+))?\s*")


@dataclass(frozen=True, slots=True)
class Axis:
    """One word of a layout."""

    name: str
    blocks: int = 1
    """Equal blocks that this axis is cut into, each a matrix of its own (groups of a convolution)."""
    size: str | None = None
    groups: str | None = None
    """How often the parts repeat; `*` for as often as they fit."""
    parts: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A layout resolved against one shape."""

    text: str
    """The same in numbers; `fit(text, shape)` gives this record again."""
    stack: tuple[str, int] | None
    rows: int
    columns: int
    slices: int
    positions: int
    """Kernel positions among the slices; the rest are groups."""
    pooled: bool
    """Whether the slices are positions of a kernel, whose eigenvalues are pooled."""
    groups: int = 1
    parts: tuple[tuple[str, int], ...] = ()
    """Name and rows a group of each fused part; empty where nothing is fused."""


class LayoutError(ValueError):
    """What is wrong with a text, as one clause."""


def fit(text: str, shape: Sequence[int], symbols: Mapping[str, int] | None = None) -> Fitted | None:
    """The first alternative of `text` that fits `shape`; None where none does. LayoutError for bad grammar."""
    for alternative in text.split("|"):
        found = _fit(parse(alternative), tuple(shape), symbols or {})
        if found is not None:
            return found
    return None


def arrange(array: Array, text: str) -> Array:
    """Values as (slices, rows, columns) of `array`, whose stack axis has been indexed away by the reader.

    A view where the array is contiguous and nothing but whole axes move.
    """
    axes = [axis for axis in parse(text) if axis.name not in STACKS]
    names: list[str] = []
    sizes: list[int] = []
    for axis, size in zip(axes, array.shape, strict=True):
        if axis.blocks > 1:
            names, sizes = [*names, "block", axis.name], [*sizes, axis.blocks, size // axis.blocks]
        elif names and names[-1] == axis.name:
            sizes[-1] *= size
        elif axis.name != "1":
            names, sizes = [*names, axis.name], [*sizes, size]
    merged = array.reshape(sizes)
    order = ("block", "kernel", "out", "in") if "in" in names else ("block", "out", "kernel")
    turned = merged.transpose([names.index(name) for name in order if name in names])
    return turned if turned.ndim == 3 else turned.reshape(-1, *turned.shape[-2:])


def piece(values: Array, fitted: Fitted, name: str) -> Array:
    """One fused part of (slices, rows, columns): its rows of every group, in order. A view where groups is 1."""
    total = sum(size for _, size in fitted.parts)
    begin = 0
    for part, size in fitted.parts:
        if part == name:
            slices, _, columns = values.shape
            grouped = values.reshape(slices, fitted.groups, total, columns)[:, :, begin : begin + size]
            return grouped.reshape(slices, fitted.groups * size, columns)
        begin += size
    raise KeyError(name)


@cache
def parse(text: str) -> tuple[Axis, ...]:
    """The axes of one alternative. LayoutError says what is not understood."""
    axes: list[Axis] = []
    for word in re.split(r",(?![^()]*\))", text.strip()):
        match = _AXIS.fullmatch(word.strip())
        if match is None or (match[1] not in _NAMES and match[1] != "1"):
            raise LayoutError(f"{word.strip()!r} is none of {', '.join(_NAMES)} and 1")
        name, blocks, fused, size = match.groups()
        if (fused is not None or blocks) and name != "out" and not (blocks and name == "in"):
            raise LayoutError(f"only `out` can have parts or groups, not {name!r}")
        groups, parts = _parts(fused) if fused is not None else (None, ())
        axes.append(Axis(name, int(blocks or 1), size, groups, parts))
    names = [axis.name for axis in axes if axis.name != "1"]
    runs = [name for k, name in enumerate(names) if k == 0 or names[k - 1] != name]
    if len(set(runs)) < len(runs) or "out" not in runs or not {"in", "kernel"} & set(runs):
        raise LayoutError("it needs `out` and `in` or `kernel`, each in one place")
    if any(name in STACKS for name in runs[1:]) or sum(axis.name in STACKS for axis in axes) > 1:
        raise LayoutError("a stack must be the first axis, and one axis")
    if any(axis.blocks > 1 for axis in axes) and any(axis.parts for axis in axes):
        raise LayoutError("an axis has either groups or parts")
    return tuple(axes)


def _parts(text: str) -> tuple[str | None, tuple[tuple[str, str | None], ...]]:
    match = _FUSED.fullmatch(text)
    assert match is not None  # the last group takes anything
    parts = []
    for word in match[2].split(","):
        found = _PART.fullmatch(word)
        if found is None:
            raise LayoutError(f"{word.strip()!r} is not a part such as `query` or `query:64`")
        parts.append((found[1], found[2]))
    sized = [size is not None for _, size in parts]
    if len({name for name, _ in parts}) < len(parts) or any(sized) != all(sized):
        raise LayoutError("parts need different names, and sizes for all of them or none")
    return match[1], tuple(parts)


def _fit(axes: tuple[Axis, ...], shape: tuple[int, ...], symbols: Mapping[str, int]) -> Fitted | None:
    axes = _stretched(axes, len(shape))
    if len(axes) != len(shape):
        return None
    sizes = dict.fromkeys(_NAMES, 1)
    blocks, groups = 1, 1
    parts: tuple[tuple[str, int], ...] = ()
    words: list[str] = []
    for axis, size in zip(axes, shape, strict=True):
        if size < 1 or (axis.name == "1" and size != 1) or size % axis.blocks:
            return None
        if axis.size is not None and value_of(axis.size, symbols) != size:
            return None
        if axis.name != "1":
            sizes[axis.name] *= size // axis.blocks
        blocks *= axis.blocks
        word = f"{axis.name}/{axis.blocks}" if axis.blocks > 1 else axis.name
        if axis.parts:
            resolved = _resolved(axis, size, symbols)
            if resolved is None:
                return None
            groups, parts = resolved
            word += f"({groups} x {','.join(f'{name}:{rows}' for name, rows in parts)})"
        words.append(word)
    names = {axis.name for axis in axes}
    stack = next(((name, sizes[name]) for name in STACKS if name in names), None)
    positions = sizes["kernel"] if "in" in names else 1
    return Fitted(
        text=",".join(words),
        stack=stack,
        rows=sizes["out"],
        columns=sizes["in" if "in" in names else "kernel"],
        slices=blocks * positions,
        positions=positions,
        pooled={"kernel", "in"} <= names,
        groups=groups,
        parts=parts,
    )


def _stretched(axes: tuple[Axis, ...], ndim: int) -> tuple[Axis, ...]:
    """A single `kernel` stands for all axes that are left, at least one."""
    kernels = [k for k, axis in enumerate(axes) if axis.name == "kernel"]
    if len(kernels) != 1 or ndim <= len(axes):
        return axes
    k = kernels[0]
    return (*axes[:k], *[axes[k]] * (ndim - len(axes) + 1), *axes[k + 1 :])


def _resolved(
    axis: Axis, rows: int, symbols: Mapping[str, int]
) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """Groups and part sizes in numbers; None where they do not make up `rows` exactly."""
    groups = 1 if axis.groups in (None, "*") else value_of(str(axis.groups), symbols)
    if groups is None or rows % groups:
        return None
    if axis.parts[0][1] is None:
        size, rest = divmod(rows // groups, len(axis.parts))
        sizes = [size if not rest else 0] * len(axis.parts)
    else:
        sizes = [value_of(str(text), symbols) or 0 for _, text in axis.parts]
    if 0 in sizes:
        return None
    total = sum(sizes)
    if axis.groups == "*":
        groups = rows // total
    if groups < 1 or groups * total != rows:
        return None
    return groups, tuple((name, size) for (name, _), size in zip(axis.parts, sizes, strict=True))


def value_of(expression: str, symbols: Mapping[str, int]) -> int | None:
    """A product or quotient from left to right, `H/K*D`; None for an unknown symbol or an uneven quotient."""
    value = 1
    for sign, word in re.findall(r"(^|[*/])(\w+)", expression):
        number = int(word) if word.isdecimal() else symbols.get(word)
        if number is None or number < 1:
            return None
        if sign == "/":
            if value % number:
                return None
            value //= number
        else:
            value *= number
    return value
