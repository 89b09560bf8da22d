"""The grammar of layouts: one word an axis, each with its groups, parts and size. What the words mean: `layouts`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

STACKS = ("expert", "direction")
NAMES = (*STACKS, "out", "in", "kernel")
MAX_LENGTH = 4096
"""Characters of a text; a reader may have made it of a file with any number of axes."""
_SIZE = r"(?:[A-Z]|\d{1,12})(?:[*/](?:[A-Z]|\d{1,12}))*"
_AXIS = re.compile(rf"(\w+)(?:/([1-9]\d{{0,8}}))?(?:\(([^()]*)\))?(?::({_SIZE}))?", re.ASCII)
_FUSED = re.compile(rf"(?:\s*(\*|{_SIZE})\s+x\s)?(.*)", re.ASCII | re.DOTALL)
_PART = re.compile(rf"\s*([A-Za-z_]\w*)\s*(?::\s*({_SIZE}))?\s*", re.ASCII)


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


class LayoutError(ValueError):
    """What is wrong with a text, as one clause."""


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Axis, ...]:
    """The axes of one alternative. LayoutError says what is not understood."""
    if len(text) > MAX_LENGTH:
        raise LayoutError(f"it is longer than {MAX_LENGTH:,} characters")
    axes: list[Axis] = []
    for word in re.split(r",(?![^()]*\))", text.strip()):
        match = _AXIS.fullmatch(word.strip())
        if match is None or (match[1] not in NAMES and match[1] != "1"):
            raise LayoutError(f"{word.strip()!r} is none of {', '.join(NAMES)} and 1")
        name, blocks, fused, size = match.groups()
        if (fused is not None and name != "out") or (blocks is not None and name not in ("out", "in")):
            raise LayoutError(f"only `out` can have parts, `out` and `in` groups, not {name!r}")
        groups, parts = _parts(fused) if fused is not None else (None, ())
        axes.append(Axis(name, int(blocks or 1), size, groups, parts))
    said = [axis for axis in axes if axis.name != "1"]
    starts = [axis for k, axis in enumerate(said) if k == 0 or said[k - 1].name != axis.name]
    runs = [axis.name for axis in starts]
    if len(set(runs)) < len(runs) or "out" not in runs or not {"in", "kernel"} & set(runs):
        raise LayoutError("it needs `out` and `in` or `kernel`, each in one place")
    if any(name in STACKS for name in runs[1:]) or sum(axis.name in STACKS for axis in axes) > 1:
        raise LayoutError("a stack must be the first axis, and one axis")
    cut = [axis for axis in said if axis.blocks > 1 or axis.parts]
    if len(cut) > 1 or any(axis.blocks > 1 and axis.parts for axis in cut):
        raise LayoutError("one axis has either groups or parts")
    if cut and not any(axis is cut[0] for axis in starts):
        raise LayoutError("groups and parts of neighbours that merge belong to the first of them")
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
