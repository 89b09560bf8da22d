"""Square sub-matrices of a matrix, to look at spectra without the aspect ratio (FARMS, arXiv 2506.06280).

FARMS slides overlapping windows and pools their spectra. Here the tiles are cells of one grid with a random offset, so
they share no entry and are independent if the entries are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.records import PackedRows

Array = np.ndarray[Any, Any]

# 16 tiles of 256 x 256 hold a million entries.
MAX_SIDE = 256
MIN_SIDE = 8
MAX_TILES = 16


def side_of(shape: tuple[int, int]) -> int:
    """Side of the tiles: the smaller side of the matrix in equal parts of at most MAX_SIDE, at least two of them.

    Two, so that there is a spread between tiles; in one part where the half would be below MIN_SIDE.

    >>> [side_of(shape) for shape in ((4096, 768), (384, 384), (12, 10))]
    [256, 192, 10]
    """
    small = min(shape)
    parts = max(2, -(-small // MAX_SIDE)) if small >= 2 * MIN_SIDE else 1
    return small // parts


def tiles(values: Array | PackedRows, generator: np.random.Generator) -> Array:
    """Up to MAX_TILES square tiles of (slices, rows, columns), float64 (tiles, side, side), largest entry 1.

    The offset of the grid and the cells are drawn, the same ones for a matrix and its transpose. Slices whose entries
    are all equal (pruned kernel positions, say) have none, unless all are such. Cost: the bytes of the rows that are
    cut, and of the slices where there are several.
    """
    stack = values.reshape(-1, *values.shape[-2:]) if isinstance(values, np.ndarray) else None
    rows, columns = values.shape[-2:]
    tall = rows >= columns
    side = side_of((rows, columns))
    slices = [0] if stack is None else _varied(stack)
    starts = [_starts(length, side, generator) for length in (max(rows, columns), min(rows, columns))]
    cells = [(k, a, b) for k in slices for a in starts[0] for b in starts[1]]
    chosen = generator.choice(len(cells), min(len(cells), MAX_TILES), replace=False)
    found = np.empty((chosen.size, side, side))
    for tile, (k, a, b) in zip(found, (cells[i] for i in np.sort(chosen)), strict=True):
        row, column = (a, b) if tall else (b, a)
        band = values[row : row + side] if stack is None else stack[k][row : row + side]
        tile[...] = band[:, column : column + side]
    largest = float(np.max(np.abs(found)))
    return found / largest if largest > 0 else found


def _varied(stack: Array) -> list[int]:
    if len(stack) == 1:
        return [0]
    varied = [k for k, matrix in enumerate(stack) if np.any(matrix != matrix[0, 0])]
    return varied or list(range(len(stack)))


def _starts(length: int, side: int, generator: np.random.Generator) -> Array:
    """First indices of the ⌊length/side⌋ cells along one axis, after a random offset."""
    offset = int(generator.integers(length % side + 1))
    return offset + side * np.arange(length // side)


def eigenvalues_of(stack: Array) -> Array:
    """λ of TTᵀ for every tile, ascending (tiles, side); what rounding hides is zero."""
    values = np.linalg.eigvalsh(stack @ np.swapaxes(stack, -1, -2))
    floor = stack.shape[-1] * np.finfo(np.float64).eps * values[:, -1:]
    return np.asarray(np.where(values > floor, values, 0.0))
