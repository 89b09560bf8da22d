"""What one tensor's neighbours say about it: the width of a recurrent state, the width of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from triplepoint.records import TensorInfo

_RECURRENT = re.compile(
    r"(?P<stem>.*(?:^|[._]))weight_(?:ih|hh)(?P<tail>(?:_l\d+(?:_reverse)?)?)$", re.DOTALL
)
_INWARD = ("gate_up_proj", "w13", "input_linear.weight")
_OUTWARD = ("down_proj", "w2", "output_linear.weight")


class Siblings:
    """Shapes by name; look-ups cost nothing."""

    def __init__(self, tensors: Sequence[TensorInfo]) -> None:
        self._shapes = {tensor.alias or tensor.name: tensor.shape for tensor in tensors}
        self._stored = {tensor.name: tensor.shape for tensor in tensors}

    def gates(self, name: str) -> int | None:
        """How many gates a recurrent weight stacks: rows by the width of the state, which its sibling tells.

        `weight_hh` is (gates · H, H), or (gates · H, P) beside a projection `weight_hr` of (P, H).
        """
        match = _RECURRENT.fullmatch(name)
        if match is None:
            return None
        stem, tail = match["stem"], match["tail"]
        projection = self._stored.get(f"{stem}weight_hr{tail}")
        state = self._stored.get(f"{stem}weight_hh{tail}")
        own = self._stored.get(name)
        if state is None or own is None or len(state) != 2 or len(own) != 2:
            return None
        hidden = projection[1] if projection is not None and len(projection) == 2 else state[1]
        return own[0] // hidden if hidden and own[0] % hidden == 0 and own[0] == state[0] else None

    def width(self, id: str) -> int | None:
        """X, the width of the model, from the two stacks of fused experts: what goes in is what comes out.

        (E, 2F, X) with (E, X, F), or (E, X, 2F) with (E, F, X). None where both fit or neither.
        """
        for inward, outward in zip(_INWARD, _OUTWARD, strict=True):
            for end in (inward, outward):
                if id.endswith(end):
                    stem = id.removesuffix(end)
                    wide, narrow = self._shapes.get(stem + inward), self._shapes.get(stem + outward)
                    if wide is None or narrow is None or len(wide) != 3 or len(narrow) != 3:
                        return None
                    first = wide[2] == narrow[1] and wide[1] == 2 * narrow[2]
                    second = wide[1] == narrow[2] and wide[2] == 2 * narrow[1]
                    return None if first == second else (wide[2] if first else wide[1])
        return None
