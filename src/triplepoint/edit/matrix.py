"""One matrix, from stored values to changed ones of the same type, and what that did to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.analysis import Settings, examine
from triplepoint.edit.choosing import Left, chosen_counts, components, scanned_counts
from triplepoint.edit.components import Filter, dropping, filtered, keeping
from triplepoint.edit.shrinking import shrinking
from triplepoint.edit.traps import Trapped, trapped_slices, without
from triplepoint.edit.wish import Wish
from triplepoint.facts import Facts
from triplepoint.linalg import Decomposition, choose_backend, decompose
from triplepoint.matrices import form
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.traps import find_traps
from triplepoint.records import MatrixPlan, MatrixRow, Noises, Reason, Spectrum, Traps, WeightMatrix

Array = np.ndarray[Any, Any]

# ‖W'‖/‖W‖ below which a matrix would be gone: what is left then is rounding.
GONE = 1e-6
# Rows of a matrix without its traps that are rounded in one go.
ROWS = 256


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit did to one matrix."""

    components: int
    """Singular values that it has, of all slices together."""
    kept: int | None
    """Those that are left; None where traps were removed, which changes all."""
    change: float
    """‖W' − W‖/‖W‖ in the Frobenius norm, with W' as it is stored."""
    traps_removed: int | None = None
    traps_elsewhere: int | None = None
    """Traps that another shuffle of the edited matrix has; None where none were removed or it cannot be shuffled."""


def edited(
    wish: Wish, plan: MatrixPlan, row: MatrixRow, loaded: Array, settings: Settings
) -> tuple[Array, Change] | Left:
    """The matrix that the plan forms of `loaded`, changed, (slices, rows, columns) in its type; or why it stays.

    `row` is what the scan says of it. Computed in float64, rounded to the stored type. Never raises for a bad matrix.
    """
    matrix = form(plan, loaded).values
    assert isinstance(matrix, np.ndarray), "packed values are not taken"
    try:
        if wish.action != "shrink" and wish.what != "traps":
            counts = scanned_counts(wish, plan, row)
            if counts is not None:
                filters = counts if isinstance(counts, Left) else _by_counts(wish, matrix, counts)
                return _through(filters, plan, matrix)
        facts = examine(plan, loaded, settings)
        if isinstance(facts, Reason):
            return Left(facts)
        if wish.what == "traps":
            return _cleaned(plan, matrix, facts)
        return _through(_filters(wish, matrix, facts), plan, matrix)
    except MemoryError:
        return Left(Reason.out_of_memory)
    except np.linalg.LinAlgError:
        return Left(Reason.not_converged)


def _through(
    filters: list[tuple[Filter, int]] | Left, plan: MatrixPlan, matrix: Array
) -> tuple[Array, Change] | Left:
    if isinstance(filters, Left):
        return filters
    found = _rounded(matrix, plan.dtype, _by_filters(matrix, [one for one, _ in filters]))
    if isinstance(found, Left):
        return found
    total = len(matrix) * min(matrix.shape[1:])
    return found[0], Change(total, sum(kept for _, kept in filters), found[1])


def _cleaned(plan: MatrixPlan, matrix: Array, facts: Facts) -> tuple[Array, Change] | Left:
    null = _known(facts, NullSettings)
    parts = trapped_slices(matrix, _known(facts, Decomposition), null)
    if isinstance(parts, Reason):
        return Left(parts)
    removed = sum(part.count for part in parts if part)
    if not removed:
        return Left(Reason.nothing_to_edit, "no traps")
    found = _rounded(matrix, plan.dtype, _without_traps(matrix, parts, null))
    if isinstance(found, Left):
        return found
    elsewhere = _traps_elsewhere(plan, found[0], null)
    return found[0], Change(components(facts), None, found[1], removed, elsewhere)


def _filters(wish: Wish, matrix: Array, facts: Facts) -> list[tuple[Filter, int]] | Left:
    """The filter of every slice, and how many components it leaves."""
    if wish.action == "shrink":
        side = min(matrix.shape[1:])
        noises = facts.get(Noises)
        if isinstance(noises, Reason):
            return Left(noises)
        if not any(noise and noise.spikes for noise in noises.slices):
            return Left(Reason.nothing_to_edit, "no signal above the noise")
        return [
            (_all(side), side) if noise is None else (shrinking(one, noise), noise.spikes)
            for one, noise in zip(matrix, noises.slices, strict=True)
        ]
    counts = chosen_counts(wish, facts)
    return counts if isinstance(counts, Left) else _by_counts(wish, matrix, counts)


def _by_counts(wish: Wish, matrix: Array, counts: Sequence[int]) -> list[tuple[Filter, int]]:
    side = min(matrix.shape[1:])
    if wish.action == "keep":
        return [(keeping(one, count), count) for one, count in zip(matrix, counts, strict=True)]
    return [(dropping(one, count), side - count) for one, count in zip(matrix, counts, strict=True)]


def _all(side: int) -> Filter:
    return Filter(np.empty((side, 0)), np.empty(0), 1.0)


Panel = tuple[tuple[Any, ...], Array, Array]
"""Where in the matrix, what was there, what comes there; both in float64."""


def _by_filters(matrix: Array, filters: list[Filter]) -> Iterator[Panel]:
    for index, (one, change) in enumerate(zip(matrix, filters, strict=True)):
        for where, before, after in filtered(one, change):
            yield (index, *where), before, after


def _without_traps(matrix: Array, parts: list[Trapped | None], null: NullSettings) -> Iterator[Panel]:
    for index, (one, part) in enumerate(zip(matrix, parts, strict=True)):
        cleaned = one if part is None else without(one, part, null, index)
        for start in range(0, len(one), ROWS):
            rows = slice(start, start + ROWS)
            yield (index, rows), one[rows].astype(np.float64), cleaned[rows].astype(np.float64)


def _rounded(matrix: Array, dtype: str, panels: Iterator[Panel]) -> tuple[Array, float] | Left:
    """The changed matrix in its type and ‖W' − W‖/‖W‖; or why it stays: it would not fit the type, be gone or be
    the same."""  # fmt: skip
    out = np.empty(matrix.shape, matrix.dtype)
    moved = before = after = 0.0
    for where, old, new in panels:
        with np.errstate(over="ignore", invalid="ignore"):
            stored = new.astype(matrix.dtype)
        wide = stored.astype(np.float64)
        if not np.all(np.isfinite(wide)):
            return Left(Reason.not_editable, f"entries would leave the range of {dtype}")
        out[where] = stored
        moved += float(np.sum(np.square(wide - old)))
        before += float(np.sum(np.square(old)))
        after += float(np.sum(np.square(wide)))
    if after <= GONE**2 * before:
        return Left(Reason.nothing_to_edit, "nothing would be left")
    if moved == 0:
        return Left(Reason.nothing_to_edit, f"the change is lost in rounding to {dtype}")
    return out, math.sqrt(moved / before)


def _traps_elsewhere(plan: MatrixPlan, values: Array, null: NullSettings) -> int | None:
    """Traps in an arrangement that the removal did not see."""
    other = NullSettings(f"{null.name}#elsewhere", null.seed, null.level, null.bulk)
    found = decompose(values, "precise", choose_backend())
    if isinstance(found, Reason):
        return None
    spectrum = Spectrum(np.empty(0), found.shape, scale=plan.scale)
    traps = find_traps(WeightMatrix(plan, values), found, spectrum, other)
    return traps.num if isinstance(traps, Traps) else None


def _known(facts: Facts, kind: Any) -> Any:
    found = facts.get(kind)
    assert not isinstance(found, Reason), "facts begin with it"
    return found
