"""Claim: both ends of a spectrum come with orthonormal vectors, for every count, cluster, scale, type and order of
memory.

Witness: `numpy.linalg.eigvalsh`, residuals and VᵀV of the whole matrix.
"""  # fmt: skip

from __future__ import annotations

import numpy as np
import pytest

from triplepoint.linalg.eigenpairs import leading_pairs, trailing_vectors


def spectrum(values: np.ndarray) -> np.ndarray:
    """A symmetric matrix with these eigenvalues."""
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((values.size, values.size)))[0]
    whole = (q * values) @ q.T
    return (whole + whole.T) / 2


WORLDS = {
    "spread": np.linspace(0.1, 9, 130),
    "two clusters": np.repeat([1.0, 2.0], 65),
    "rank 7": np.r_[np.zeros(123), 1:8],
    "equal to rounding": 1 + 1e-15 * np.arange(130),
    "wide": np.geomspace(1e-30, 1, 130),
    "zero": np.zeros(130),
}


def check(gram: np.ndarray, vectors: np.ndarray, wanted: np.ndarray) -> None:
    largest = max(np.abs(np.linalg.eigvalsh(gram)).max(), 1e-300)
    assert vectors.shape == (len(gram), wanted.size)
    found = np.einsum("ij,ij->j", vectors, gram @ vectors)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(wanted.size), atol=1e-11)
    np.testing.assert_allclose(gram @ vectors, vectors * found, atol=1e-12 * largest)
    np.testing.assert_allclose(np.sort(found), np.sort(wanted), atol=1e-12 * largest)


@pytest.mark.parametrize("count", [0, 1, 9, 32, 33, 129, 130])
@pytest.mark.parametrize("world", WORLDS)
def test_both_ends_are_found_whatever_the_spectrum(world, count):
    gram = spectrum(WORLDS[world])
    every = np.linalg.eigvalsh(gram)
    values, vectors = leading_pairs(np.triu(gram), count)
    np.testing.assert_allclose(values, every[::-1][:count], atol=1e-12 * max(every[-1], 1e-300))
    check(gram, vectors, every[::-1][:count])
    check(gram, trailing_vectors(np.triu(gram), count), every[:count])


@pytest.mark.parametrize("side", [1, 2, 95, 96, 97])
def test_small_sides_have_all_counts(side):
    gram = spectrum(np.arange(1.0, side + 1))
    for count in {0, 1, side // 4, side}:
        check(gram, leading_pairs(gram.copy(), count)[1], np.arange(side, side - count, -1.0))


def test_single_precision_and_strides_are_what_they_mean():
    """LAPACK is told an address: read as float64, n² floats would be twice the memory that they have."""
    gram = spectrum(WORLDS["spread"])
    wide = np.zeros((260, 260))
    wide[::2, ::2] = gram
    for given, tolerance in (
        (gram.astype(np.float32), 1e-5),
        (wide[::2, ::2], 1e-12),
        (np.asfortranarray(gram), 1e-12),
    ):
        found, vectors = leading_pairs(given, 5)
        np.testing.assert_allclose(found, WORLDS["spread"][::-1][:5], atol=tolerance)
        np.testing.assert_allclose(gram @ vectors, vectors * found, atol=10 * tolerance)
