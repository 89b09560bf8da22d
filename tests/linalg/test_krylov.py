"""Claim: what lies above a bound is found and counted as the whole spectrum counts it, near the bound too.

The witness is `numpy.linalg.eigvalsh` in float64 on the same Gram matrix.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint.linalg import choose_backend, krylov
from triplepoint.linalg.numpy_backend import NumpyBackend

BACKEND = choose_backend()


def gram(shape: tuple[int, int], spikes: list[float], seed: int, dtype: str = "f8") -> np.ndarray:
    """Noise with rank-one parts of these strengths, in units of (NM)^¼."""
    matrix = gaussian(shape, seed)
    rng = np.random.default_rng([seed, 1])
    for strength in spikes:
        left, right = (rng.standard_normal(side) for side in shape)
        size = strength * (shape[0] * shape[1]) ** 0.25
        matrix += size * np.outer(left / np.linalg.norm(left), right / np.linalg.norm(right))
    matrix = matrix.astype(dtype)
    return matrix.T @ matrix


def above(matrix: np.ndarray, bound: float, seed: int = 0) -> krylov.Above:
    return krylov.eigenvalues_above(matrix, bound, np.random.default_rng(seed), BACKEND)


def check(matrix: np.ndarray, bound: float, rtol: float) -> krylov.Above:
    found = above(matrix, bound)
    values, vectors = np.linalg.eigh(matrix.astype(np.float64))
    expected = values[::-1][: np.count_nonzero(values > bound)]
    assert found.count == expected.size
    listed = min(found.count, 16)
    assert found.values.size >= listed
    np.testing.assert_allclose(found.values[:listed], expected[:listed], rtol=rtol)
    for k in range(listed):
        assert abs(found.vectors[:, k] @ vectors[:, -1 - k]) == pytest.approx(1, abs=0.05)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(60, 40), (300, 260), (900, 300)])
@pytest.mark.parametrize(
    "spikes", [[], [1.3], [3.0], [1.5, 1.8, 2.5, 30.0], [2.0 + 0.1 * k for k in range(20)]]
)
def test_planted_parts_are_all_found(shape, spikes, seed):
    n, m = (np.sqrt(side) for side in shape)
    check(gram(shape, spikes, seed), 1.03 * (n + m) ** 2, 1e-7)


@pytest.mark.parametrize("place", [0, 1, 2, 5])
def test_a_bound_just_below_an_eigenvalue_of_the_bulk_counts_it(place):
    matrix = gram((320, 320), [2.0], 4)
    values = np.linalg.eigvalsh(matrix)[::-1]
    bound = values[place] * 0.5 + values[place + 1] * 0.5
    assert above(matrix, bound).count == place + 1


def test_more_than_the_krylov_space_holds_are_counted_all():
    matrix = gram((400, 300), [2.0 + 0.05 * k for k in range(60)], 5)
    bound = 1.03 * (np.sqrt(400) + np.sqrt(300)) ** 2
    assert above(matrix, bound).count > krylov.MOST
    check(matrix, bound, 1e-6)


def test_single_precision_counts_the_same():
    for seed in range(4):
        check(gram((500, 250), [1.3, 1.6, 4.0], seed, "f4"), 1.03 * (np.sqrt(500) + np.sqrt(250)) ** 2, 1e-4)


def test_the_start_and_the_backend_do_not_change_the_count(monkeypatch):
    matrix = gram((400, 300), [1.2, 1.4, 5.0], 6)
    bound = 1.01 * (np.sqrt(400) + np.sqrt(300)) ** 2
    counts = {above(matrix, bound, seed).count for seed in range(8)}
    counts.add(krylov.eigenvalues_above(matrix, bound, np.random.default_rng(0), NumpyBackend()).count)

    def missing(_: np.ndarray) -> bool:
        raise LookupError

    monkeypatch.setattr(krylov.lapack, "is_positive_definite", missing)
    counts.add(above(matrix, bound).count)
    assert len(counts) == 1


def test_a_search_that_misses_one_is_not_believed(monkeypatch):
    """The certificate, and not the search, has the last word."""
    found = krylov._ritz
    monkeypatch.setattr(
        krylov, "_ritz", lambda *arguments: tuple(part[..., :1] for part in found(*arguments))
    )
    matrix = gram((400, 300), [2.0, 3.0, 4.0], 7)
    check(matrix, 1.03 * (np.sqrt(400) + np.sqrt(300)) ** 2, 1e-9)


def test_a_matrix_of_equal_eigenvalues_is_all_above_or_all_below():
    assert above(np.eye(250) * 3.0, 4.0).count == 0
    assert above(np.eye(250) * 3.0, 2.0).count == 250


def turned(values: list[tuple[float, int]], seed: int, dtype: str) -> np.ndarray:
    """A Gram matrix of these eigenvalues, each as often as its number says."""
    diagonal = np.concatenate([np.full(count, value) for value, count in values])
    basis = np.linalg.qr(gaussian((diagonal.size, diagonal.size), seed))[0]
    product = (basis * diagonal) @ basis.T
    return ((product + product.T) / 2).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("diagonal", [True, False], ids=["diagonal", "turned"])
@pytest.mark.parametrize(
    "values",
    [
        [(5.0, 1), (4.0, 1), (1.0, 298)],
        [(9.0, 1), (7.0, 2), (5.0, 3), (1.0, 150), (0.0, 144)],
        [(9.0, 12), (7.0, 10), (1.0, 278)],
        [(1e6, 1), (4.0, 1), (0.0, 298)],
        [(4.0, 25), (0.0, 475)],
        [(4.0, 40), (0.0, 260)],
    ],
    ids=["two-and-one", "three", "many-copies", "far-apart", "25-copies", "40-copies"],
)
def test_few_different_eigenvalues_are_found_as_they_are(values, diagonal, dtype):
    """The Krylov space is soon invariant; Ritz values of what rounding adds to it reached 17 where λmax is 5."""
    matrix = np.diag(np.concatenate([np.full(n, v) for v, n in values])).astype(dtype)
    if not diagonal:
        matrix = turned(values, 3, dtype)
    expected = np.linalg.eigvalsh(matrix.astype(np.float64))[::-1]
    expected = expected[expected > 3]
    found = above(matrix, 3.0)
    assert found.count == expected.size
    listed = min(found.count, 16)
    assert listed <= found.values.size <= found.count
    error = 1e-5 if dtype == "f4" else 1e-10
    np.testing.assert_allclose(found.values[:listed], expected[:listed], atol=error * expected[0])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_basis_stays_orthonormal_where_the_space_is_invariant(dtype):
    matrix = turned([(5.0, 1), (4.0, 1), (1.0, 298)], 4, dtype)
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((300, krylov.BLOCK)).astype(dtype))[0]
    for _ in range(10):
        block = krylov._next(matrix @ basis[:, -krylov.BLOCK :], basis, rng)
        basis = np.concatenate([basis, block], axis=1)
        assert basis.dtype == matrix.dtype
    identity = basis.T.astype(np.float64) @ basis
    assert np.abs(identity - np.eye(basis.shape[1])).max() < 20 * np.finfo(dtype).eps
