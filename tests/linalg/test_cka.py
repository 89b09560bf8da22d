"""Claim: linear CKA is Kornblith's ratio, whatever side it is summed on.

Witnesses: the formula with all matrices formed, rotations, Gaussian expectations, the formula of WeightWatcher.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from tests.worlds import gaussian, orthogonal
from triplepoint.linalg import blas_threads, memory
from triplepoint.linalg.cka import linear_cka
from triplepoint.records import LowRank, PackedRows

SHAPES = [(60, 20, 20), (20, 60, 60), (30, 30, 30), (40, 70, 10), (50, 10, 20)]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with blas_threads(1):
        yield


def formed(a: np.ndarray, b: np.ndarray, *, centred: bool = True) -> float:
    x, y = (m - centred * m.mean(axis=0) for m in (a, b))
    norm = np.linalg.norm
    return norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))


def shifted(n: int, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that share something, with column means of their own."""
    common = gaussian((n, 3), 1)
    return tuple(
        gaussian((n, m), 2 + k) + common @ gaussian((3, m), 4 + k) + gaussian((1, m), 6 + k)
        for k, m in enumerate((p, q))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("centred", [True, False])
def test_it_is_the_ratio_of_the_formed_matrices(shape, centred):
    a, b = shifted(*shape)
    assert linear_cka(a, b, centred=centred) == pytest.approx(formed(a, b, centred=centred), rel=1e-12)
    assert linear_cka(b, a, centred=centred) == pytest.approx(formed(a, b, centred=centred), rel=1e-12)


@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
@pytest.mark.parametrize("centred", [True, False])
def test_a_rotation_on_the_right_and_a_scale_change_nothing(shape, centred):
    a = gaussian(shape, 0) + 0.3
    turned = -3e-7 * a @ orthogonal(shape[1], 1)
    assert linear_cka(a, turned, centred=centred) == pytest.approx(1, abs=1e-12)
    other = orthogonal(shape[0], 2) @ a
    assert linear_cka(a, other, centred=centred) < 0.9


@pytest.mark.parametrize("shape", [(40, 30), (30, 60)])
def test_independent_gaussians_have_the_expected_value(shape):
    n, p = shape
    drawn = np.array(
        [
            [linear_cka(*g, centred=c) for c in (True, False)]
            for g in (gaussian((2, n, p), s) for s in range(60))
        ]
    )
    errors = drawn.std(axis=0) / math.sqrt(len(drawn))
    expected = np.array([p / (n + p), p / (n + p + 1)])
    # The ratio of the expectations; that the mean of the ratio is not quite it shows at the third digit.
    assert np.all(np.abs(drawn.mean(axis=0) - expected) < 4 * errors + 0.002)


def test_the_root_of_the_uncentred_one_is_the_overlap_of_weightwatcher():
    a, b = shifted(30, 20, 20)
    norm = np.linalg.norm
    overlap = norm(a.T @ b) / math.sqrt(norm(a.T @ a) * norm(b @ b.T))
    assert math.sqrt(linear_cka(a, b, centred=False)) == pytest.approx(overlap, rel=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e150, 1e300])
@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_no_scale_leaves_the_range(factor, shape):
    a, b = shifted(shape[0], shape[1], shape[1])
    assert linear_cka(factor * a, b) == pytest.approx(linear_cka(a, b), rel=1e-9)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_a_matrix_without_variation_has_none(shape):
    a = gaussian(shape, 0)
    flat = np.broadcast_to(1e5 * (1 + gaussian((1, shape[1]), 1)), shape)
    assert math.isnan(linear_cka(a, np.zeros(shape)))
    assert math.isnan(linear_cka(flat, a))
    assert 0 < linear_cka(flat, a, centred=False) < 1
    for broken in (np.nan, np.inf):
        assert math.isnan(linear_cka(a, np.where(a == a[3, 3], broken, a)))


def test_stored_types_and_packed_rows_and_factors_are_what_they_stand_for():
    a, b = shifted(60, 20, 20)
    half = a.astype(ml_dtypes.bfloat16)
    assert linear_cka(half, b) == pytest.approx(formed(half.astype(float), b), rel=1e-12)
    rows = b.astype(np.float32)
    packed = PackedRows(rows.shape, lambda begin, stop: rows[begin:stop])
    assert linear_cka(packed, a) == pytest.approx(formed(rows.astype(float), a), rel=1e-12)
    product = LowRank(gaussian((60, 4), 1) + 1, gaussian((4, 20), 2), -0.5)
    assert linear_cka(product, a) == pytest.approx(formed(product.left @ product.right, a), rel=1e-12)
    assert linear_cka(product, product) == pytest.approx(1, abs=1e-12)


def test_what_cannot_be_compared_is_said(monkeypatch):
    with pytest.raises(ValueError, match="as many rows"):
        linear_cka(np.ones((3, 2)), np.ones((4, 2)))
    monkeypatch.setattr(memory, "ALWAYS_FITS", 0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 8.0 * 3 * 20 * 20 - 1)
    for shape in ((30, 20), (20, 30)):
        with pytest.raises(MemoryError, match="bytes for the kernels"):
            linear_cka(np.ones(shape), np.ones(shape))
