"""Claim: the singular values of a convolution on a torus are those of the whole matrix that it is.

The witness forms that matrix entry by entry from the definition of a convolution, and LAPACK decomposes it.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint.linalg.circular import circular_norm, circular_singular_values

CASES = [
    ((3, 2, 3), (7,), (1,), (1,), 1),
    ((2, 3, 3, 3), (5, 4), (1, 1), (1, 1), 1),
    ((4, 2, 3, 2), (6, 4), (2, 1), (1, 1), 1),
    ((3, 2, 3, 3), (6, 6), (2, 3), (1, 2), 1),
    ((4, 2, 3, 3), (4, 4), (2, 2), (1, 1), 2),
    ((4, 1, 3, 3), (5, 5), (1, 1), (1, 1), 4),
    ((2, 2, 5, 5), (3, 4), (1, 1), (1, 1), 1),
    ((2, 1, 2, 2, 2), (3, 2, 4), (1, 1, 2), (1, 1, 1), 1),
]


def dense(kernel, size, stride, dilation, groups):
    """y[o, t] = Σ W[o, i, k]·x[group + i, (t·stride + k·dilation) mod size]."""
    outputs, inputs, *taps = kernel.shape
    targets = list(product(*(range(n // s) for n, s in zip(size, stride, strict=True))))
    matrix = np.zeros((outputs * len(targets), inputs * groups * math.prod(size)))
    for o, (row, target), i, tap in product(
        range(outputs), enumerate(targets), range(inputs), product(*map(range, taps))
    ):
        channel = o // (outputs // groups) * inputs + i
        place = [
            (t * s + k * d) % n for t, s, k, d, n in zip(target, stride, tap, dilation, size, strict=True)
        ]
        column = channel * math.prod(size) + np.ravel_multi_index(place, size)
        matrix[o * len(targets) + row, column] += kernel[(o, i, *tap)]
    return matrix


@pytest.mark.parametrize("case", CASES)
def test_they_are_those_of_the_matrix_that_is_formed(case):
    shape, size, stride, dilation, groups = case
    kernel = gaussian(shape, 3)
    found = circular_singular_values(kernel, size, stride=stride, dilation=dilation, groups=groups)
    expected = np.linalg.svd(dense(kernel, size, stride, dilation, groups), compute_uv=False)
    assert np.sort(found)[::-1] == pytest.approx(expected, abs=1e-12)
    norm = circular_norm(kernel, size, stride=stride, dilation=dilation, groups=groups)
    assert norm == pytest.approx(expected[0], rel=1e-12)


def test_chunks_change_nothing(monkeypatch):
    kernel = gaussian((4, 2, 3, 3), 5)
    whole = circular_singular_values(kernel, (6, 4), stride=(2, 2))
    monkeypatch.setattr("triplepoint.linalg.circular.CHUNK_BYTES", 1)
    assert circular_singular_values(kernel, (6, 4), stride=(2, 2)) == pytest.approx(whole, abs=1e-13)


def test_a_side_that_the_stride_does_not_divide_is_the_next_multiple():
    kernel = gaussian((2, 2, 3), 0)
    assert circular_norm(kernel, (5,), stride=(2,)) == circular_norm(kernel, (6,), stride=(2,))


def test_the_flattened_kernel_can_be_too_small_by_the_root_of_its_positions():
    kernel = np.ones((1, 1, 3, 3))
    assert np.linalg.norm(kernel.reshape(1, -1), 2) == pytest.approx(3.0)
    assert circular_norm(kernel, (8, 8)) == pytest.approx(9.0)
