"""What a weight's neighbours say about it: gates of a recurrent layer, the width inside a block, which axis is which.

A name promises, shapes prove: a fused weight is split where the way out of its block is as wide as its parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from triplepoint.matrices.names import split

Shape = tuple[int, ...]

_RECURRENT = re.compile(
    r"(?P<stem>.*(?:^|[._]))weight_(?:ih|hh)(?P<tail>(?:_l\d+(?:_reverse)?)?)$", re.DOTALL
)
_WAYS_OUT = (
    # of attention
    *("proj", "out_proj", "o_proj", "dense", "c_proj", "wo", "Wo", "projection", "to_out.0", "to_out"),
    # of feed-forward layers, besides Wo
    *("down_proj", "w3", "dense_4h_to_h", "output_linear"),
)
_PAIRS = {
    **dict.fromkeys(("gate_up_proj", "down_proj"), ("gate_up_proj", "down_proj")),
    **dict.fromkeys(("input_linear", "output_linear"), ("input_linear", "output_linear")),
}
"""The way into every expert and the way out, by the name of either."""


class Siblings:
    """Shapes by id. A look-up is a few joins of texts."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes

    def beside(self, id: str, name: str) -> bool:
        """Whether the module that owns the weight's owner has something of this name."""
        return split(id)[0] + name in self._shapes

    def gates(self, id: str) -> int | None:
        """How many gates a recurrent weight stacks: rows by the width of the state, which its sibling tells.

        `weight_hh` is (gates · H, H), or (gates · H, P) beside a projection `weight_hr` of (P, H).
        """
        match = _RECURRENT.fullmatch(id) if "weight_" in id else None
        if match is None:
            return None
        stem, tail = match["stem"], match["tail"]
        projection = self._shapes.get(f"{stem}weight_hr{tail}")
        state = self._shapes.get(f"{stem}weight_hh{tail}")
        own = self._shapes[id]
        if state is None or len(state) != 2 or len(own) != 2 or own[0] != state[0]:
            return None
        hidden = state[1]
        if projection is not None:
            if len(projection) != 2 or projection[0] != state[1]:
                return None
            hidden = projection[1]
        return own[0] // hidden if hidden and own[0] % hidden == 0 else None

    def inside(self, id: str) -> int | None:
        """W of attention, F of a feed-forward layer: what the linear layer that leads out of the block takes in.

        (3W, X) or (2F, X) leads in, (X, W) or (X, F) out.
        """
        stem = split(id)[0]
        for name in _WAYS_OUT:
            shape = self._shapes.get(f"{stem}{name}.weight")
            if shape is not None:
                return shape[1] if len(shape) == 2 else None
        return None

    def inputs_first(self, id: str, widths: frozenset[int]) -> bool | None:
        """Whether stacked experts that fuse gate and up are (expert, in, out); None where nothing tells.

        Out of (E, 2F, X) leads (E, X, F), out of (E, X, 2F) leads (E, F, X). A stack without its way out is held
        against the `widths` that X may have by the configuration.
        """
        stem, owner, tail = split(id)
        inward, outward = _PAIRS.get(owner, ("", ""))
        wide, narrow = self._shapes.get(stem + inward + tail), self._shapes.get(stem + outward + tail)
        if wide is None or len(wide) != 3:
            return None
        if narrow is not None:
            first = len(narrow) == 3 and wide == (narrow[0], narrow[2], 2 * narrow[1])
            second = len(narrow) == 3 and wide == (narrow[0], 2 * narrow[2], narrow[1])
        else:
            first, second = wide[1] in widths, wide[2] in widths
        return None if first == second else first
