"""Claim: the sums over singular vectors are those of the vectors themselves, on both sides, and nobody's vectors are
left out.

The witness is `numpy.linalg.svd` of the formed matrix in float64, an algorithm that forms no Gram matrix.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from tests.worlds import gaussian, orthogonal, with_singular_values
from triplepoint.linalg import blas_threads, memory, panels
from triplepoint.linalg.vectors import VectorSums, singular_vectors
from triplepoint.records import LowRank, PackedRows, Reason


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with blas_threads(1):
        yield


def agree(sums: VectorSums, vectors: np.ndarray, rel: float) -> None:
    p = vectors**2
    assert sums.length == len(vectors)
    assert sums.entropy == pytest.approx(-np.sum(p * np.log(p), axis=0), rel=rel)
    norm = [np.linalg.norm(vectors, order, axis=0) for order in (1, 2, 4, np.inf)]
    assert sums.localization == pytest.approx(norm[0] / norm[3], rel=rel)
    assert sums.participation == pytest.approx(norm[1] / norm[2], rel=rel)


def witnessed(found, matrix: np.ndarray, rel: float = 1e-9) -> None:
    left, sigma, right = np.linalg.svd(matrix, full_matrices=False)
    kept = found.singular_values.size
    assert found.singular_values == pytest.approx(sigma[:kept], rel=rel)
    agree(found.rows, left[:, :kept], rel)
    agree(found.columns, right.T[:, :kept], rel)


@pytest.mark.parametrize("shape", [(40, 40), (70, 30), (30, 70), (500, 9), (9, 500)])
@pytest.mark.parametrize("factor", [1.0, 1e-200, 1e200])
def test_every_sum_is_that_of_the_vectors(shape, factor, monkeypatch):
    monkeypatch.setattr(panels, "PANEL_BYTES", 64)  # several panels
    monkeypatch.setattr(panels, "PANEL_DEPTH", 32)
    matrix = factor * with_singular_values(np.geomspace(30, 1, min(shape)), shape)
    found = singular_vectors(matrix)
    assert found.determined.all()
    witnessed(found, matrix)


def test_stored_types_packed_rows_and_factors_are_what_they_stand_for():
    half = gaussian((60, 40), 1).astype(ml_dtypes.bfloat16)
    witnessed(singular_vectors(half), half.astype(float), rel=1e-7)
    rows = gaussian((60, 40), 2).astype(np.float32)
    witnessed(singular_vectors(PackedRows(rows.shape, lambda a, b: rows[a:b])), rows.astype(float), rel=1e-7)
    product = LowRank(1e-200 * gaussian((50, 8), 3), 1e-90 * gaussian((8, 30), 4), -2.0)
    found = singular_vectors(product)
    formed = -2.0 * gaussian((50, 8), 3) @ gaussian((8, 30), 4)
    assert found.singular_values.size == 8
    left, sigma, right = np.linalg.svd(formed)
    agree(found.rows, left[:, :8], 1e-9)
    agree(found.columns, right[:8].T, 1e-9)
    assert found.singular_values == pytest.approx(1e-290 * sigma[:8], rel=1e-9)


def test_vectors_of_the_null_space_and_of_rounding_are_nobodys():
    thin = gaussian((60, 5), 1) @ gaussian((5, 40), 2)
    assert singular_vectors(thin).singular_values.size == 5
    assert singular_vectors(LowRank(gaussian((60, 5), 1), np.zeros((5, 40)))) is Reason.all_zero
    assert singular_vectors(np.zeros((20, 10))) is Reason.all_zero
    assert singular_vectors(np.full((20, 10), np.nan)) is Reason.non_finite


@pytest.mark.parametrize("turn", [0.0, 1e-13])
def test_equal_eigenvalues_have_no_vectors_of_their_own(turn):
    sigma = np.array([9.0, 7.0, 7.0 + turn, 7.0, 5.0, 3.0 + turn, 3.0, 1.0])
    found = singular_vectors(with_singular_values(sigma, (30, 20)))
    assert found.determined.tolist() == [True, False, False, False, True, False, False, True]
    left, right = orthogonal(30, 1)[:, :8] * np.sqrt(sigma), np.sqrt(sigma)[:, None] * orthogonal(20, 2)[:8]
    assert singular_vectors(LowRank(left, right)).determined.tolist() == found.determined.tolist()


def test_what_does_not_fit_is_said_before_it_is_begun(monkeypatch):
    monkeypatch.setattr(memory, "ALWAYS_FITS", 0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 8.0 * 5 * 20 * 20)
    assert singular_vectors(gaussian((30, 20))) is Reason.out_of_memory
    assert singular_vectors(LowRank(gaussian((30, 20)), gaussian((20, 9)))) is Reason.out_of_memory
    monkeypatch.setattr(memory, "available_bytes", lambda: 8.0 * 4000)  # enough for the values alone
    assert singular_vectors(LowRank(gaussian((30, 20)), gaussian((20, 9)))) is Reason.out_of_memory
    monkeypatch.setattr(memory, "available_bytes", lambda: 8.0 * 6 * 20 * 20)
    assert singular_vectors(gaussian((30, 20))).singular_values.size == 20
