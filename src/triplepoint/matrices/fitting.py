"""Which layout fits a weight, with the numbers that the configuration and its neighbours tell."""

from __future__ import annotations

import re
from functools import lru_cache

from triplepoint.matrices.heads import Heads
from triplepoint.matrices.layouts import Fitted, fit
from triplepoint.matrices.siblings import Siblings

Shape = tuple[int, ...]

_OUT = re.compile(r"out\([^()]*\)(:[\w*/]+)?")
_IN = re.compile(r"\bin\b(:[\w*/]+)?")


def with_parts(given: str, named: str) -> str:
    """The format knows the axes (`in,out`), the name the parts (`out(query,key,value),in`): both."""
    if sorted(given.split(",")) != ["in", "out"]:
        return given
    found = [(_OUT.search(one), _IN.search(one)) for one in named.split("|") if "(" in one]
    both = [
        ",".join({"out": out[0], "in": into[0]}[axis] for axis in given.split(","))
        for out, into in found
        if out is not None and into is not None
    ]
    return " | ".join((*both, given))


def best(
    layout: str, shape: Shape, id: str, heads: Heads, siblings: Siblings, *, proven: bool
) -> Fitted | None:
    """The first alternative that fits with the numbers of any model that the configuration describes.

    Shapes go before the configuration: W and F are what the weight leading out of the block takes in, if there is one.
    `proven`: queries or values must be as wide, whatever the configuration says.
    """
    if "(" not in layout and ":" not in layout:
        return _plain(layout, shape)
    inside = siblings.inside(id) if len(shape) == 2 else None
    if inside is None:
        shown = {"W": shape[0] if layout.startswith("in,") else shape[-1]}
    else:
        shown = {"W": inside, "F": inside}
    for alternative in layout.split("|"):
        for symbols in heads.candidates(id):
            fitted = fit(alternative, shape, {**symbols, **shown})
            if fitted is not None and not (proven and _contradicts(fitted, inside)):
                return fitted
    return None


@lru_cache(maxsize=4096)
def _plain(layout: str, shape: Shape) -> Fitted | None:
    return fit(layout, shape)


def _contradicts(fitted: Fitted, inside: int | None) -> bool:
    """Whether the way out takes in another width than attention makes of these parts."""
    widths = {name: size * fitted.groups for name, size in fitted.parts}
    return inside is not None and "value" in widths and inside not in (widths.get("query"), widths["value"])
