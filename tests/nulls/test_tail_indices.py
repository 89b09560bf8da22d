"""Claim: scores of noise are standard normal, whatever the shape; heavier tails score below.

Witnesses: Gaussian matrices on streams that the table has not seen; the published effect of the aspect ratio; the
integral of the law by its quantiles.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.spectra import decomposed, weight
from tests.worlds import gaussian, heavy_tailed
from triplepoint import scan
from triplepoint.fits.hill import hill_alpha, top_decile, upper_half
from triplepoint.linalg import tiles
from triplepoint.nulls import bulk_table, marchenko_pastur
from triplepoint.nulls import gaussian as bidiagonal
from triplepoint.nulls.hill_limit import log_excess
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.tail_indices import score, tail_indices, tiled_index
from triplepoint.records import LowRank, PackedRows, Reason, WeightMatrix


def indices(matrix):
    decomposition, spectrum = decomposed(matrix)
    return tail_indices(spectrum, decomposition)


def test_the_published_effect_of_the_aspect_ratio():
    expected = {1: 2.14, 2: 2.71, 4: 3.46, 8: 4.53}
    for ratio, alpha in expected.items():
        matrices = [gaussian((256 * ratio, 256), seed) for seed in range(3)]
        assert np.mean([indices(m).hill_median for m in matrices]) == pytest.approx(alpha, abs=0.03)
        assert np.mean([tiled_index(weight(m), NullSettings()).alpha for m in matrices]) == pytest.approx(
            2.13, abs=0.03
        )


@pytest.mark.parametrize("shape", [(8, 8), (20, 14), (45, 44), (70, 55), (130, 100), (1000, 30), (180, 180)])
def test_scores_of_noise_are_standard_normal(shape):
    draws = 600
    generator = np.random.default_rng(21)
    values = [bidiagonal.eigenvalues(shape, generator) for _ in range(draws)]
    for count, median in ((top_decile(shape[1]), False), (upper_half(shape[1]), True)):
        null = bulk_table.hill(shape, median=median)
        scores = np.array([score(hill_alpha(v, count), null) for v in values])
        assert np.mean(scores) == pytest.approx(0, abs=0.2)
        assert np.std(scores) == pytest.approx(1, abs=0.15)
        assert np.mean(np.abs(scores) > 1.96) == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize("shape", [(16, 16), (50, 30), (90, 90), (400, 20)])
def test_scores_of_tiled_noise_are_standard_normal(shape):
    scores = [tiled_index(weight(gaussian(shape, seed), f"w{seed}"), NullSettings()).z for seed in range(300)]
    assert np.mean(scores) == pytest.approx(0, abs=0.25)
    assert np.std(scores) == pytest.approx(1, abs=0.17)


def test_heavy_tails_score_below_noise():
    found = indices(np.random.default_rng(0).standard_t(2.5, (256, 256)))
    assert found.hill_z < -5
    assert found.hill_median_z < -5
    assert tiled_index(weight(heavy_tailed((512, 256), 2.5)), NullSettings()).z < -3


def test_the_estimator_recovers_a_pareto_exponent():
    x = np.sort(1 + np.random.default_rng(1).pareto(2.5, 20_000))
    assert hill_alpha(x, 2_000) == pytest.approx(3.5, abs=0.2)
    assert hill_alpha(x, upper_half(x.size)) == pytest.approx(3.5, abs=0.1)
    tail = np.log(x[-7:] / x[-7])
    assert hill_alpha(x, 7) == pytest.approx(1 + 7 / tail.sum())
    assert hill_alpha(np.ones(9), 4) is None


def test_the_limit_is_the_integral_over_the_quantiles():
    for shape, share in (((300, 300), 0.5), ((900, 300), 0.1), ((9000, 30), 0.5)):
        low, high = marchenko_pastur.edges(shape)
        grid = np.linspace(low, high, 2_000_001)
        levels = 1 - share * (1 - (np.arange(100_000) + 0.5) / 100_000)
        x = np.log(np.interp(levels, marchenko_pastur.cdf(grid, shape, 1.0), grid))
        start = np.log(np.interp(1 - share, marchenko_pastur.cdf(grid, shape, 1.0), grid))
        assert log_excess(shape, share) == pytest.approx(-np.log(np.mean(x - start)), abs=2e-5)


def test_tiles_share_no_entry_and_do_not_depend_on_transposition():
    numbers = np.arange(1, 1 + 600 * 310, dtype=float).reshape(600, 310)
    found = tiles.tiles(numbers[None], np.random.default_rng(3))
    side = tiles.side_of((600, 310))
    assert found.shape == (6, side, side) == (6, 155, 155)
    assert np.unique(found).size == found.size
    turned = tiles.tiles(numbers.T[None], np.random.default_rng(3))
    np.testing.assert_array_equal(np.swapaxes(turned, 1, 2), found)
    assert tiles.tiles(gaussian((1, 5000, 40)), np.random.default_rng(1)).shape == (16, 20, 20)


def test_rows_decoded_piece_by_piece_give_the_same_tiles():
    values = gaussian((333, 120), 5).astype(np.float32)
    packed = PackedRows((333, 120), lambda begin, stop: values[begin:stop])
    plain = tiled_index(weight(values), NullSettings(name="w"))
    assert tiled_index(WeightMatrix(weight(values).plan, packed), NullSettings(name="w")) == plain
    assert tiled_index(weight(values), NullSettings(name="w", seed=1)) != plain


def test_scale_does_not_matter():
    matrix = gaussian((120, 80), 7)
    base = indices(matrix), tiled_index(weight(matrix), NullSettings())
    for factor in (1e-140, 1e-3, 1e140):
        found = indices(factor * matrix), tiled_index(weight(factor * matrix), NullSettings())
        assert found[0].hill_z == pytest.approx(base[0].hill_z, rel=1e-6)
        assert found[1].z == pytest.approx(base[1].z, rel=1e-6)


def test_where_the_null_does_not_hold_there_is_no_score():
    pooled = indices(gaussian((4, 30, 20)))
    assert pooled.hill_z is None
    assert pooled.hill_median_z is None
    assert tiled_index(weight(gaussian((4, 30, 20))), NullSettings()).z is None
    lost = indices(gaussian((60, 20), 1) @ gaussian((20, 40), 2))
    assert lost.hill_median_z is None
    assert indices(gaussian((20, 7))) is Reason.too_few_eigenvalues
    assert tiled_index(weight(gaussian((20, 7))), NullSettings()) is Reason.too_few_eigenvalues
    factors = WeightMatrix(weight(gaussian((9, 9))).plan, LowRank(gaussian((9, 2)), gaussian((2, 9))))
    assert tiled_index(factors, NullSettings()) is Reason.low_rank
    assert tiled_index(weight(np.zeros((20, 20))), NullSettings()) is Reason.degenerate_tail
    assert indices(np.eye(20)) is Reason.degenerate_tail


def test_a_slice_of_a_kernel_has_the_score_of_its_own_entries():
    kernel = gaussian((64, 48, 3, 3), 3)
    rows = scan(
        {"conv.weight": kernel}, tails=True, metrics=["alpha_farms", "alpha_farms_z"], workers=1
    ).matrices
    assert rows[0].metric_status["alpha_farms_z"] is Reason.undefined
    assert len(rows) == 10
    for row in rows[1:]:
        assert abs(row.metrics["alpha_farms_z"]) < 4


def test_tiles_come_from_slices_that_live_and_zeros_are_no_tile():
    stack = np.zeros((9, 64, 48))
    stack[4:6] = gaussian((2, 64, 48), 8)
    stack[0] = 0.1
    found = tiled_index(weight(stack), NullSettings())
    assert found == tiled_index(weight(stack[4:6]), NullSettings())
    assert (found.tiles, found.side) == (8, 24)
    half = gaussian((64, 48), 9)
    half[:, :24] = 0
    assert tiled_index(weight(half), NullSettings()).tiles == 2


def test_one_tile_has_no_spread():
    found = tiled_index(weight(gaussian((12, 10))), NullSettings())
    assert (found.tiles, found.side, found.sd) == (1, 10, None)
