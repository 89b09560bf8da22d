"""Claim: the effective correlation space has the size WeightWatcher gives it, where its product does not overflow.

Witnesses: WeightWatcher's tables of eight synthetic and 39 real matrices; the product, in exact rational arithmetic.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from tests import minilm
from tests.worlds import DATA, gaussian, orthogonal, reference
from triplepoint import scan
from triplepoint.fits.trace_log import trace_log
from triplepoint.records import Reason, Spectrum, TraceLog


def check(singular: np.ndarray, row: dict[str, str]) -> None:
    found = trace_log(Spectrum(singular, (int(row["N"]), int(row["M"]))))
    assert found.num == int(row["detX_num"])
    assert found.lambda_min == pytest.approx(float(row["detX_val"]), rel=1e-9)
    # The names of WeightWatcher's two values are swapped: the "unrescaled" one is of the rescaled spectrum.
    assert found.lambda_min / np.mean(singular**2) == pytest.approx(
        float(row["detX_val_unrescaled"]), rel=1e-9
    )


def test_the_synthetic_matrices_agree():
    stored = np.load(DATA / "synth_singular_values.npz")
    for row in reference("synth_rand_mp_detX.csv"):
        check(stored[re.sub(r"(\d)p(\d)", r"\1.\2", row["name"])], row)


@pytest.mark.skipif(minilm.SPEC is None, reason="the weights package is not installed")
def test_the_real_matrices_agree():
    table = {row["name"]: row for row in reference("minilm_detX.csv")}
    seen = 0
    for name, matrix in minilm.matrices():
        if name in table:
            check(np.linalg.svd(matrix, compute_uv=False), table[name])
            seen += 1
    assert seen == len(table) == 39


def by_product(eigenvalues: list[int]) -> int:
    """Size of the space by multiplying exact fractions, largest first; never the smallest alone."""
    ordered = sorted(eigenvalues, reverse=True)
    mean = Fraction(sum(ordered), len(ordered))
    product = Fraction(1)
    for count, value in enumerate(ordered[:-1], start=1):
        product *= Fraction(value) / mean
        if product < 1:
            return count
    return len(ordered)


@pytest.mark.parametrize("seed", range(10))
def test_exact_products_give_the_same_size(seed):
    values = np.random.default_rng(seed).integers(1, 10 ** (1 + seed % 4), 40 + 60 * seed)
    found = trace_log(Spectrum(np.sqrt(np.sort(values)[::-1].astype(float)), (values.size, values.size)))
    assert found.num == by_product(values.tolist())


def test_large_matrices_neither_overflow_nor_underflow():
    values = np.sort(np.random.default_rng(1).exponential(size=20_000))[::-1]
    with np.errstate(over="ignore"):
        assert not np.isfinite(np.cumprod(values / values.mean())[8000])
    found = trace_log(Spectrum(np.sqrt(values), (20_000, 20_000)))
    head = np.log(values / values.mean())
    assert np.sum(head[: found.num]) < 0 <= np.sum(head[: found.num - 1])


def test_scale_changes_the_eigenvalue_and_not_the_count():
    singular = np.linalg.svd(gaussian((60, 40)), compute_uv=False)
    base = trace_log(Spectrum(singular, (60, 40)))
    for factor in (1e-150, 1e150):
        scaled = trace_log(Spectrum(factor * singular, (60, 40), scale=0.5))
        assert scaled.num == base.num
        assert scaled.lambda_min == pytest.approx(0.5 * factor**2 * base.lambda_min)


def test_zero_eigenvalues_end_the_space():
    assert trace_log(Spectrum(np.sqrt([4.0, 1.0, 0.0, 0.0, 0.0]), (5, 5))) == TraceLog(3, 0.0)
    # Mean 1: the first two multiply to 2, the third is below any limit.
    assert trace_log(Spectrum(np.sqrt([2.0, 1.0, 0.0]), (3, 3))) == TraceLog(3, 0.0)


@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
@pytest.mark.parametrize("stored", [np.float64, np.float32])
@pytest.mark.parametrize("factor", [1.0, 3.0, 1 / 3, 7.0, 1e-5])
def test_eigenvalues_that_differ_by_rounding_are_equal(factor, stored, mode):
    matrix = (factor * orthogonal(200, 0)).astype(stored)
    row = scan({"w": matrix}, mode=mode, metrics=["ecs_num"], workers=1)["w"]
    assert row.metric_status == {"ecs_num": Reason.undefined}


@pytest.mark.parametrize(("ratio", "share"), [(1, 0.73), (2, 0.81), (4, 0.875), (16, 0.94)])
def test_the_space_of_gaussian_noise_is_as_large_as_the_words_say(ratio, share):
    singular = np.linalg.svd(gaussian((128 * ratio, 128), 1), compute_uv=False)
    found = trace_log(Spectrum(singular, (128 * ratio, 128)))
    assert found.num / 128 == pytest.approx(share, abs=0.015)


def test_equal_or_single_eigenvalues_have_no_space():
    assert trace_log(Spectrum(np.ones(5), (5, 5))) is Reason.undefined
    assert trace_log(Spectrum(np.ones(1), (5, 1))) is Reason.too_few_eigenvalues
