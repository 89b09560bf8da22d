"""What in the entries makes a trap, and where in W they stand.

| cause | criterion, in this order |
|---|---|
| shifted_mean | a tenth of the singular value comes from the mean, |m|·|Σuᵢ·Σvⱼ|/s, and no entry gives more |
| few_huge_entries | a tenth is of one entry, or most of one above (NM)^¼ σ; smaller ones lift the edge by at most 1 |
| heavy_tailed_entries | the entries below (NM)^¼ σ lift the edge by more than ¼ |
| chance | none of these: one of the false alarms that the level allows |

A rank-one part t times as strong as critical gives (t² − 1)/(t² + 1) of its singular value where N = M, a typical entry
of Gaussian noise less than a hundredth; in very thin matrices the share is smaller (0.07 for t = 3 in 16 x 200,000) and
the size of the entry tells. The lift is that of the kurtosis, `screen.lift`, in Tracy–Widom units: 2–7 for Student-t(3)
from 128 x 128 to 1500 x 1500, 1.6–2.3 for t(4), 0.4–0.8 for t(6), and 0.2–1.3 in the matrices of a pretrained
transformer that have one or two entries above (NM)^¼.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.nulls import screen
from triplepoint.nulls.marchenko_pastur import edges
from triplepoint.nulls.outliers import Shuffled, both_sides
from triplepoint.records import Cause, Trap

Array = np.ndarray[Any, Any]

LISTED = 3
SHARE = 0.1
HEAVY = 1.0
# So much is looked at in one go, along the longer side, those entries with the largest part in the trap first: 64 rows
# in float64 were the whole of a matrix of 16 x 200,000.
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An entry of the shuffled matrix and its part in one trap."""

    flat: int
    value: float
    """w/σ."""
    share: float


def largest_parts(shuffled: Shuffled, u: Array, v: Array, singular: float) -> list[Place]:
    """The entries with the largest |(w − ⟨w⟩)·uᵢ·vⱼ|/s, largest first, exact.

    Lines along the longer side in the order of |u|: no entry of a line has more than max|w − ⟨w⟩|·|uᵢ|·max|v|, so a
    localised trap costs a few lines.
    """
    matrix, columns = shuffled.matrix, shuffled.matrix.shape[1]
    lines, long, short = (matrix, u, v) if shuffled.tall else (matrix.T, v, u)
    largest = max(float(np.max(matrix)), -float(np.min(matrix)))
    bound = largest * float(np.max(np.abs(short))) / singular
    order = np.argsort(-np.abs(long), kind="stable")
    best: list[Place] = []
    depth = _depth(lines)
    for start in range(0, order.size, depth):
        chosen = order[start : start + depth]
        if len(best) == LISTED and bound * abs(float(long[chosen[0]])) <= abs(best[-1].share):
            break
        entries = lines[chosen]
        parts = entries * long[chosen, None] * (short / singular)
        for at in _top(parts):
            line, place = divmod(int(at), short.size)
            row, column = (int(chosen[line]), place) if shuffled.tall else (place, int(chosen[line]))
            value = float(entries[line, place]) + shuffled.mean
            best.append(Place(row * columns + column, value, float(parts[line, place])))
        best = sorted(best, key=lambda place: -abs(place.share))[:LISTED]
    return best


def _depth(lines: Array) -> int:
    return max(LISTED, CHUNK_BYTES // (8 * int(lines.shape[1])))


def _top(parts: Array) -> Array:
    return np.argpartition(np.abs(parts), -LISTED, axis=None)[-LISTED:]


def lift_of_rest(shuffled: Shuffled) -> float:
    """How far the entries that cannot leave the bulk alone lift its edge together, Tracy–Widom units."""
    bound = screen.critical(shuffled.shape) ** 2
    second = fourth = 0.0
    count = 0
    lines = shuffled.matrix if shuffled.tall else shuffled.matrix.T
    depth = _depth(lines)
    for start in range(0, len(lines), depth):
        squares = np.square(lines[start : start + depth], dtype=np.float64).reshape(-1)
        squares = squares[squares < bound]
        count += squares.size
        second += float(np.sum(squares))
        fourth += float(np.dot(squares, squares))
    return screen.lift(fourth * count / second**2, shuffled.shape)


def describe(shuffled: Shuffled, vector: Array, value: float, rest: float) -> tuple[Trap, list[Place]]:
    """The trap of an eigenvalue `value` of WᵀW/σ², and its entries, both with places in the shuffled matrix.

    `vector` along the shorter side, `rest` the lift of the edge by the other entries. The trap's eigenvalue is in units
    of σ².
    """
    u, v = both_sides(shuffled, vector, value)
    rows, columns = (np.asarray(side, dtype=np.float64) for side in (u, v))
    overlap = float(np.sum(rows)) ** 2 / rows.size * float(np.sum(columns)) ** 2 / columns.size
    places = largest_parts(shuffled, rows, columns, math.sqrt(value))
    of_entry = abs(places[0].share)
    if abs(shuffled.mean) * math.sqrt(overlap * rows.size * columns.size / value) >= max(SHARE, of_entry):
        cause = Cause.shifted_mean
    elif (of_entry >= SHARE or abs(places[0].value) > screen.critical(shuffled.shape)) and rest <= HEAVY:
        cause = Cause.few_huge_entries
    elif rest > screen.LIFT:
        cause = Cause.heavy_tailed_entries
    else:
        cause = Cause.chance
    trap = Trap(
        eigenvalue=value,
        strength=value / edges(shuffled.shape)[1],
        cause=cause,
        entries=(),
        effective_rows=1 / float(np.sum(rows**4)),
        effective_columns=1 / float(np.sum(columns**4)),
        mean_overlap=min(overlap, 1.0),
    )
    return trap, places
