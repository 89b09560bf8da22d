"""Correlation traps: eigenvalues of the shuffled matrix above the Tracy–Widom quantile of its noise.

σ is the standard deviation of the entries about their mean: a shuffle keeps the entries, so the noise level is known
exactly and nothing is fitted; the mean is a rank-one part on top of it, a trap of its own where it leaves the bulk
(|⟨w⟩|/σ > (NM)^−¼) and taken out for `centred`.

A kurtosis below 3 lowers the edge of noise and with it the bound (`tracy_widom.light_shift`): 2500 matrices of uniform
entries, of 512 x 128, have a trap in 0.24 % without that, at nominal 1 %. A larger kurtosis is what traps are made of
and raises nothing.

What entries cannot make is not looked for: where the closed form of `screen` says that no shuffle has an outlier, none
is drawn. Else one seeded shuffle is searched (`linalg.krylov`), the first of `randomized`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition, choose_backend
from triplepoint.nulls import causes, outliers, screen, shuffle, tracy_widom
from triplepoint.nulls.marchenko_pastur import edges
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import Slice, alive, per_slice, varied
from triplepoint.records import (
    EntryStatistics,
    LowRank,
    Reason,
    Spectrum,
    Trap,
    TrapEntry,
    Traps,
    Values,
    WeightMatrix,
)

Array = np.ndarray[Any, Any]

LISTED = 16
# Smaller matrices have no bulk to stand out of.
MIN_SIDE = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Outliers of all slices."""

    num: int
    centred: int
    traps: tuple[Trap, ...]


def find_traps(
    matrix: WeightMatrix, decomposition: Decomposition, spectrum: Spectrum, settings: NullSettings
) -> Traps | Reason:
    """All outliers of one seeded shuffle of the entries, the 16 strongest with their places and causes.

    Kernel slices are shuffled one by one, each at level 1 − (1 − level)^(1/slices); counts are added. Noise has a trap
    with probability `level` at most: none where the screen passes it, as it does nearly all light-tailed matrices; of a
    shuffle of every matrix (`search`) 0.7 to 1.4 % have one at nominal 1 %. Full spectra of shuffles
    (`settings.randomize`) change nothing here.

    Cost where the screen does not pass: a shuffle (15 to 90 ns an entry), a Gram matrix and two Cholesky
    factorisations, less than a decomposition. Memory: `outliers.needed_bytes` and 2 MiB.
    """
    return search(matrix, decomposition, spectrum, settings, screened=True)


def search(
    matrix: WeightMatrix,
    decomposition: Decomposition,
    spectrum: Spectrum,
    settings: NullSettings,
    *,
    screened: bool,
) -> Traps | Reason:
    """The same, with the screen or without: the calibrations and `randomized` look at a shuffle of every matrix."""
    reason = unsuited(matrix.values, decomposition)
    if reason is not None:
        return reason
    shape = decomposition.shape
    slices = varied(matrix.values, decomposition)
    if not slices:
        return Reason.undefined
    level = per_slice(settings.level, len(slices))
    loud = [part for part in slices if not (screened and screen.is_quiet(part.entries, shape))]
    found = _search(loud, shape, level, spectrum.scale, settings) if loud else Found(0, 0, ())
    # The mean over the slices: of one slice its own.
    sigma = math.sqrt(math.fsum(part.entries.std**2 for part in slices) / len(slices))
    unit = math.fsum(bound(part.entries, shape, level) for part in slices) / len(slices)
    return Traps(
        num=found.num,
        centred=found.centred,
        threshold=spectrum.scale * sigma**2 * unit,
        edge=spectrum.scale * edges(shape, sigma)[1],
        level=settings.level,
        method="krylov" if loud else "screen",
        traps=found.traps,
    )


def unsuited(values: Values, decomposition: Decomposition) -> Reason | None:
    """Why a matrix cannot be shuffled."""
    if isinstance(values, LowRank):
        return Reason.low_rank
    if decomposition.shape[1] < MIN_SIDE:
        return Reason.too_few_eigenvalues
    double = values.dtype == np.float64 or any(
        outliers.needs_double(entries, decomposition.shape)
        for entries in decomposition.slice_entries
        if alive(entries)
    )
    return None if outliers.fits(decomposition.shape, 8 if double else 4) else Reason.out_of_memory


def bound(entries: EntryStatistics, shape: tuple[int, int], level: float) -> float:
    """λ of WᵀW/σ² that the largest eigenvalue of light-tailed noise exceeds with probability `level`."""
    return tracy_widom.threshold(shape, 1.0, level, kurtosis=entries.kurtosis)


def _search(
    slices: list[Slice], shape: tuple[int, int], level: float, scale: float, settings: NullSettings
) -> Found:
    """Shuffles every slice and merges what stands out."""
    backend, edge = choose_backend(), edges(shape)[1]
    num = centred = 0
    listed: list[Trap] = []
    for part in slices:
        drawn = drawn_from(part, shape, settings)
        start = shuffle.draw_stream(settings, "krylov", 0, part.index)
        found = outliers.find(drawn, bound(part.entries, shape, level), start, backend)
        num, centred = num + found.count, centred + found.centred
        weakest = listed[-1].strength if len(listed) == LISTED else 0.0
        kept = int(np.count_nonzero(found.values[:LISTED] > weakest * edge))
        if not kept:
            continue
        factor = scale * part.entries.std**2
        traps = _described(part, drawn, found, kept, settings)
        listed += [replace(trap, eigenvalue=factor * trap.eigenvalue) for trap in traps]
        listed = sorted(listed, key=lambda trap: -trap.strength)[:LISTED]
    return Found(num, centred, tuple(listed))


def drawn_from(part: Slice, shape: tuple[int, int], settings: NullSettings) -> outliers.Shuffled:
    """The shuffle of a slice that is searched: the first of its stream."""
    double = outliers.needs_double(part.entries, shape)
    matrix = shuffle.standardised(part.values, part.entries, double=double)
    matrix = shuffle.shuffled(matrix, shuffle.draw_stream(settings, "shuffle", 0, part.index))
    return outliers.Shuffled(matrix, part.entries.mean / part.entries.std)


def _described(
    part: Slice, drawn: outliers.Shuffled, found: outliers.Outliers, kept: int, settings: NullSettings
) -> list[Trap]:
    """The strongest outliers with their causes, and their entries where they stand in W."""
    rest = causes.lift_of_rest(drawn)
    described = [
        causes.describe(drawn, found.vectors[:, k], float(found.values[k]), rest) for k in range(kept)
    ]
    flat = np.array([place.flat for _, places in described for place in places])
    before = iter(_before(part, drawn, flat, settings).tolist())
    columns = drawn.matrix.shape[1]
    return [
        replace(trap, entries=tuple(_entry(next(before), columns, part.index, p) for p in places))
        for trap, places in described
    ]


def _before(part: Slice, drawn: outliers.Shuffled, flat: Array, settings: NullSettings) -> Array:
    """Where the entries at the flat places stood before the shuffle.

    Large entries have values of their own, so that they are found by looking; else the shuffle is repeated on indices,
    which takes ten times as long.
    """
    found = shuffle.places_of(drawn.matrix.reshape(-1)[flat], part.values, part.entries)
    if found is not None:
        return found
    generator = shuffle.draw_stream(settings, "shuffle", 0, part.index)
    return shuffle.origins(drawn.matrix.size, flat, generator)


def _entry(flat: int, columns: int, index: int, place: causes.Place) -> TrapEntry:
    """An entry where it stands in W; where W stands in its tensor is for those to say who formed it."""
    return TrapEntry(flat // columns, flat % columns, place.value, place.share, index)
