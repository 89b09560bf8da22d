"""Integer codes with a scale and a zero for each group of inputs; the groups may be in any order."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.matrices.decoding.damaged import damaged, expect
from triplepoint.matrices.decoding.scales import apply

Array = np.ndarray[Any, Any]


def checked(order: Array, inputs: int, groups: int) -> Array:
    """The group of every input, each of which must be there."""
    found = expect("group numbers", order, (inputs,)).astype(np.int64)
    if found.size and not (found.min() >= 0 and found.max() < groups):
        raise damaged(f"a group number lies outside the {groups} groups")
    return found


def fill(panel: Array, codes: Array, scales: Array, zeros: Array, *, size: int, order: Array | None) -> None:
    """`panel = (codes − zero) · scale` for rows of outputs; scales and zeros are (rows, groups), or one number.

    Groups are `size` neighbours each, the last perhaps fewer, or as `order` says.
    """
    panel[...] = codes
    for operation, values in ((np.subtract, zeros), (np.multiply, scales)):
        if order is None or values.size == 1:
            apply(operation, panel, values, columns=size)
        else:
            with np.errstate(all="ignore"):
                operation(panel, np.take(values, order, axis=1), out=panel)
