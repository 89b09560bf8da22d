"""Claim: a product of two factors has the singular values and entries of the matrix that is never formed.

The witness forms it: `numpy.linalg.svd` of left @ right in float64, and closed forms where the product loses digits.
"""

from __future__ import annotations

import math
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds import gaussian, orthogonal
from triplepoint.linalg import blas_threads, choose_backend, decompose, low_rank, memory, precise_again
from triplepoint.records import LowRank, Reason

BACKEND = choose_backend()
SHAPES = [
    (64, 8, 40),
    (40, 16, 3000),
    (3000, 16, 40),
    (12, 30, 10),
    (10, 30, 12),
    (1, 5, 1),
    (7, 1, 9),
    (5, 5, 5),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Two BLAS threads on matrices of this size wait for each other on a busy machine: 18 s instead of 3 s."""
    with blas_threads(1):
        yield


def factors(
    rows: int, rank: int, columns: int, seed: int = 0, dtype=np.float32
) -> tuple[np.ndarray, np.ndarray]:
    return gaussian((rows, rank), seed).astype(dtype), gaussian((rank, columns), seed + 1).astype(dtype)


def formed(values: LowRank) -> np.ndarray:
    return values.factor * (values.left.astype(np.float64) @ values.right.astype(np.float64))


@pytest.mark.parametrize(("rows", "rank", "columns"), SHAPES)
@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
def test_singular_values_are_those_of_the_product_as_many_as_the_rank(rows, rank, columns, mode):
    values = LowRank(*factors(rows, rank, columns), -2.5)
    found = decompose(values, mode, BACKEND)
    count = min(rows, rank, columns)
    assert found.singular_values.shape == (1, count)
    assert found.shape == (max(rows, columns), min(rows, columns))
    expected = np.linalg.svd(formed(values), compute_uv=False)[:count]
    np.testing.assert_allclose(found.singular_values[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
)
def test_storage_types_are_widened_exactly(dtype):
    values = LowRank(*factors(50, 6, 70, dtype=dtype))
    found = decompose(values, "precise", BACKEND)
    expected = np.linalg.svd(formed(values), compute_uv=False)[:6]
    np.testing.assert_allclose(found.singular_values[0], expected, rtol=1e-12)


def test_factors_with_orthonormal_directions_give_their_lengths_back_to_the_last_digits():
    sigma = np.geomspace(1, 1e-12, 12)
    left, right = orthogonal(90, 1)[:, :12] * np.sqrt(sigma), (orthogonal(60, 2)[:, :12] * np.sqrt(sigma)).T
    found = decompose(LowRank(left, right, 3.0), "precise", BACKEND)
    np.testing.assert_allclose(found.singular_values[0], 3 * sigma, rtol=1e-3)
    np.testing.assert_allclose(found.singular_values[0, :6], 3 * sigma[:6], rtol=1e-9)
    assert found.epsilon == found.storage_epsilon == pytest.approx(2.0**-52)
    assert found.singular_values[0, -1] ** 2 > found.resolved_ratio * found.singular_values[0, 0] ** 2


def test_directions_that_cancel_count_as_rounding_and_not_as_rank():
    # Both factors are large along a direction that the other lacks; what is left is 1e-10 of their lengths.
    basis = orthogonal(50, 3)[:, :3]
    mixed = orthogonal(3, 4)
    left = basis * [1.0, 1e-10, 0.0] @ mixed
    right = (orthogonal(40, 5)[:, :3] * [0.0, 1.0, 1.0] @ mixed).T
    found = decompose(LowRank(left, right), "precise", BACKEND)
    assert found.singular_values[0, 0] == pytest.approx(1e-10, rel=1e-4)
    assert found.epsilon == pytest.approx(1e10 * 2.0**-52, rel=1e-3)
    floor = found.singular_values[0, 0] * found.shape[0] * found.storage_epsilon
    assert np.count_nonzero(found.singular_values > floor) == 1


@pytest.mark.parametrize("panel", [1 << 20, 1 << 12])
@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize("shape", [*SHAPES, (170, 3, 120)])
def test_entries_are_those_of_the_product(shape, spread, panel, monkeypatch):
    monkeypatch.setattr(low_rank, "PANEL_BYTES", panel)
    left, right = factors(*shape)
    rows = len(left)
    lengths = np.exp(spread * gaussian((rows, 1), 7))
    values = LowRank((left * lengths + 0.1).astype(np.float32), right + np.float32(0.2), -0.3)
    found, whole = decompose(values, "precise", BACKEND), formed(values)
    assert found.entries.count == whole.size
    assert found.entries.mean == pytest.approx(whole.mean(), rel=1e-9)
    assert found.entries.std == pytest.approx(whole.std(), rel=1e-9, abs=1e-9 * abs(whole.mean()))
    assert found.entries.max_abs == pytest.approx(np.abs(whole).max(), rel=1e-13)
    expected = np.linalg.svd(whole, compute_uv=False)[: min(shape)]
    np.testing.assert_allclose(found.singular_values[0], expected, rtol=1e-10)


def test_a_large_product_is_never_formed_nor_looked_at_as_a_whole(monkeypatch):
    # 40,000 x 30,000: 9.6 GB in float64, 10,000 panels.
    depth, panels = low_rank._depth, []
    monkeypatch.setattr(low_rank, "_depth", lambda columns: panels.append(columns) or depth(columns))
    left, right = factors(40_000, 4, 30_000)
    left *= np.exp(gaussian((40_000, 1), 8)).astype(np.float32)
    tracemalloc.start()
    found = decompose(LowRank(left, right), "precise", BACKEND)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20
    assert len(panels) < 30
    longest = np.argsort(-np.linalg.norm(left, axis=1))[:50]
    assert found.entries.max_abs == pytest.approx(
        np.abs(left[longest].astype(np.float64) @ right).max(), rel=1e-12
    )


def test_beyond_a_number_of_entries_the_largest_is_not_looked_for(monkeypatch):
    monkeypatch.setattr(low_rank, "MAX_ENTRIES", 1000)
    found = decompose(LowRank(*factors(40, 3, 30)), "precise", BACKEND)
    assert math.isnan(found.entries.max_abs)
    assert math.isfinite(found.entries.std)


@pytest.mark.parametrize(
    ("left_scale", "right_scale", "factor"),
    [
        (1e300, 1e-300, 1.0),
        (1e-300, 1e-300, 1e300),
        (1e300, 1.0, -1e-290),
        (1e-310, 1e300, 2.0),
        (1e140, 1e140, 1.0),
    ],
)
def test_extreme_scales_neither_overflow_nor_vanish(left_scale, right_scale, factor):
    left, right = factors(30, 5, 20, dtype=np.float64)
    plain = decompose(LowRank(left, right), "precise", BACKEND)
    found = decompose(LowRank(left * left_scale, right * right_scale, factor), "precise", BACKEND)
    exponent = math.log10(left_scale) + math.log10(right_scale) + math.log10(abs(factor))
    total = 10.0**exponent
    np.testing.assert_allclose(found.singular_values / total, plain.singular_values, rtol=1e-3)
    assert found.entries.std / total == pytest.approx(plain.entries.std, rel=1e-3)
    assert found.entries.max_abs / total == pytest.approx(plain.entries.max_abs, rel=1e-3)
    assert math.copysign(1, found.entries.mean) == math.copysign(1, factor * plain.entries.mean)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_a_product_beyond_the_range_of_float64_is_a_reason(scale):
    left, right = factors(30, 5, 20, dtype=np.float64)
    assert decompose(LowRank(left * scale, right * scale), "precise", BACKEND) is Reason.extreme_scale


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_non_finite_entry_or_scale_is_a_reason(bad):
    left, right = factors(30, 5, 20)
    assert decompose(LowRank(left, right, bad), "precise", BACKEND) is Reason.non_finite
    right[4, 19] = bad
    assert decompose(LowRank(left, right), "precise", BACKEND) is Reason.non_finite
    assert decompose(LowRank(right.T, left.T), "precise", BACKEND) is Reason.non_finite


def test_a_product_that_is_zero_is_a_reason_whichever_factor_makes_it_so():
    left, right = factors(30, 4, 20)
    apart = LowRank(left * [1, 1, 0, 0], right * np.array([[0], [0], [1], [1]]))
    fresh = LowRank(np.zeros_like(left), right)
    rounded = LowRank(
        np.ones((30, 2)), np.array([[0.1], [-0.1]]) * np.arange(20)
    )  # its core is 1e-16, not zero
    for zero in (fresh, LowRank(left, np.zeros_like(right)), LowRank(left, right, 0.0), apart, rounded):
        assert decompose(zero, "precise", BACKEND) is Reason.all_zero


def test_factors_that_cannot_fit_are_refused_before_anything_is_allocated(monkeypatch):
    huge = np.broadcast_to(np.float32(1), (10**7, 10**4))
    assert decompose(LowRank(huge, huge.T), "precise", BACKEND) is Reason.out_of_memory
    monkeypatch.setattr(memory, "ALWAYS_FITS", 0)
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000.0)
    assert decompose(LowRank(*factors(30, 5, 20)), "precise", BACKEND) is Reason.out_of_memory


def test_an_iteration_that_does_not_converge_is_a_reason(monkeypatch):
    def fails(_):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(low_rank, "product", fails)
    assert decompose(LowRank(*factors(30, 5, 20)), "precise", BACKEND) is Reason.not_converged


def test_there_is_nothing_more_precise_to_promote_to():
    values = LowRank(*factors(30, 5, 20))
    found = decompose(values, "fast", BACKEND)
    assert precise_again(found, values, BACKEND) is found


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(1, 40),
    st.integers(0, 10**6),
    st.floats(-1e6, 1e6).filter(lambda factor: abs(factor) > 1e-6),
)
def test_scale_transposition_and_order_act_as_on_a_matrix(rows, rank, columns, seed, factor):
    left, right = factors(rows, rank, columns, seed, np.float64)
    base = decompose(LowRank(left, right), "precise", BACKEND)
    rng = np.random.default_rng(seed)
    inner = rng.permutation(rank)
    shuffled = left[rng.permutation(rows)][:, inner], right[inner][:, rng.permutation(columns)]
    turned = LowRank(shuffled[1].T, shuffled[0].T, factor)
    found = decompose(turned, "precise", BACKEND)
    atol = 1e-12 * abs(factor) * base.singular_values.max() * base.epsilon / 2.0**-52
    np.testing.assert_allclose(found.singular_values, abs(factor) * base.singular_values, rtol=0, atol=atol)
    assert found.entries.max_abs == pytest.approx(abs(factor) * base.entries.max_abs)
    assert found.shape == base.shape
