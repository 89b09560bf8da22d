"""Seeded shuffles of the entries of a matrix, and sign flips; both keep what the null keeps and nothing else.

A shuffle keeps the multiset of entries and forgets their places: whatever stands out afterwards is made by the
distribution of the entries alone. Sign flips keep every |w| in its place and forget the signs: uneven variance of rows
and columns survives, correlation does not (Hong, Sheng and Dobriban 2020, arXiv 2012.02985).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.fits.interval import stream
from triplepoint.linalg.panels import convert
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import EntryStatistics

Array = np.ndarray[Any, Any]

# Beyond these scales entries in float32 lose digits or leave its range.
SAFE32 = (1e-25, 1e25)
PIECE_BYTES = 1 << 20
# Bytes of random signs that are unpacked in one go.
FLIPPED = 1 << 16


def draw_stream(settings: NullSettings, kind: str, draw: int = 0, index: int = 0) -> np.random.Generator:
    """The random stream of draw `draw` of slice `index`: a function of seed, id, kind and both numbers alone."""
    return stream(settings.seed, f"{settings.name}#{kind}.{draw}.{index}")


def standardised(
    values: Any, entries: EntryStatistics, *, double: bool = False, centred: bool = True
) -> Array:
    """(W − ⟨w⟩)/σ of one slice (rows, columns), or W/σ, C-ordered; float32 where that is enough.

    float64 for weights stored so, for a mean beyond 1000 σ, for scales outside float32's range, and on request.
    """
    small, large = SAFE32
    narrow = values.dtype != np.float64 and small < entries.std and entries.max_abs < large
    narrow = narrow and abs(entries.mean) < 1000 * entries.std and not double
    out = np.empty(values.shape, np.float32 if narrow else np.float64)
    if isinstance(values, np.ndarray):
        convert(values, out)
    else:
        # Packed rows are decoded once, a piece at a time.
        step = max(1, PIECE_BYTES // (4 * values.shape[1]))
        for start in range(0, values.shape[0], step):
            convert(values[start : start + step], out[start : start + step])
    if centred:
        out -= out.dtype.type(entries.mean)
    out /= out.dtype.type(entries.std)
    return out


def shuffled(matrix: Array, generator: np.random.Generator) -> Array:
    """The entries in uniformly random order, in place (Fisher–Yates)."""
    generator.shuffle(matrix.reshape(-1))
    return matrix


def places_of(wanted: Array, values: Any, entries: EntryStatistics) -> Array | None:
    """Flat places in `values`, one slice (rows, columns), of the entries that `standardised` made `wanted` of.

    None where one of them is there more than once. A piece at a time; O(entries · wanted).
    """
    double = wanted.dtype == np.float64
    found: list[list[int]] = [[] for _ in wanted]
    step = max(1, PIECE_BYTES // (8 * values.shape[1]))
    for start in range(0, values.shape[0], step):
        piece = standardised(values[start : start + step], entries, double=double).reshape(-1)
        for index, value in enumerate(wanted):
            found[index] += (np.flatnonzero(piece == value) + start * values.shape[1]).tolist()
    return np.array(found)[:, 0] if all(len(places) == 1 for places in found) else None


def origins(count: int, places: Array | slice, generator: np.random.Generator) -> Array:
    """Where the entries that a shuffle brought to the flat `places` stood before.

    `generator` in the state that shuffled `count` entries: which entries are exchanged depends on their number alone,
    so shuffling their indices repeats the shuffle. 4 or 8 bytes an entry.
    """
    order = np.arange(count, dtype=np.int32 if count < 2**31 else np.int64)
    generator.shuffle(order)
    return np.asarray(order[places], dtype=np.int64)


def sign_flipped(matrix: Array, generator: np.random.Generator) -> Array:
    """Independent random signs, in place. One byte for eight entries, and a piece at a time."""
    bits = np.frombuffer(generator.bytes((matrix.size + 7) // 8), np.uint8)
    flat = matrix.reshape(-1)
    for start in range(0, bits.size, FLIPPED):
        piece = flat[8 * start : 8 * (start + FLIPPED)]
        signs = np.unpackbits(bits[start : start + FLIPPED], count=piece.size)
        np.negative(piece, out=piece, where=signs.view(bool))
    return matrix
