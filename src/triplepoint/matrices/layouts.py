"""What the axes of a tensor mean, as one line of text: the language of the rules, of readers and of `--layout`.

One word an axis, with commas: `out`, `in`, `kernel` (positions of a convolution), `expert` or `direction` (a stack of
separate matrices, first axis), `1` (an axis of that size, dropped). Neighbours of one name merge, and what the first of
them says of groups or parts holds for all; a single `kernel` takes every axis that is left. Without `in` the kernel
positions are the columns.

    out,in                          a linear layer        in,out,kernel          a transposed convolution
    out,in:X                        the input is X wide   out/32,in,kernel       32 groups, each its own matrix
    out(query:H*D,key:K*D,value:K*D),in                   fused, parts one after another
    out(H x query:D,key:D,value:D),in                     fused, interleaved head by head
    expert,out(gate,up),in                                a stack of fused matrices; no sizes: equal parts

Sizes are products and quotients of numbers and of the symbols in `heads`. `fit` resolves a text against a shape into a
text of numbers alone, which `arrange` and `piece` apply. Alternatives stand between `|`; the first that fits is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.matrices.grammar import NAMES, STACKS, Axis, parse, value_of

Array = np.ndarray[Any, Any]


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


def fit(text: str, shape: Sequence[int], symbols: Mapping[str, int] | None = None) -> Fitted | None:
    """The first alternative of `text` that fits `shape`; None where none does. LayoutError for bad grammar."""
    for alternative in text.split("|"):
        found = _fit(_stretched(parse(alternative), len(shape)), tuple(shape), symbols or {})
        if found is not None:
            return found
    return None


def arrange(array: Array, text: str) -> Array:
    """Values as (slices, rows, columns) of `array`, whose stack axis has been indexed away by the reader.

    A view where the array is contiguous and nothing but whole axes move.
    """
    sizes, order = _turning(text, array.shape)
    turned = array.reshape(sizes).transpose(order)
    return turned if turned.ndim == 3 else turned.reshape(-1, *turned.shape[-2:])


def disarrange(values: Array, text: str, shape: Sequence[int]) -> Array:
    """The array of `shape` that `arrange` makes (slices, rows, columns) `values` of: the way back, for a whole tensor.

    >>> kernel = np.arange(12).reshape(2, 3, 2)
    >>> bool(np.all(disarrange(arrange(kernel, "out,in,kernel"), "out,in,kernel", (2, 3, 2)) == kernel))
    True
    """
    sizes, order = _turning(text, shape)
    turned = values.reshape([sizes[axis] for axis in order])
    return turned.transpose(np.argsort(order)).reshape(tuple(shape))


def stored(text: str, shape: Sequence[int], place: tuple[int, int, int]) -> tuple[int, ...]:
    """Where the entry at `place` (slice, row, column) of `arrange` stands in the array of `shape`: the way back.

    >>> stored("in,out,kernel", (4, 8, 3), (2, 7, 1))
    (1, 7, 2)
    """
    sizes, order = _turning(text, shape)
    turned = [sizes[axis] for axis in order]
    merged = [0] * len(sizes)
    for axis, index in zip(order, (*_digits(place[0], turned[:-2]), *place[1:]), strict=True):
        merged[axis] = index
    number = 0
    for size, index in zip(sizes, merged, strict=True):
        number = number * size + index
    return _digits(number, shape)


def _digits(number: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """The indices of the entry of this number in C order."""
    found: list[int] = []
    for size in reversed(sizes):
        number, index = divmod(number, size)
        found.append(index)
    return tuple(reversed(found))


def _turning(text: str, shape: Sequence[int]) -> tuple[list[int], list[int]]:
    """The axes that are moved, as sizes, and the order that brings them to slices, rows and columns."""
    axes = [axis for axis in parse(text) if axis.name not in STACKS]
    names: list[str] = []
    sizes: list[int] = []
    for axis, size in zip(axes, shape, strict=True):
        if axis.blocks > 1:
            names, sizes = [*names, "block", axis.name], [*sizes, axis.blocks, size // axis.blocks]
        elif names and names[-1] == axis.name:
            sizes[-1] *= size
        elif axis.name != "1":
            names, sizes = [*names, axis.name], [*sizes, size]
    order = ("block", "kernel", "out", "in") if "in" in names else ("block", "out", "kernel")
    return sizes, [names.index(name) for name in order if name in names]


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


def put_piece(values: Array, fitted: Fitted, name: str, rows: Array) -> None:
    """Write `rows` in place where `piece` takes them from; `values` (slices, rows, columns) must be contiguous."""
    if not values.flags.c_contiguous:
        raise ValueError("a copy would be written to, not the array")
    slices, total, columns = len(values), sum(size for _, size in fitted.parts), values.shape[2]
    begin = 0
    for part, size in fitted.parts:
        if part == name:
            grouped = values.reshape(slices, fitted.groups, total, columns)
            grouped[:, :, begin : begin + size] = rows.reshape(slices, fitted.groups, size, columns)
            return
        begin += size
    raise KeyError(name)


def row_of_whole(fitted: Fitted, name: str, row: int) -> int:
    """The row of the whole that is `row` of the fused part `name`: the way back from `piece`."""
    total = sum(size for _, size in fitted.parts)
    begin = 0
    for part, size in fitted.parts:
        if part == name:
            group, rest = divmod(row, size)
            return group * total + begin + rest
        begin += size
    raise KeyError(name)


def flat(fitted: Fitted, shape: Sequence[int]) -> Fitted | None:
    """Of a kernel with one input channel: its filters by positions. None for any other layout.

    Of a transposed kernel it is the output that must be one: depthwise ones are stored so, and a file does not say
    which kernels are transposed.
    """
    lone, size = ("out", fitted.rows) if fitted.text.startswith("in") else ("in", fitted.columns)
    channels = fitted.rows * fitted.columns * fitted.slices // fitted.positions
    if size > 1 or channels == 1 or fitted.positions == 1:
        return None
    words = ["1" if axis.name == lone else axis.name for axis in parse(fitted.text)]
    return fit(",".join("out" if word == "in" else word for word in words), shape)


def _stretched(axes: tuple[Axis, ...], ndim: int) -> tuple[Axis, ...]:
    """A single `kernel` stands for all axes that are left, at least one."""
    kernels = [k for k, axis in enumerate(axes) if axis.name == "kernel"]
    if len(kernels) != 1 or ndim <= len(axes):
        return axes
    k = kernels[0]
    return (*axes[:k], *[axes[k]] * (ndim - len(axes) + 1), *axes[k + 1 :])


def _fit(axes: tuple[Axis, ...], shape: tuple[int, ...], symbols: Mapping[str, int]) -> Fitted | None:
    if len(axes) != len(shape):
        return None
    sizes = dict.fromkeys((*NAMES, "1"), 1)
    for axis, size in zip(axes, shape, strict=True):
        if size < 1 or size % axis.blocks or (axis.name == "1" and size != 1):
            return None
        if axis.size is not None and value_of(axis.size, symbols) != size:
            return None
        sizes[axis.name] *= size // axis.blocks
    groups = 1
    parts: tuple[tuple[str, int], ...] = ()
    words = [f"{axis.name}/{axis.blocks}" if axis.blocks > 1 else axis.name for axis in axes]
    for k, axis in enumerate(axes):
        if axis.parts:
            resolved = _resolved(axis, sizes["out"], symbols)
            if resolved is None:
                return None
            groups, parts = resolved
            words[k] = f"out({groups} x {','.join(f'{part}:{rows}' for part, rows in parts)})"
    names = {axis.name for axis in axes}
    positions = sizes["kernel"] if "in" in names else 1
    return Fitted(
        text=",".join(words),
        stack=next(((name, sizes[name]) for name in STACKS if name in names), None),
        rows=sizes["out"],
        columns=sizes["in" if "in" in names else "kernel"],
        slices=math.prod(axis.blocks for axis in axes) * positions,
        positions=positions,
        pooled={"kernel", "in"} <= names,
        groups=groups,
        parts=parts,
    )


def _resolved(
    axis: Axis, rows: int, symbols: Mapping[str, int]
) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """Groups and part sizes in numbers; None where they do not make up `rows` exactly."""
    groups = 1 if axis.groups in (None, "*") else value_of(str(axis.groups), symbols)
    if groups is None:
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
