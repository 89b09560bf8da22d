"""Full spectra of shuffled matrices, and how far the spectrum of W lies from them.

The distance of WeightWatcher is kept: √ of the Jensen–Shannon divergence, in nats, of the two eigenvalue vectors, each
sorted and divided by its sum. It takes eigenvalues for probabilities, so the largest weigh most; the Wasserstein-1
distance of log10 λ stands beside it, which sees the whole spectrum and does not depend on the scale's unit.
Everything of the first draw is of one draw, the shuffle that traps are counted in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition, choose_backend, decompose
from triplepoint.nulls import shuffle
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import Slice, per_slice, varied
from triplepoint.nulls.traps import bound, unsuited
from triplepoint.records import EntryStatistics, Randomized, Reason, Spectrum, WeightMatrix

Array = np.ndarray[Any, np.dtype[np.float64]]

# Slices are shuffled and decomposed in stacks of this size.
CHUNK_BYTES = 32 << 20


def randomized(
    matrix: WeightMatrix, decomposition: Decomposition, spectrum: Spectrum, settings: NullSettings
) -> Randomized | Reason:
    """Spectra of `settings.randomize` shuffles, at least one; slices are shuffled one by one and pooled as those of W.

    Cost: a shuffle and a decomposition in double precision a draw.
    """
    reason = unsuited(matrix.values, decomposition)
    if reason is not None:
        return reason
    slices = varied(matrix.values, decomposition)
    if not slices:
        return Reason.undefined
    own = spectrum.eigenvalues
    level = per_slice(settings.level, len(slices))
    bounds = np.array([bound(p.entries, decomposition.shape, level) * p.entries.std**2 for p in slices])[
        :, None
    ]
    constant = _constant(decomposition, slices)
    distances, counts, first = [], [], own
    for draw in range(max(settings.randomize, 1)):
        values = draw_eigenvalues(slices, settings, "shuffle", draw)
        if isinstance(values, Reason):
            return values
        counts.append(int(np.count_nonzero(values > bounds)))
        pooled = spectrum.scale * np.sort(np.concatenate([values.reshape(-1), constant]))[::-1]
        distances.append(jensen_shannon(own, pooled))
        first = pooled if draw == 0 else first
    return Randomized(
        rand_distance=distances[0],
        rand_distance_sd=_deviation(distances),
        rand_log_distance=log_distance(own, first, spectrum.fit_from),
        max_rand_eval=float(first[0]),
        lambda_max=float(own[0]),
        num_traps_mean=math.fsum(counts) / len(counts),
        num_traps_sd=_deviation(counts),
        replicas=len(counts),
        singular_values=np.sqrt(first / spectrum.scale) if settings.spectra else None,
    )


def draw_eigenvalues(slices: Sequence[Slice], settings: NullSettings, kind: str, draw: int) -> Array | Reason:
    """λ = σ² (slices, M), descending, of one draw: every slice with its entries shuffled or their signs flipped."""
    backend = choose_backend()
    rows, columns = slices[0].values.shape
    step = max(1, CHUNK_BYTES // (8 * rows * columns))
    found = []
    for start in range(0, len(slices), step):
        part = slices[start : start + step]
        drawn = [_drawn(one, settings, kind, draw) for one in part]
        # One large matrix is not copied.
        stack = np.stack(drawn) if len(drawn) > 1 else drawn[0][None]
        spectra = decompose(stack, "precise", backend)
        if isinstance(spectra, Reason):
            return spectra
        units = np.array([_about(one.entries, kind).std for one in part])[:, None]
        found.append(np.square(units * spectra.singular_values))
    return np.concatenate(found)


def _about(entries: EntryStatistics, kind: str) -> EntryStatistics:
    """What the noise is measured from: sign flips know no mean, so their noise level is that about zero."""
    if kind == "shuffle":
        return entries
    return replace(entries, mean=0.0, std=math.hypot(entries.mean, entries.std))


def _drawn(part: Slice, settings: NullSettings, kind: str, draw: int) -> np.ndarray[Any, Any]:
    """One slice in units of its noise level, drawn anew, its mean included; zeros stay zeros."""
    matrix = shuffle.standardised(part.values, _about(part.entries, kind), centred=False)
    generator = shuffle.draw_stream(settings, kind, draw, part.index)
    draw_anew = shuffle.shuffled if kind == "shuffle" else shuffle.sign_flipped
    return draw_anew(matrix, generator)


def _constant(decomposition: Decomposition, varying: Sequence[Slice]) -> Array:
    """λ of the slices that no shuffle changes."""
    rest = np.delete(decomposition.singular_values, [part.index for part in varying], axis=0)
    return np.square(rest.reshape(-1))


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def jensen_shannon(one: Array, other: Array) -> float:
    """√JS in nats of two eigenvalue vectors, sorted alike, as probabilities; between 0 and √ln 2.

    >>> round(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])), 6)
    0.832555
    """
    p, q = one / np.sum(one), other / np.sum(other)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / middle), 0.0) + np.where(q > 0, q * np.log(q / middle), 0.0)
    return math.sqrt(max(float(np.sum(terms)) / 2, 0.0))


def log_distance(one: Array, other: Array, floor: float) -> float:
    """Wasserstein-1 distance of log10 λ: the mean distance of the sorted values, those below `floor` raised to it.

    >>> log_distance(np.array([100.0, 1.0]), np.array([10.0, 1.0]), 1e-9)
    0.5
    """
    low = max(floor, np.finfo(np.float64).tiny)
    logs = [np.log10(np.maximum(np.sort(values), low)) for values in (one, other)]
    return float(np.mean(np.abs(logs[0] - logs[1])))
