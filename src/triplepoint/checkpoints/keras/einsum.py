"""Kernels of `EinsumDense`: the equation says which axes are summed over, so which are inputs and which outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from triplepoint.checkpoints.keras.names import Owner

_PROJECTIONS = frozenset({"query", "key", "value", "gate"})
_TO_HEADS, _FROM_HEADS = "abc,cde->abde", "abcd,cde->abe"


@dataclass(frozen=True, slots=True)
class Einsum:
    """What an equation says of its second operand."""

    layout: str
    ordered: bool
    """Whether the outputs come in the same order in the kernel and in the result."""


def read(equation: str, ndim: int) -> Einsum | None:
    """`abc,cde->abde` → `in,out,out`. None where an axis is neither summed nor new, or inputs and outputs mix."""
    inputs, _, rest = equation[:200].replace(" ", "").replace(".", "").partition(",")
    kernel, _, result = rest.partition("->")
    if len(kernel) != ndim or any((axis in inputs) == (axis in result) for axis in kernel):
        return None
    words = ["out" if axis in result else "in" for axis in kernel]
    if sum(one != other for one, other in pairwise(words)) != 1:
        return None
    outputs = [axis for axis in kernel if axis in result]
    return Einsum(",".join(words), outputs == [axis for axis in result if axis in kernel])


def projection(owners: Sequence[Owner], beside: bool) -> str | None:
    """The equation of a projection of multi-head attention, whose layers Keras leaves out of the configuration.

    `beside`: a layer `attention_output` stands beside it.
    """
    if not owners or owners[-1].layer is not None:
        return None
    if owners[-1].name == "attention_output":
        return _FROM_HEADS
    known = beside or (len(owners) > 1 and any("attention" in stem for stem in owners[-2].stems))
    return _TO_HEADS if known and owners[-1].name in _PROJECTIONS else None
