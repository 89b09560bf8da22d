"""Exponents without a searched xmin, each as a score against Gaussian matrices of the same shape.

Hill's estimator on a fixed share of a spectrum reads the shape first: the upper half of a Gaussian spectrum of 256
columns gives 2.14, 2.71, 3.46 and 4.53 at Q = 1, 2, 4 and 8. A score takes the shape out: z = (ln(α − 1) − mean)/sd,
with mean and sd of Gaussian matrices (`bulk_table`). Negative: heavier-tailed than noise.
"""

from __future__ import annotations

import math

import numpy as np

from triplepoint.fits.hill import hill_alpha, top_decile, upper_half
from triplepoint.fits.interval import stream
from triplepoint.linalg import Decomposition, tiles
from triplepoint.nulls import bulk_table
from triplepoint.nulls.compare import MAX_Z
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import LowRank, PackedRows, Reason, Spectrum, TailIndices, TiledIndex, WeightMatrix

MIN_EIGENVALUES = 8


def tail_indices(spectrum: Spectrum, decomposition: Decomposition) -> TailIndices | Reason:
    """Hill's exponent of the top decile and of the upper half of the resolved eigenvalues.

    Scores are None where the null does not hold: pooled slices, products of two factors, lost rank. O(n).
    """
    ascending = spectrum.fitted
    if ascending.size < MIN_EIGENVALUES:
        return Reason.too_few_eigenvalues
    decile = hill_alpha(ascending, top_decile(ascending.size))
    half = hill_alpha(ascending, upper_half(ascending.size))
    if decile is None or half is None:
        return Reason.degenerate_tail
    whole = ascending.size == spectrum.shape[1]
    comparable = spectrum.slices == 1 and whole and not decomposition.factored
    return TailIndices(
        hill=decile,
        hill_z=score(decile, bulk_table.hill(spectrum.shape, median=False)) if comparable else None,
        hill_median=half,
        hill_median_z=score(half, bulk_table.hill(spectrum.shape, median=True)) if comparable else None,
    )


def tiled_index(matrix: WeightMatrix, settings: NullSettings) -> TiledIndex | Reason:
    """Hill's exponent of the upper half of the pooled spectra of square tiles, with the spread between tiles.

    Tiles are drawn as `linalg.tiles` says; tiles of zeros are left out. The score is against as many Gaussian tiles of
    that side; None for the pooled slices of a convolution, which may differ in variance, and where rank is lost. Cost:
    80 ms for 16 tiles of 256 x 256.
    """
    if isinstance(matrix.values, LowRank):
        return Reason.low_rank
    if min(matrix.values.shape[-2:]) < MIN_EIGENVALUES:
        return Reason.too_few_eigenvalues
    spectra = tiles.eigenvalues_of(
        tiles.tiles(matrix.values, stream(settings.seed, settings.name + "#tiles"))
    )
    spectra = spectra[spectra[:, -1] > 0]
    count, side = spectra.shape
    pooled = np.sort(spectra[spectra > 0])
    alpha = hill_alpha(pooled, upper_half(pooled.size)) if pooled.size >= MIN_EIGENVALUES else None
    if alpha is None:
        return Reason.degenerate_tail
    alone = [hill_alpha(tile, upper_half(side)) for tile in spectra if tile[side // 2] > 0]
    spread = [value for value in alone if value is not None]
    # The plan of a slice is that of the whole kernel; its values are the slice.
    comparable = isinstance(matrix.values, PackedRows) or math.prod(matrix.values.shape[:-2]) == 1
    comparable = comparable and pooled.size == spectra.size
    return TiledIndex(
        alpha=alpha,
        sd=float(np.std(spread, ddof=1)) if len(spread) > 1 else None,
        z=score(alpha, bulk_table.tiles(side, count)) if comparable else None,
        tiles=count,
        side=side,
    )


def score(alpha: float, null: tuple[float, float]) -> float:
    """(ln(α − 1) − mean)/sd, up to |z| = 10: deeper tails than any simulation claim nothing."""
    mean, deviation = null
    return min(max((math.log(alpha - 1) - mean) / deviation, -MAX_Z), MAX_Z)
