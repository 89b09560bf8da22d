"""The noise of one spectrum: Marchenko–Pastur fitted to its bulk so that spikes cannot bend it.

σ² is the ratio of a trimmed sum of eigenvalues to the sum of the law's quantiles at the same ranks. Eigenvalues repel
each other, so trimming is cheap: ranks 10–90 % cost a tenth of the precision of all of them (relative standard
deviation of σ at 128 x 128: .0061, of the whole spectrum .0055), and up to a tenth of spikes lies outside, however
strong. Eigenvalues above the Tracy–Widom threshold are set aside as spikes, the rest is fitted as noise of shape
(N − k, M − k), and this is repeated until k stands. It starts from what lies far above the threshold of a fit to ranks
25–75 %, which more spikes cannot bend either.

It breaks down between 35 and 40 % of strong spikes: of 200 eigenvalues 70 spikes leave σ at 1.00, of 80 none is found
and σ is 7.4. Ranks 10–50 % to start from bear half, but then 3.8 % of 8 x 8 noise has a spike at nominal 1 % (1.1 % as
it is), and of a heavy tail 244 eigenvalues instead of 76 are set aside. At the other end, zeros weaken σ: by 3 % where
5 % of the columns are zero, by 7 % where 10 % are; beyond about a fifth σ is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition
from triplepoint.nulls import bulk_table, kde_fit, marchenko_pastur, tracy_widom
from triplepoint.nulls.compare import fisher, tail_p
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import alive, per_slice
from triplepoint.records import BulkFit, Noise, Noises, Reason, Spectrum

Array = np.ndarray[Any, np.dtype[np.float64]]

MIN_SIDE = 8
MIN_REST = 4
WINDOW = (0.1, 0.9)
INNER_WINDOW = (0.25, 0.75)
# Only what exceeds the first threshold this many times is a spike to start from. Starting from all lets chance ones
# stand, since without them σ̂ is smaller: at 30 x 30, 7.6 % of 2000 noise matrices then had a spike at nominal 5 %. With
# a factor of 1.5 it is still 7.4 % at 8 x 8, with 3 it is 5.4 % there.
FAR = 3.0
GRID = 2000


def fit_noises(decomposition: Decomposition, settings: NullSettings) -> Noises | Reason:
    """The noise of every slice, each at the level of `slices.per_slice`.

    σ does not depend on how strong spikes are. With `settings.bulk == "kde"` it comes from a kernel density (see
    `kde_fit`); spikes and distance are judged alike. Cost: 50 µs a slice of 400 eigenvalues once its shape is known,
    before that 0.7 ms; `kde` 2 ms.
    """
    if decomposition.factored:
        return Reason.low_rank
    if decomposition.shape[1] < MIN_SIDE:
        return Reason.too_few_eigenvalues
    lives = [alive(entries) for entries in decomposition.slice_entries]
    if not any(lives):
        return Reason.undefined
    level = per_slice(settings.level, sum(lives))
    fits: list[Noise | None] = []
    for index, live in enumerate(lives):
        noise = _of_slice(decomposition.only(index), level, settings.bulk) if live else None
        if live and noise is None:
            return Reason.undefined
        fits.append(noise)
    return Noises(tuple(fits))


def fit_bulk(noises: Noises, spectrum: Spectrum, settings: NullSettings) -> BulkFit | Reason:
    """The law of all slices together; their p-values are combined by Fisher's method.

    No value where no slice has noise that rounding resolves, as in a product of two thin factors.
    """
    noisy = [noise for noise in noises.slices if noise and noise.sigma]
    if not noisy:
        return Reason.undefined
    scale = spectrum.scale
    p_values = [tail_p(n.shape[1] * n.ks_distance, bulk_table.statistic(n.shape)) for n in noisy]
    worst = noisy[min(range(len(noisy)), key=lambda i: (p_values[i], noisy[i].softrank))]
    low, high = marchenko_pastur.edges(worst.shape, worst.sigma)
    return BulkFit(
        sigma=math.sqrt(math.fsum(n.sigma**2 for n in noisy) / len(noisy)),
        edge_low=scale * low,
        edge=scale * high,
        threshold=scale * worst.threshold,
        num_spikes=sum(n.spikes for n in noises.slices if n),
        softrank=worst.softrank,
        ks_distance=worst.ks_distance,
        ks_p=fisher(p_values),
        level=settings.level,
        method=settings.bulk,
    )


def _of_slice(one: Decomposition, level: float, method: str) -> Noise | None:
    """None where the density has no fit."""
    ascending = np.square(one.singular_values[0, ::-1])
    floor = one.resolved_ratio * float(ascending[-1])
    ascending = np.where(ascending <= floor, 0.0, ascending)
    spectrum = _Spectrum(ascending, one.shape, level, one.slice_entries[0].kurtosis, floor)
    robust = _robust(spectrum)
    if method != "kde" or robust.sigma == 0:
        return robust
    sigma = kde_fit.fit_sigma(ascending, one.shape)
    return spectrum.noise(sigma, spectrum.grow(sigma)) if sigma else None


def fit_noise(
    ascending: Array, shape: tuple[int, int], level: float, kurtosis: float = tracy_widom.GAUSSIAN
) -> Noise:
    """The robust fit of λ of WᵀW, ascending (M,), for W of `shape` (N, M); spikes at `level`, see `tracy_widom`.

    What is below rounding has to be 0.
    """
    return _robust(_Spectrum(ascending, shape, level, kurtosis))


def _robust(spectrum: _Spectrum) -> Noise:
    sigma, first = spectrum.settle(INNER_WINDOW, 0)
    far = spectrum.above(math.sqrt(FAR) * sigma, first)
    return spectrum.noise(*spectrum.settle(WINDOW, min(far, first)))


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """What is fitted, and what counts as a spike."""

    ascending: Array
    shape: tuple[int, int]
    level: float
    kurtosis: float
    floor: float = 0.0
    """λ that rounding hides, set to 0 in `ascending`."""

    def rest(self, spikes: int) -> tuple[int, int]:
        """Shape of the noise without its spikes."""
        return self.shape[0] - spikes, self.shape[1] - spikes

    def share(self, spikes: int) -> float:
        """Share of the energy in the `spikes` largest."""
        if not spikes:
            return 0.0
        return 1 - float(np.sum(self.ascending[: self.ascending.size - spikes]) / np.sum(self.ascending))

    def bound(self, sigma: float, spikes: int) -> float:
        """λ above which the noise that is left without `spikes` has another one.

        What rounding hides is none, nor are the MIN_REST smallest: so all that is resolved above σ = 0 is signal.
        """
        kurtosis = tracy_widom.noise_kurtosis(self.kurtosis, self.share(spikes))
        quantile = tracy_widom.threshold(self.rest(spikes), sigma, self.level, fitted=True, kurtosis=kurtosis)
        return max(quantile, self.floor, float(self.ascending[MIN_REST - 1]))

    def above(self, sigma: float, spikes: int) -> int:
        """Eigenvalues above that bound."""
        return self.ascending.size - int(
            np.searchsorted(self.ascending, self.bound(sigma, spikes), side="right")
        )

    def grow(self, sigma: float) -> int:
        """k that stands at a given σ: the bound falls with every spike that is set aside, so k can only grow."""
        spikes, found = -1, 0
        while found > spikes:
            spikes, found = found, self.above(sigma, found)
        return spikes

    def settle(self, window: tuple[float, float], spikes: int) -> tuple[float, int]:
        """(σ, k): the number of spikes that the noise fitted to the rest has above its threshold."""
        seen: set[int] = set()
        while True:
            rest = self.rest(spikes)
            sigma = sigma_of(self.ascending[: rest[1]], rest, window)
            found = self.above(sigma, spikes)
            # A cycle ends at its larger count: what is a spike once is no noise.
            if found == spikes or (found in seen and found < spikes):
                return sigma, spikes
            seen.add(spikes)
            spikes = found

    def noise(self, sigma: float, spikes: int) -> Noise:
        """The law of what is left."""
        rest = self.rest(spikes)
        threshold = self.bound(sigma, spikes)
        if spikes:  # at the end of a cycle the bound lies above the smallest spike
            threshold = min(threshold, float(np.nextafter(self.ascending[-spikes], 0.0)))
        left = self.ascending[: rest[1]]
        return Noise(
            sigma=sigma,
            spikes=spikes,
            shape=rest,
            ks_distance=marchenko_pastur.ks_distance(left, rest, sigma) if sigma else 1.0,
            softrank=marchenko_pastur.edges(rest, sigma)[1] / float(self.ascending[-1]),
            threshold=threshold,
        )


def sigma_of(ascending: Array, shape: tuple[int, int], window: tuple[float, float] = WINDOW) -> float:
    """σ from the eigenvalues of the ranks in `window`, unbiased for Gaussian matrices."""
    return uncorrected_sigma(ascending, shape, window) / bulk_table.bias(shape)


def uncorrected_sigma(
    ascending: Array, shape: tuple[int, int], window: tuple[float, float] = WINDOW
) -> float:
    """σ from the same ranks of the limiting law; 1 % too small at 8 x 8, 0.1 % at 128 x 128."""
    m = shape[1]
    low, high = math.floor(window[0] * m), math.floor(window[1] * m)
    expected = _partial_sum(shape, high) - _partial_sum(shape, low)
    return math.sqrt(float(np.sum(ascending[low:high])) / expected)


@lru_cache(maxsize=4096)
def _partial_sum(shape: tuple[int, int], count: int) -> float:
    """Sum of the `count` smallest eigenvalues of noise with σ = 1: M·∫ F⁻¹(u) du over [0, count/M]."""
    share, mean = _quantile_integral(shape)
    return shape[1] * float(np.interp(count / shape[1], share, mean))


@lru_cache(maxsize=64)
def _quantile_integral(shape: tuple[int, int]) -> tuple[Array, Array]:
    """F on a grid that is dense at both edges, and ∫ x dF up to each of its points."""
    low, high = (math.sqrt(edge) for edge in marchenko_pastur.edges(shape))
    x = np.square(low + (high - low) * (1 - np.cos(np.linspace(0, math.pi, GRID))) / 2)
    share = marchenko_pastur.cdf(x, shape, 1.0)
    return share, np.append(0.0, np.cumsum((x[1:] + x[:-1]) / 2 * np.diff(share)))
