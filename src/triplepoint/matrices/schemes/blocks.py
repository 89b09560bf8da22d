"""Which part of a weight one scale stands for, from the two shapes and what the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1024)
def fit(
    scales: tuple[int, ...], weight: tuple[int, ...], configured: tuple[int | None, int | None]
) -> tuple[int, int] | None:
    """(rows, columns) of a block over the last two axes; 0 along an axis with one scale, or one an entry.

    Axes are aligned from the first: (E,) and (E, 1, 1) are one scale an expert, (out,) one a row; only scales with as
    many axes as the weight may stand for blocks. None where the shapes leave a choice or contradict the settings.
    """
    if all(count == 1 for count in scales):
        return 0, 0
    if len(scales) < len(weight):
        # A stack of square matrices does not tell one scale an output from one an input.
        square = len(scales) == 2 and 1 < scales[1] == weight[1] == weight[2]
        whole = all(count in (1, size) for count, size in zip(scales, weight, strict=False))
        return (0, 0) if whole and not square else None
    if len(scales) > len(weight) or (scales[-2:] == weight[-2:] and min(scales[-2:]) > 1):
        return None
    found = [0, 0]
    for axis, (count, size) in enumerate(zip(scales, weight, strict=True), 2 - len(weight)):
        if count not in (1, size):
            block = length(count, size, configured[axis]) if axis >= 0 else None
            if block is None:
                return None
            found[axis] = block
    return found[0], found[1]


def length(count: int, size: int, configured: int | None) -> int | None:
    """Entries of each of `count` blocks that cover `size`, the last of which may be short.

    Without a setting only a power of two or an even division is taken, and only where both are one: at most one power
    of two covers a given size with a given count.
    """
    if not 0 < count <= size:
        return None
    if configured is not None:
        return configured if -(-size // configured) == count else None
    found = {2**k for k in range(1, size.bit_length() + 1) if -(-size // 2**k) == count}
    if size % count == 0:
        found.add(size // count)
    return found.pop() if len(found) == 1 else None


def configured(settings: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """`weight_block_size` of transformers, or the one block or group size of compressed-tensors."""
    block = _pair(settings.get("weight_block_size"))
    if block is not None:
        return block
    groups = settings.get("config_groups")
    found: set[tuple[int | None, int | None]] = set()
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            size = size_of(weights.get("group_size"))
            found.add(_pair(weights.get("block_structure")) or (None, size))
    return found.pop() if len(found) == 1 else (None, None)


def _pair(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    rows, columns = map(size_of, value)
    return None if rows is None or columns is None else (rows, columns)


def size_of(value: object) -> int | None:
    """A positive whole number that may be a size, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
