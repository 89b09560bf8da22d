"""Claim: components are kept, dropped and shrunk exactly, whatever the shape, and nothing else is touched.

Witnesses: planted singular values, Eckart and Young's distance, and the obvious way by a whole SVD.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds import gaussian, with_singular_values
from triplepoint.edit.components import drop_leading, keep_leading
from triplepoint.edit.shrinking import shrink_optimally
from triplepoint.linalg import eigenpairs
from triplepoint.records import Reason

SHAPES = [(30, 12), (12, 30), (20, 20), (300, 128), (120, 400)]


def truncated(matrix: np.ndarray, kept: slice) -> np.ndarray:
    u, s, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return (u[:, kept] * s[kept]) @ v[kept]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.6, 0.95, 1.0])
def test_what_is_kept_and_what_is_dropped_are_those_of_an_svd(shape, share):
    matrix, count = gaussian(shape, 1), int(share * min(shape))
    kept, dropped = keep_leading(matrix, count), drop_leading(matrix, count)
    np.testing.assert_allclose(kept, truncated(matrix, slice(count)), atol=1e-10)
    np.testing.assert_allclose(dropped, truncated(matrix, slice(count, None)), atol=1e-10)
    np.testing.assert_allclose(kept + dropped, matrix, atol=1e-10)


@pytest.mark.parametrize("count", [1, 7, 60, 100])
def test_planted_singular_values_are_cut_off_sharply(count):
    planted = np.geomspace(10, 0.1, 128)
    matrix = with_singular_values(planted, (200, 128), 2)
    found = np.linalg.svd(keep_leading(matrix, count), compute_uv=False)
    np.testing.assert_allclose(found[:count], planted[:count], rtol=1e-11)
    assert found[count] < 1e-10
    left = np.linalg.svd(drop_leading(matrix, count), compute_uv=False)
    np.testing.assert_allclose(left[: 128 - count], planted[count:], rtol=1e-9)


@pytest.mark.parametrize("count", [3, 50, 110])
def test_the_distance_is_that_of_eckart_and_young(count):
    planted = np.linspace(9, 1, 120)
    matrix = with_singular_values(planted, (150, 120), 3)
    distance = np.linalg.norm(keep_leading(matrix, count) - matrix)
    assert distance == pytest.approx(np.sqrt(np.sum(planted[count:] ** 2)), rel=1e-12)


def test_slices_are_pooled():
    planted = [np.array([9.0, 4.0, 1.0]), np.array([8.0, 7.0, 0.5]), np.array([0.1, 0.05, 0.01])]
    stack = np.stack([with_singular_values(s, (6, 4), k) for k, s in enumerate(planted)])
    kept = keep_leading(stack, 4)
    for k, expected in enumerate(([9, 4, 0, 0], [8, 7, 0, 0], [0, 0, 0, 0])):
        found = np.linalg.svd(kept[k], compute_uv=False)
        np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(drop_leading(stack, 4), stack - kept, atol=1e-12)


def test_of_equal_singular_values_those_of_the_earlier_slice_are_kept():
    one = gaussian((9, 5), 4)
    kept = keep_leading(np.stack([one, one, one]), 7)
    ranks = [np.linalg.matrix_rank(part, tol=1e-9) for part in kept]
    assert ranks == [3, 2, 2]


def test_of_an_orthogonal_matrix_any_projection_of_that_rank_is_kept():
    matrix = 2 * np.eye(200)
    kept = keep_leading(matrix, 20)
    found = np.linalg.svd(kept, compute_uv=False)
    np.testing.assert_allclose(found, np.r_[np.full(20, 2.0), np.zeros(180)], atol=1e-12)
    np.testing.assert_array_equal(kept, keep_leading(matrix, 20))


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e200])
def test_no_scale_is_too_small_or_large(scale):
    matrix = gaussian((130, 110), 5)
    np.testing.assert_allclose(
        keep_leading(matrix * scale, 9) / scale, truncated(matrix, slice(9)), atol=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_storage_is_widened_first(dtype):
    matrix = gaussian((150, 120), 6).astype(dtype)
    found = keep_leading(matrix, 5)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, truncated(matrix, slice(5)), atol=1e-10)


def test_zero_matrices_stay_and_damaged_ones_are_refused():
    assert not keep_leading(np.zeros((3, 8, 4)), 5).any()
    assert not keep_leading(np.zeros((8, 4)), 2).any()
    broken = gaussian((8, 4), 7)
    broken[3, 2] = np.nan
    for values in (broken, np.stack([broken, broken])):
        with pytest.raises(ValueError, match="NaN"):
            keep_leading(values, 2)
    with pytest.raises(ValueError, match="-1 components"):
        keep_leading(np.eye(4), -1)
    with pytest.raises(ValueError, match="shape"):
        drop_leading(np.ones(4), 1)


def test_few_and_many_vectors_come_by_two_ways_and_are_the_same(monkeypatch):
    matrix = gaussian((300, 200), 8)
    by_lapack = keep_leading(matrix, 30)
    monkeypatch.setattr(eigenpairs, "_few", lambda gram, count: None)
    np.testing.assert_allclose(by_lapack, keep_leading(matrix, 30), atol=1e-11)


def test_an_iteration_that_fails_gives_way_to_the_other(monkeypatch):
    def fail(gram, count):
        raise eigenpairs.lapack.LapackError("stemr")

    matrix = gaussian((300, 200), 8)
    monkeypatch.setattr(eigenpairs.lapack, "leading_pairs", fail)
    np.testing.assert_allclose(keep_leading(matrix, 30), truncated(matrix, slice(30)), atol=1e-10)


@pytest.mark.parametrize("shape", [(300, 120), (120, 300), (4, 90, 60)])
def test_shrinkage_is_that_of_every_singular_value(shape):
    """The slow way: σ from the trimmed spectrum by the same fit, η written out, a whole SVD."""
    from tests.spectra import decomposed
    from triplepoint.nulls.bulk_fit import fit_noises
    from triplepoint.nulls.settings import NullSettings

    stack = gaussian(shape, 9).reshape(-1, *shape[-2:])
    stack = stack + [with_singular_values(np.array([60.0, 40.0]), shape[-2:], k) for k in range(len(stack))]
    noises = fit_noises(decomposed(stack)[0], NullSettings())
    found = shrink_optimally(stack.reshape(shape)).reshape(stack.shape)
    for one, noise, got in zip(stack, noises.slices, found, strict=True):
        u, s, v = np.linalg.svd(one, full_matrices=False)
        rows, columns = noise.shape
        y, beta = s / (noise.sigma * np.sqrt(rows)), columns / rows
        eta = np.sqrt(np.maximum((y**2 - beta - 1) ** 2 - 4 * beta, 0)) / y * noise.sigma * np.sqrt(rows)
        eta[noise.spikes :] = 0
        assert noise.spikes == 2
        np.testing.assert_allclose(got, (u * eta) @ v, atol=1e-9)


def test_noise_is_shrunk_to_nothing_and_a_constant_slice_stays():
    stack = np.stack([gaussian((80, 40), 11), np.full((80, 40), 3.0)])
    found = shrink_optimally(stack)
    assert not found[0].any()
    np.testing.assert_array_equal(found[1], stack[1])
    assert shrink_optimally(gaussian((5, 4), 1)) is Reason.too_few_eigenvalues


def test_shrinkage_scales_with_the_matrix():
    matrix = gaussian((90, 60), 12) + with_singular_values(np.array([50.0]), (90, 60), 3)
    np.testing.assert_allclose(shrink_optimally(matrix * 1e-120) * 1e120, shrink_optimally(matrix), atol=1e-9)
