"""Claim: all modes and backends give the singular values of a float64 SVD within their stated resolution.

The witness is `numpy.linalg.svd`, which shares neither the Gram matrix nor the tridiagonalisation with the kernels.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed, with_singular_values
from triplepoint.linalg import choose_backend, decompose, lapack, lapack_backend, memory
from triplepoint.linalg.numpy_backend import NumpyBackend
from triplepoint.records import Reason

LAPACK = choose_backend()
SHAPES = [(1, 1), (1, 40), (40, 1), (20, 50), (50, 20), (300, 300), (64, 2000), (2000, 64)]


def svd(values: np.ndarray) -> np.ndarray:
    return np.stack([np.linalg.svd(v.astype(np.float64), compute_uv=False) for v in values])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("backend", [LAPACK, NumpyBackend()], ids=lambda b: b.name)
@pytest.mark.parametrize(("mode", "tolerance"), [("precise", 1e-12), ("fast", 2e-5), ("exact", 1e-14)])
def test_every_mode_agrees_with_the_svd(shape, backend, mode, tolerance):
    values = gaussian(shape, seed=sum(shape)).astype(np.float32)[None]
    found = decompose(values, mode, backend)
    expected = svd(values)
    np.testing.assert_allclose(found.singular_values, expected, atol=tolerance * expected.max(), rtol=0)


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]
)
def test_storage_types_are_widened_exactly(dtype):
    values = gaussian((90, 130), seed=1).astype(dtype)[None]
    found = decompose(values, "precise", LAPACK)
    np.testing.assert_allclose(found.singular_values, svd(values), rtol=1e-11)


@pytest.mark.parametrize("shape", [(9, 64, 32), (9, 32, 64), (3, 130, 200), (1, 8, 8)])
@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
def test_slices_are_decomposed_one_by_one_whether_batched_or_not(shape, mode):
    values = np.moveaxis(gaussian((*shape[1:], shape[0]), seed=2).astype(np.float32), -1, 0)
    found = decompose(values, mode, LAPACK)
    expected = svd(values)
    np.testing.assert_allclose(found.singular_values, expected, atol=2e-5 * expected.max(), rtol=0)


@pytest.mark.skipif(not lapack.has_two_stage(), reason="this BLAS has no two-stage reduction")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_stage_tridiagonalisation_gives_the_same_eigenvalues(dtype, monkeypatch):
    values = heavy_tailed((230, 200), 2.5).astype(np.float32)[None]
    mode = "fast" if dtype == np.float32 else "precise"
    one_stage = decompose(values, mode, LAPACK)
    monkeypatch.setattr(lapack_backend, "two_stage", lambda n, dtype: n >= 100)
    two_stage = decompose(values, mode, LAPACK)
    assert (one_stage.method.endswith("tridiagonal"), two_stage.method.endswith("two-stage")) == (True, True)
    scale = one_stage.singular_values.max()
    np.testing.assert_allclose(
        two_stage.singular_values**2, one_stage.singular_values**2, atol=200 * np.finfo(dtype).eps * scale**2
    )


def test_the_torch_backend_agrees_on_the_cpu():
    pytest.importorskip("torch")
    values = gaussian((150, 90), seed=3).astype(np.float32)[None]
    for mode, tolerance in (("precise", 1e-12), ("fast", 2e-5)):
        found = decompose(values, mode, choose_backend("cpu"))
        np.testing.assert_allclose(found.singular_values, svd(values), atol=tolerance * svd(values).max())
        assert "cpu-eigvalsh" in found.method


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e-30, 1e30, 1e200, 1e300])
@pytest.mark.parametrize("shape", [(1, 60, 40), (4, 30, 20)])
def test_extreme_scales_neither_overflow_nor_vanish(factor, shape):
    values = gaussian(shape, seed=4)
    plain = decompose(values, "precise", LAPACK)
    scaled = decompose(values * factor, "precise", LAPACK)
    np.testing.assert_allclose(scaled.singular_values / factor, plain.singular_values, rtol=1e-9)
    assert scaled.entries.std / factor == pytest.approx(plain.entries.std)


@pytest.mark.parametrize("factor", [1e-30, 1e-18, 1e18, 1e30])
def test_fast_mode_survives_scales_whose_squares_leave_float32(factor):
    values = gaussian((1, 60, 40), seed=4).astype(np.float32)
    scaled = decompose((values * np.float32(factor)).astype(np.float32), "fast", LAPACK)
    plain = decompose(values, "fast", LAPACK)
    np.testing.assert_allclose(scaled.singular_values / factor, plain.singular_values, rtol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
@pytest.mark.parametrize("shape", [(1, 40, 30), (4, 40, 30), (1, 3000, 40)])
def test_one_non_finite_entry_is_a_reason(bad, mode, shape):
    values = gaussian(shape).astype(np.float32)
    values[-1, -1, -1] = bad
    assert decompose(values, mode, LAPACK) is Reason.non_finite


@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
@pytest.mark.parametrize("shape", [(1, 40, 30), (4, 40, 30), (1, 1, 1)])
def test_all_zero_is_a_reason(mode, shape):
    assert decompose(np.zeros(shape, np.float32), mode, LAPACK) is Reason.all_zero


def test_entry_statistics_are_those_of_the_stored_entries():
    values = (gaussian((1, 700, 300), seed=5) + 0.3).astype(np.float32)
    entries = decompose(values, "precise", LAPACK).entries
    wide = values.astype(np.float64)
    assert entries.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert entries.std == pytest.approx(wide.std(), rel=1e-12)
    assert entries.max_abs == np.abs(values).max()


def test_a_strong_spike_promotes_fast_to_double_precision():
    spiked = gaussian((120, 80), seed=6) + 50 * np.ones((120, 80))
    assert decompose(spiked.astype(np.float32)[None], "fast", LAPACK).method.startswith("gram64")
    assert decompose(gaussian((120, 80)).astype(np.float32)[None], "fast", LAPACK).method.startswith("gram32")


def test_float64_storage_below_the_floor_of_the_gram_matrix_is_done_exactly():
    values = with_singular_values(np.geomspace(1, 1e-12, 30), (40, 30))[None]
    found = decompose(values, "precise", LAPACK)
    assert found.method == "svd"
    assert decompose(values.astype(np.float32), "precise", LAPACK).method.startswith("gram64")
    assert found.singular_values[0, -1] == pytest.approx(1e-12, rel=1e-2)


def test_a_matrix_that_cannot_fit_is_refused_before_anything_is_allocated(monkeypatch):
    values = np.broadcast_to(np.float32(1), (1, 200_000, 200_000))
    assert decompose(values, "precise", LAPACK) is Reason.out_of_memory
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000.0)
    assert not isinstance(decompose(gaussian((1, 40, 30)), "fast", LAPACK), Reason)
    monkeypatch.setattr(memory, "ALWAYS_FITS", 1000.0)
    assert decompose(gaussian((1, 40, 30)), "fast", LAPACK) is Reason.out_of_memory


def test_a_library_without_pointers_falls_back_to_numpy(monkeypatch):
    def broken():
        raise LookupError("dsytrd")

    monkeypatch.setattr(lapack, "probe", broken)
    assert choose_backend().name == "numpy"


@pytest.mark.skipif(not lapack.has_two_stage(), reason="this BLAS has no two-stage reduction")
def test_two_stages_are_chosen_by_size_precision_and_threads():
    from triplepoint.linalg import blas_threads

    single, double = np.dtype(np.float32), np.dtype(np.float64)
    with blas_threads(1):
        assert [lapack_backend.two_stage(n, double) for n in (2048, 2560, 4096)] == [False, True, True]
        assert [lapack_backend.two_stage(n, single) for n in (2560, 3072, 4096)] == [False, True, True]
    with blas_threads(2):
        assert [lapack_backend.two_stage(n, double) for n in (2560, 3072, 4096)] == [False, False, True]
        assert [lapack_backend.two_stage(n, single) for n in (2560, 3072, 4096)] == [False, False, True]
