"""The one error of every decoder, and the check that arrays are what their plan was made for."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.errors import UnreadableCheckpoint

Array = np.ndarray[Any, Any]


def damaged(found: str) -> UnreadableCheckpoint:
    """The error for codes and companions that do not make up a weight; `found` is one clause."""
    return UnreadableCheckpoint("decode a quantised weight", found, "Download or save the checkpoint again.")


def expect(what: str, array: Array, shape: tuple[int, ...]) -> Array:
    """The array, which must have this shape."""
    if array.shape != shape:
        raise damaged(f"the {what} have shape {array.shape}, not {shape}")
    return array


def words(what: str, array: Array) -> Array:
    """32-bit words as unsigned ones, a view."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize != 4:
        raise damaged(f"the {what} are {array.dtype}, not 32-bit words")
    return array.view("<u4")
