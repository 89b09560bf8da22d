"""The metrics of a document as columns, the ones that the page needs first where there is no room for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from triplepoint.page.columns import column
from triplepoint.page.costs import cost
from triplepoint.page.thinning import rounded

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

FIRST = (
    *("alpha", "alpha_low", "alpha_high", "xmin", "num_tail"),
    *("bulk_sigma", "bulk_edge", "num_spikes", "mp_sigma"),
)
"""What the picture of a layer is made of; the live page asks for others when they are wanted."""
SECOND = ("ks_distance", "null_p", "stable_rank", "log_norm", "num_traps", "xmax")
BITS = 12
"""Binary digits of a number where there is no room for all of them."""
EXACT, COARSE = 4.9, 2.7
"""Bytes that a number takes, with all its digits and with `BITS`; measured on random walks."""


def by_importance(names: Iterable[str]) -> list[str]:
    """First what the pictures need, then what is looked at most, then the rest as they come."""
    there = dict.fromkeys(names)
    return [*dict.fromkeys([name for name in (*FIRST, *SECOND) if name in there] + list(there))]


def series(values: Mapping[str, Array], coarse: bool) -> Document:
    """{metric: column}."""
    return {name: one(found, coarse) for name, found in values.items()}


def one(values: Array, coarse: bool) -> Document:
    """One metric as a column."""
    return column(rounded(values, BITS) if coarse else values, "f4")


def fitting(values: Mapping[str, Array], room: float, coarse: bool) -> tuple[Document, Sequence[str]]:
    """The columns of as many metrics as fit into `room` bytes, in the order of their importance and those of `FIRST` in
    any case; and the names of the others."""
    found: Document = {}
    left = []
    for name in by_importance(values):
        made = one(values[name], coarse)
        taken = cost(made)
        if taken > room and name not in FIRST:
            left.append(name)
            continue
        found[name] = made
        room -= taken
    return found, left
