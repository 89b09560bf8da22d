"""Claim: Gaussian matrices get uniform p-values and standard normal scores, whatever their shape; structure does not.

The witness is direct: Gaussian matrices are drawn entry by entry and decomposed, while the table was simulated from
bidiagonal matrices.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed
from triplepoint.linalg import choose_backend, decompose
from triplepoint.nulls import P_FLOOR, alpha_null, bulk_null, discoveries
from triplepoint.nulls import gaussian as bidiagonal
from triplepoint.nulls.compare import fisher, p_value
from triplepoint.records import EntryStatistics, Reason


def bulk(matrix: np.ndarray):
    found = decompose(matrix[None] if matrix.ndim == 2 else matrix, "precise", choose_backend())
    return bulk_null(found.singular_values, found.slice_entries, found.shape, 1.0)


@pytest.mark.parametrize("shape", [(8, 8), (30, 20), (100, 90), (64, 640), (200, 200)])
def test_noise_is_rejected_as_often_as_the_level_says(shape):
    draws = 400 if shape[0] * shape[1] < 20_000 else 150
    p_values = np.array([bulk(gaussian(shape, seed)).p_value for seed in range(draws)])
    for level in (0.5, 0.1, 0.05):
        error = 3.5 * np.sqrt(level * (1 - level) / draws)
        assert np.mean(p_values <= level) == pytest.approx(level, abs=error + 0.15 * level)


def test_scale_and_transposition_do_not_matter():
    matrix = gaussian((60, 40), seed=3)
    base = bulk(matrix)
    assert bulk(1e-3 * matrix).p_value == pytest.approx(base.p_value, rel=1e-6)
    assert bulk(matrix.T).p_value == pytest.approx(base.p_value, rel=1e-6)


def test_structure_is_rejected():
    assert bulk(heavy_tailed((200, 100), 3.0)).p_value == P_FLOOR
    low_rank = gaussian((300, 10), 1) @ gaussian((10, 200), 2) / 10 + gaussian((300, 200), 3)
    assert bulk(low_rank).p_value < 1e-4


def test_slices_are_combined_so_that_noise_stays_noise_and_uneven_noise_too():
    uneven = gaussian((9, 32, 16), seed=4) * np.geomspace(0.1, 10, 9)[:, None, None]
    assert bulk(uneven).p_value > 0.01
    learned = np.stack([heavy_tailed((64, 32), 2.5, seed) for seed in range(4)])
    assert bulk(learned).p_value == P_FLOOR


def test_a_slice_without_variance_is_left_out_and_all_of_them_are_undefined():
    stack = gaussian((3, 128, 112), seed=5).astype(np.float32)
    for value in (0.0, 0.5, 0.1):
        stack[1] = value
        assert bulk(stack) == bulk(stack[[0, 2]])
    assert bulk(np.full((2, 128, 112), 0.1)) is Reason.undefined
    assert bulk(np.ones((2, 20, 20))) is Reason.undefined


def test_a_single_row_has_no_null():
    entries = (EntryStatistics(5, 0.0, 1.0, 2.0),)
    assert bulk_null(np.ones((1, 1)), entries, (5, 1), 1.0) is Reason.outside_null_table


def test_p_values_fall_with_distance_and_end_at_the_floor():
    grid = np.linspace(0, 40, 400)
    found = [p_value(value, (768, 768)) for value in grid]
    assert found[0] == 1.0
    assert all(a >= b for a, b in pairwise(found))
    assert found[-1] == P_FLOOR


def test_fisher_combines_uniform_values_to_uniform_ones():
    rng = np.random.default_rng(0)
    combined = np.array([fisher(list(rng.uniform(size=5))) for _ in range(2000)])
    assert np.mean(combined < 0.1) == pytest.approx(0.1, abs=0.021)


@pytest.mark.parametrize("shape", [(8, 8), (19, 19), (20, 20), (64, 64), (150, 100), (900, 300)])
def test_scores_of_noise_are_standard_normal(shape):
    from triplepoint.fits import best_tail

    rng = np.random.default_rng(9)
    scores = [alpha_null(best_tail(bidiagonal.eigenvalues(shape, rng)).alpha, shape).z for _ in range(400)]
    assert np.mean(scores) == pytest.approx(0, abs=0.2)
    assert np.std(scores) == pytest.approx(1, abs=0.15)


def test_heavier_tails_than_noise_score_negative_within_bounds():
    assert -10 <= alpha_null(2.0, (768, 768)).z < -3
    assert alpha_null(1e6, (768, 768)).z == 10.0


def test_discoveries_count_what_the_procedure_rejects():
    assert discoveries([]) == 0
    assert discoveries([0.004]) == 1
    assert discoveries([0.04]) == 0
    assert discoveries([0.001, 0.02, 0.03, 0.9], rate=0.05) == 3
    rng = np.random.default_rng(1)
    assert np.mean([discoveries(list(rng.uniform(size=50)), rate=0.05) > 0 for _ in range(400)]) < 0.09


def test_the_bidiagonal_form_has_the_eigenvalues_of_gaussian_matrices():
    rng = np.random.default_rng(2)
    shape = (40, 20)
    ours = np.mean([bidiagonal.eigenvalues(shape, rng) for _ in range(3000)], axis=0)
    theirs = np.mean(
        [np.linalg.svd(gaussian(shape, s), compute_uv=False)[::-1] ** 2 for s in range(3000)], axis=0
    )
    np.testing.assert_allclose(ours, theirs, rtol=0.02)
