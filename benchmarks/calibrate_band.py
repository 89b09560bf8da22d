"""What the band about the law of noise is worth: how many of the bins of a noise spectrum have their count within it.

    python -m benchmarks.calibrate_band            # about 3 minutes on one core; names of parts run only those

- counts: mean, variance and the means at which a count of 0, 1, 2 … enters and leaves the 95 % band, in the bulk of
  large Gaussian matrices; these are the tables of `nulls.band`;
- coverage: pointwise, for the bins that the page draws, over shapes, with σ known, from the entries and fitted; in the
  bulk, at the edges, and what independent eigenvalues would have had.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np

from triplepoint.linalg import blas_threads
from triplepoint.nulls import marchenko_pastur
from triplepoint.nulls.band import ENTERS, LEAVES, law, number_variance, rigidity
from triplepoint.nulls.bulk_fit import fit_noise
from triplepoint.nulls.gaussian import eigenvalues

Array = np.ndarray[Any, np.dtype[np.float64]]
SEED = 47
SHAPES = (
    *((64, 64), (128, 128), (256, 256), (512, 512), (80, 64), (200, 150), (784, 200), (256, 64), (1024, 256)),
    *((4096, 256), (1024, 1024)),
)
BINS = (32, 64, 128)
EDGE = 1.0
"""A bin is of the bulk where as many eigenvalues are expected beyond it on either side."""


def counts() -> None:
    """The count in intervals of the bulk."""
    shape, draws = (3000, 1500), 1000
    m = shape[1]
    random = np.random.default_rng([SEED, 1])
    spectra = [m * marchenko_pastur.cdf(eigenvalues(shape, random), shape, 1.0) for _ in range(draws)]
    print("expected count: variance measured | by number_variance | counts within the band, in %")
    band = rigidity()
    for mean in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 100, 300):
        found = _within(spectra, mean, m)
        low, high = (float(np.interp(mean, band.mean, end)) for end in (band.low, band.high))
        inside = 100 * np.mean((found >= low) & (found <= high))
        print(
            f"  {mean:6g}: {np.var(found):6.3f} | {number_variance(np.array(mean)):6.3f} | {inside:5.2f}",
            flush=True,
        )
    print("count: enters the band (here | as tabulated), leaves it")
    grid = np.concatenate([np.arange(0.005, 0.1, 0.005), np.arange(0.1, 13, 0.1)])
    found_at = [_within(spectra, mean, m) for mean in grid]
    for count, (enters, leaves) in enumerate(zip(ENTERS, LEAVES, strict=True)):
        more = [float(np.mean(found >= count)) for found in found_at]
        fewer = [float(np.mean(found <= count)) for found in found_at]
        here = np.interp(0.025, more, grid) if count else 0.0, np.interp(-0.025, -np.array(fewer), grid)
        print(f"  {count:2d}: {here[0]:6.3f} | {enters:6.3f}   {here[1]:6.3f} | {leaves:6.3f}")


def _within(spectra: list[Array], mean: float, m: int) -> Array:
    """Counts in intervals that expect `mean`, in the middle 80 % of the spectra."""
    starts = np.arange(0.1 * m, 0.9 * m - mean, 0.23 * max(mean, 0.3))
    return np.concatenate([np.searchsorted(u, starts + mean) - np.searchsorted(u, starts) for u in spectra])


def coverage() -> None:
    """Bins within the band."""
    print(
        "bins within the band, in %: bulk with σ known, from the entries, fitted | lower edge, upper edge | those "
        "of the bulk that expect < ½, ½ to 5, ≥ 5 | independent eigenvalues in the bulk | least "
        "of a single bin of the bulk"
    )
    worst = lowest = 100.0
    for shape in SHAPES:
        random = np.random.default_rng([SEED, 2, *shape])
        draws = max(100, min(2000, 300_000 // shape[1]))
        spectra = [eigenvalues(shape, random) for _ in range(draws)]
        fitted = [fit_noise(values, shape, 0.01).sigma for values in spectra]
        entries = [math.sqrt(float(np.sum(values)) / (shape[0] * shape[1])) for values in spectra]
        for bins in BINS:
            known, whole, fit = (
                _bins(spectra, sigmas, shape, bins) for sigmas in ([1.0] * draws, entries, fitted)
            )
            bulk = [100 * np.mean(each.inside[each.bulk]) for each in (known, whole, fit)]
            worst = min(worst, *bulk)
            low, high = (100 * np.mean(fit.inside[place]) for place in (fit.lower, fit.upper))
            few, some, many = (_share(fit, *ends) for ends in ((0, 0.5), (0.5, 5), (5, math.inf)))
            poisson = 100 * np.mean(fit.poisson[fit.bulk])
            single = fit.least(bins)
            lowest = min(lowest, single)
            print(
                f"  {shape[0]:4d} x {shape[1]:4d} {bins:4d}: {bulk[0]:5.1f} {bulk[1]:5.1f} {bulk[2]:5.1f} | "
                f"{low:5.1f} {high:5.1f} | {few} {some} {many} | {poisson:5.1f} | {single:5.1f}",
                flush=True,
            )
    print(f"  least of the bulk: {worst:.1f} %, of a single bin: {lowest:.1f} %")


def _share(bins: _Bins, least: float, most: float) -> str:
    """Of the bulk where so many are expected."""
    found = bins.inside[bins.bulk & (bins.mean >= least) & (bins.mean < most)]
    return f"{100 * np.mean(found):5.1f}" if found.size > 1000 else "    –"


class _Bins:
    """Bins of many spectra, one after another."""

    def __init__(self, parts: list[tuple[Array, Array, Array, Array]]) -> None:
        self.mean, self.count, below, above = (np.concatenate(part) for part in zip(*parts, strict=True))
        band = rigidity()
        low, high = (np.interp(self.mean, band.mean, end) for end in (band.low, band.high))
        self.inside = (self.count >= low) & (self.count <= high)
        self.bulk = (below >= EDGE) & (above >= EDGE)
        self.lower = below < EDGE
        self.upper = above < EDGE
        drawn = np.random.default_rng(0).poisson(self.mean)
        self.poisson = (drawn >= low) & (drawn <= high)

    def least(self, bins: int) -> float:
        """Of the bins of one place, over the draws in which it is of the bulk; where these are all or nearly all."""
        inside, bulk = self.inside.reshape(-1, bins), self.bulk.reshape(-1, bins)
        often = bulk.mean(axis=0) > 0.95
        return float(100 * np.min((inside & bulk).sum(axis=0)[often] / bulk.sum(axis=0)[often]))


def _bins(spectra: list[Array], sigmas: list[float], shape: tuple[int, int], bins: int) -> _Bins:
    """Expected and found counts, and how many are expected below and above, of bins over each spectrum's own range."""
    x, cdf = law(shape)
    m = shape[1]
    parts = []
    for values, sigma in zip(spectra, sigmas, strict=True):
        logs = np.log10(values)
        ends = np.linspace(logs[0], logs[-1], bins + 1)
        below = m * np.interp(ends - 2 * math.log10(sigma), x, cdf)
        found = np.histogram(logs, ends)[0].astype(np.float64)
        parts.append((np.diff(below), found, below[:-1], m - below[1:]))
    return _Bins(parts)


PARTS = {"counts": counts, "coverage": coverage}


def main() -> None:
    asked = sys.argv[1:] or list(PARTS)
    with blas_threads(1):
        for name in asked:
            started = time.perf_counter()
            PARTS[name]()
            print(f"({name}: {time.perf_counter() - started:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
