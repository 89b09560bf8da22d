"""Which rows stand for themselves: a kernel slice and a fused weight whose parts have rows repeat what others say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from triplepoint.records.rows import MatrixRow

_SLICE = re.compile(r"(^|\.)slice\.\d+$")


def is_slice(row: MatrixRow) -> bool:
    """One kernel position of a convolution that has a row as a whole."""
    return row.part is not None and _SLICE.search(row.part) is not None


def primary(rows: Iterable[MatrixRow]) -> tuple[MatrixRow, ...]:
    """Rows without slices and without fused weights: each stored weight once, in order.

    The id of a part is the id of its whole, a slash and a name, and both come from one tensor.
    """
    kept = [row for row in rows if not is_slice(row)]
    wholes = {(row.id.rpartition("/")[0].rstrip("/"), row.name) for row in kept if row.part is not None}
    return tuple(row for row in kept if (row.id, row.name) not in wholes)
