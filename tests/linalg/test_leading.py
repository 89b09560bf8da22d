"""Claim: the top of a spectrum is found again from where it was, and a matrix has moved by the norm of its change.

Witness: the SVD of NumPy in float64, and Weyl's inequality on all singular values.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from triplepoint.linalg.leading import TOLERANCE, leading, moved
from triplepoint.records import LowRank, Reason


def heavy(rows, columns, generator, decay=0.35):
    side = min(rows, columns)
    left = np.linalg.qr(generator.standard_normal((rows, side)))[0]
    right = np.linalg.qr(generator.standard_normal((columns, side)))[0]
    return (left * np.arange(1, side + 1) ** -decay) @ right.T


def squares(matrix):
    return np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False) ** 2


@pytest.fixture
def generator():
    return np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(300, 140), (140, 300), (90, 90)])
def test_from_nothing_the_largest_are_found(shape, generator):
    matrix = heavy(*shape, generator)
    found = leading(matrix, generator)
    assert found.values[:8] == pytest.approx(squares(matrix)[:8], rel=1e-3)
    assert found.values[0] == pytest.approx(squares(matrix)[0], rel=1e-9)
    assert found.total == pytest.approx(float(np.sum(matrix**2)), rel=1e-12)
    assert found.vectors.T @ found.vectors == pytest.approx(np.eye(16), abs=1e-10)


def test_after_a_drift_they_are_found_again_in_float32(generator):
    before = heavy(400, 200, generator).astype(np.float32)
    start = leading(before, generator).vectors
    drift = generator.standard_normal(before.shape).astype(np.float32)
    after = before + drift * np.float32(0.01 * np.linalg.norm(before) / np.linalg.norm(drift))
    found = leading(after, generator, start)
    assert found.rounds == 1
    assert found.values[:4] == pytest.approx(squares(after)[:4], rel=1e-5)


def test_a_value_that_was_not_among_the_old_ones_is_seen(generator):
    before = heavy(200, 150, generator)
    start = leading(before, generator).vectors
    left, right = (generator.standard_normal(side) for side in before.shape)
    spike = 3.0 * np.outer(left, right) / np.linalg.norm(left) / np.linalg.norm(right)
    found = leading(before + spike, generator, start)
    assert found.values[0] == pytest.approx(squares(before + spike)[0], rel=1e-4)


def test_a_value_that_the_old_vectors_cannot_see_is_seen(generator):
    # Block diagonal: nothing that begins in the first block ever leaves it.
    before = np.zeros((300, 260))
    before[:150, :130] = heavy(150, 130, generator)
    start = leading(before, generator).vectors
    start[130:] = 0.0
    after = before.copy()
    after[150:, 130:] = 2 * heavy(150, 130, generator)
    assert leading(after, generator, start).values[0] == pytest.approx(squares(after)[0], rel=1e-6)


def test_what_is_not_resolved_at_once_is_looked_at_again(generator):
    noise = generator.standard_normal((900, 700)).astype(np.float32)
    found = leading(noise, generator)
    assert found.rounds > 1
    assert found.residual <= TOLERANCE


@pytest.mark.parametrize("drift", [0.001, 0.01, 0.1])
def test_the_edge_of_noise_is_good_to_less_than_half_a_percent_from_below(drift, generator):
    before = generator.standard_normal((256, 192)).astype(np.float32)
    start = leading(before, generator).vectors
    after = before + np.float32(drift) * generator.standard_normal(before.shape).astype(np.float32)
    found = leading(after, generator, start)
    truth = squares(after)[0]
    assert truth * 0.995 < found.values[0] <= truth * (1 + 1e-6)
    assert found.residual <= TOLERANCE


def test_sixteen_bits_are_widened(generator):
    matrix = heavy(120, 60, generator).astype(ml_dtypes.bfloat16)
    found = leading(matrix, generator)
    assert found.values[0] == pytest.approx(squares(matrix.astype(np.float64))[0], rel=1e-5)


def test_fewer_directions_than_the_block(generator):
    matrix = heavy(30, 5, generator)
    assert leading(matrix, generator).values == pytest.approx(squares(matrix), rel=1e-9)


@pytest.mark.parametrize(
    ("fill", "reason"), [(0.0, Reason.all_zero), (np.nan, Reason.non_finite), (np.inf, Reason.non_finite)]
)
def test_what_has_no_top_says_why(fill, reason, generator):
    assert leading(np.full((40, 30), fill, np.float32), generator) is reason


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16])
def test_no_singular_value_moves_by_more_than_the_change(dtype, generator):
    before = generator.standard_normal((2, 40, 25)).astype(dtype)
    after = (before.astype(np.float64) + 0.01 * generator.standard_normal(before.shape)).astype(dtype)
    found = moved(after, before)
    wide, old = after.astype(np.float64), before.astype(np.float64)
    assert found == pytest.approx(float(np.linalg.norm(wide - old)), rel=1e-6)
    shift = np.abs(np.linalg.svd(wide, compute_uv=False) - np.linalg.svd(old, compute_uv=False))
    assert np.max(shift) <= found


def test_of_products_the_change_is_that_of_the_products(generator):
    before = LowRank(generator.standard_normal((60, 4)), generator.standard_normal((4, 50)), 2.0)
    after = LowRank(before.left + 1e-6, before.right, 2.0)
    truth = 2.0 * np.linalg.norm(np.full((60, 4), 1e-6) @ before.right)
    assert moved(after, before) == pytest.approx(truth, rel=1e-6)
    assert moved(before, before) == 0.0


def test_a_change_that_is_no_number_has_a_reason(generator):
    before = generator.standard_normal((1, 9, 9))
    assert moved(before * np.nan, before) is Reason.non_finite


@pytest.mark.parametrize("size", [1e-30, 1e-21, 1e-12, 1e12, 1e18, 1e30])
def test_weights_of_any_size_are_followed(size, generator):
    matrix = (size * heavy(300, 160, generator)).astype(np.float32)
    found = leading(matrix, generator)
    assert found.values[0] == pytest.approx(squares(matrix)[0], rel=1e-5)
    again = leading(matrix, generator, found.vectors)
    assert again.values[0] == pytest.approx(found.values[0], rel=1e-6)
    change = moved(1.5 * matrix[None], matrix[None])
    assert change == pytest.approx(np.linalg.norm(0.5 * matrix.astype(np.float64)), rel=1e-5)


def test_what_has_not_moved_at_all_has_moved_by_nothing(generator):
    matrix = heavy(30, 20, generator).astype(np.float32)
    assert moved(matrix[None], matrix[None].copy()) == 0.0
