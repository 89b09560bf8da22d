"""Claim: vectors of noise look random in tail and bulk, localised ones do not, and the split is that of the fit.

Witnesses: the sphere sampled, singular vectors of the formed matrix, planted vectors on a few rows.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed, orthogonal
from triplepoint import scan
from triplepoint.linalg.vectors import singular_vectors
from triplepoint.metrics import METRICS
from triplepoint.nulls.haar import entropy_moments
from triplepoint.nulls.localization import vector_statistics
from triplepoint.records import MatrixPlan, PowerLawFit, Reason, WeightMatrix

VECTORS = sorted(name for name, metric in METRICS.items() if metric.group == "vectors")


def weight(values: np.ndarray) -> WeightMatrix:
    stack = values if values.ndim == 3 else values[None]
    return WeightMatrix(MatrixPlan("w", "w", ("w",), values.shape, "F64", shape=stack.shape[1:]), stack)


def cut(num_tail: int, num_fitted: int) -> PowerLawFit:
    return PowerLawFit(3.0, 0.1, 2.8, 3.2, 1.0, 9.0, 0.05, num_tail, num_fitted, "closed")


def sphere(count: int, length: int, seed: int = 0) -> np.ndarray:
    drawn = gaussian((count, length), seed)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("length", [2, 3, 10, 384])
def test_the_entropy_of_a_random_direction_is_the_closed_form(length):
    count = 20_000
    p = np.square(sphere(count, length))
    entropy = -np.sum(p * np.log(p), axis=1)
    mean, deviation = entropy_moments(length)
    assert abs(np.mean(entropy) - mean) < 4 * deviation / math.sqrt(count)
    assert np.std(entropy) == pytest.approx(deviation, rel=0.03)


@pytest.mark.parametrize("shape", [(64, 48), (48, 48), (40, 90)])
def test_noise_has_a_standard_normal_z_in_tail_and_bulk_on_both_sides(shape):
    drawn = []
    for seed in range(120):
        found = vector_statistics(weight(gaussian(shape, seed)), cut(12, min(shape)))
        drawn.append([s.z for part in (found.tail, found.bulk) for s in (part.rows, part.columns)])
    z = np.array(drawn)
    assert np.all(np.abs(z.mean(axis=0)) < 4 / math.sqrt(len(z)))
    assert np.all((z.std(axis=0) > 0.75) & (z.std(axis=0) < 1.3))


def test_tail_and_bulk_are_the_ranks_of_the_fit():
    matrix = gaussian((30, 20), 1)
    found = vector_statistics(weight(matrix), cut(6, 15))
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    for side, vectors in (("rows", left), ("columns", right.T)):
        p = vectors**2
        entropy = -np.sum(p * np.log(p), axis=0) / math.log(len(vectors))
        size = np.linalg.norm(vectors, 4, axis=0)
        for part, ranks in ((found.tail, slice(0, 6)), (found.bulk, slice(6, 15))):
            one = getattr(part, side)
            assert part.count == ranks.stop - ranks.start
            assert one.entropy.mean == pytest.approx(np.mean(entropy[ranks]), rel=1e-9)
            assert one.entropy.variance == pytest.approx(np.var(entropy[ranks]), rel=1e-6)
            assert one.participation.mean == pytest.approx(np.mean(1 / size[ranks]), rel=1e-9)
    assert vector_statistics(weight(matrix), cut(20, 20)).bulk is None
    assert vector_statistics(weight(matrix[:20]), cut(5, 20)).shorter == "rows"


def test_slices_are_decomposed_one_by_one_and_pooled_by_eigenvalue():
    stack = np.stack([gaussian((12, 9), 0), 100 * gaussian((12, 9), 1), np.zeros((12, 9))])
    found = vector_statistics(weight(stack), cut(9, 18))
    one = [singular_vectors(matrix).columns.localization for matrix in stack[:2]]
    assert found.tail.columns.localization.mean == pytest.approx(np.mean(one[1]), rel=1e-9)
    assert found.bulk.columns.localization.mean == pytest.approx(np.mean(one[0]), rel=1e-9)


def test_planted_vectors_on_a_few_rows_are_found_there_and_nowhere_else():
    strong = np.zeros((200, 3))
    strong[:20] = orthogonal(20, 1)[:, :3]
    matrix = gaussian((200, 100), 2) / 20 + 9 * strong * [1, 1.2, 1.4] @ orthogonal(100, 3)[:3]
    found = vector_statistics(weight(matrix), cut(3, 100))
    assert found.shorter == "columns"
    assert found.tail.rows.spread == pytest.approx(0.1, abs=0.05)
    assert found.tail.rows.z < -20
    for side in (found.tail.columns, found.bulk.rows, found.bulk.columns):
        assert abs(side.z) < 4
        assert side.spread == pytest.approx(1, abs=0.1)


def test_undetermined_vectors_are_counted_and_left_out():
    sigma = np.array([9.0, 8.0, 7.0, 7.0, 5.0, 3.0, 3.0, 3.0, 1.0, 0.5])
    matrix = orthogonal(30, 1)[:, :10] * sigma @ orthogonal(20, 2)[:10]
    found = vector_statistics(weight(matrix), cut(4, 10))
    assert (found.tail.count, found.bulk.count, found.undetermined) == (2, 3, 5)
    assert vector_statistics(weight(orthogonal(20)), cut(8, 20)).tail is None


def test_reasons_travel():
    assert vector_statistics(weight(np.zeros((20, 10))), cut(5, 10)) is Reason.all_zero
    assert vector_statistics(weight(np.zeros((2, 20, 10))), cut(5, 10)) is Reason.undefined
    assert vector_statistics(weight(gaussian((12, 1, 9))), cut(5, 10)) is Reason.undefined


def test_a_scan_measures_them_on_request_and_changes_nothing_else():
    matrix = heavy_tailed((90, 60), 3.0, seed=1) + 0.2 * gaussian((90, 60), 2)
    plain, asked = (scan({"w": matrix}, vectors=flag, workers=1)["w"].metrics for flag in (False, True))
    assert set(asked) - set(plain) == set(VECTORS)
    assert len(VECTORS) == 20
    assert {name: asked[name] for name in plain} == plain


def test_convolutions_and_adapters_have_them_too():
    kernel = gaussian((24, 16, 3, 3), 1)
    adapter = {
        "m.lora_A.weight": gaussian((12, 64), 2).astype(np.float32),
        "m.lora_B.weight": gaussian((96, 12), 3).astype(np.float32),
    }
    for row in scan({"conv.weight": kernel, **adapter}, vectors=True, workers=1).matrices:
        assert row.status == "ok"
        assert abs(row.metrics["tail_z_columns"]) < 4
        bound = 24 if row.kind == "conv2d" else 96
        assert 1 <= row.metrics["tail_mean_loc_ratio"] <= bound
