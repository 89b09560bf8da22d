"""Claim: noise of the kind that a null assumes is rejected as often as the level says; each null sees what others miss.

Witnesses: known worlds (uneven variance, shuffles of heavy tails, products of Gaussian factors), and products formed in
full. `benchmarks/calibrate_nulls.py` has the larger tables.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.nulls.drawn import factors, records
from tests.worlds import gaussian, heavy_tailed, orthogonal
from triplepoint.nulls import products
from triplepoint.nulls.replicas import replica_null, whole_p
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import BulkNull, LowRank, Reason, ReplicaNull

SHAPE = (48, 32)


def null(values, kind: str, replicas: int = 39, name: str = "w") -> ReplicaNull:
    matrix, decomposition, _ = records(values)
    found = replica_null(matrix, decomposition, NullSettings(name=name, null=kind, replicas=replicas))
    assert isinstance(found, ReplicaNull)
    return found


def uneven(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Noise whose columns differ in variance by up to a factor of 16."""
    return gaussian(shape, seed) * np.geomspace(0.5, 2.0, shape[1])


@pytest.mark.parametrize(
    ("kind", "world"),
    [
        ("gaussian", lambda seed: gaussian(SHAPE, seed)),
        ("shuffle", lambda seed: np.random.default_rng(seed).standard_t(3, SHAPE) + 0.5),
        ("signflip", uneven),
        ("product", lambda seed: factors(SHAPE, 8, seed)),
        ("gaussian", lambda seed: gaussian((3, 24, 16), seed) * np.array([1.0, 2.0, 3.0])[:, None, None]),
        ("signflip", lambda seed: gaussian((3, 24, 16), seed)),
    ],
    ids=["gaussian", "shuffle", "signflip", "product", "gaussian-slices", "signflip-slices"],
)
def test_noise_of_its_kind_is_rejected_as_often_as_the_level_says(kind, world):
    draws, level = 120, 0.1
    found = [null(world(seed), kind, 19, f"{seed}") for seed in range(draws)]
    for p_values in ([f.p_value for f in found], [f.edge_p for f in found]):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3.5 * np.sqrt(0.09 / draws))


@pytest.mark.parametrize("kind", ["gaussian", "shuffle", "signflip"])
def test_structure_is_rejected_at_the_smallest_p_that_so_many_replicas_allow(kind):
    found = null(heavy_tailed((120, 80), 2.5, 3), kind)
    assert found.p_value == found.edge_p == 1 / 40
    assert found.p_error == pytest.approx(np.sqrt(found.p_value * (1 - found.p_value) / 39))
    assert found.num_components > 3
    assert (found.kind, found.replicas) == (kind, 39)


def test_uneven_variance_is_noise_to_sign_flips_alone():
    for seed in range(5):
        matrix = uneven(seed, (160, 80))
        assert null(matrix, "signflip").p_value > 0.05
        assert null(matrix, "shuffle").p_value == null(matrix, "gaussian").p_value == 1 / 40


def test_components_are_counted_against_uneven_noise():
    left, right = orthogonal(200, 1)[:, :3], orthogonal(120, 2)[:, :3]
    for seed in range(3):
        noise = gaussian((200, 120), seed) * np.geomspace(0.5, 2.0, 120)
        assert null(noise, "signflip").num_components <= 1
        signal = noise + (left * np.array([120.0, 90.0, 75.0])) @ right.T
        assert null(signal, "signflip").num_components == 3


def test_a_shifted_mean_is_signal_to_sign_flips_and_none_to_a_shuffle():
    matrix = gaussian((80, 60), 4) + 0.5
    assert null(matrix, "signflip").edge_p == 1 / 40
    assert null(matrix, "shuffle").edge_p > 0.05


def test_replicas_have_the_scale_of_the_matrix():
    for kind in ("gaussian", "shuffle", "signflip"):
        base, scaled = (null(factor * heavy_tailed((60, 40), 3.0, 5), kind) for factor in (1.0, 1e-7))
        assert base == scaled
    base, scaled = (null(factors((60, 40), 8, 5, factor), "product") for factor in (1.0, 1e-7))
    assert base == scaled


@pytest.mark.parametrize("mode", ["precise", "exact"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_lost_rank_is_not_read_from_rounding(mode, dtype):
    """30 of 40 directions, with another kernel for W than for its replicas."""
    values = gaussian((40, 60), 6).astype(dtype)
    values[:, 30:] = 0.0
    matrix, decomposition, _ = records(values, mode=mode)
    found = replica_null(matrix, decomposition, NullSettings(name="w", null="signflip", replicas=39))
    assert isinstance(found, ReplicaNull)
    assert found.p_value > 0.05


@pytest.mark.parametrize("kind", ["signflip", "gaussian"])
@pytest.mark.parametrize("value", [0.1, -3.0, 1e-30])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_constant_matrix_is_one_component_where_the_null_needs_no_noise_level(kind, value, dtype):
    found = null(np.full((60, 40), value, dtype), kind)
    assert (found.p_value, found.edge_p, found.num_components) == (1 / 40, 1 / 40, 1)


def test_a_constant_slice_takes_part_in_sign_flips_alone():
    stack = gaussian((3, 24, 16), 6)
    stack[1] = 2.0
    assert null(stack, "signflip").edge_p == 1 / 40
    assert null(stack, "shuffle").p_value > 0.05


def test_the_rank_of_the_observed_is_exact():
    rng = np.random.default_rng(0)
    spectra = rng.exponential(size=(200, 7, 5))
    p_values = np.array([whole_p(block[0], block[1:]) for block in spectra])
    assert set(np.round(p_values * 7)) == {1, 2, 3, 4, 5, 6, 7}
    assert np.mean(p_values <= 2 / 7) == pytest.approx(2 / 7, abs=3.5 * np.sqrt(2 / 7 * 5 / 7 / 200))


@pytest.mark.parametrize(
    ("shape", "rank"), [((30, 20), 5), ((40, 9), 12), ((8, 10), 12), ((9, 9), 9), ((10, 8), 9)]
)
def test_a_product_that_is_never_formed_has_the_spectrum_of_one_that_is(shape, rank):
    rng = np.random.default_rng(1)
    count = 3000
    ours = np.stack([products.eigenvalues(shape, rank, rng) for _ in range(count)])
    formed = [
        rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1])) for _ in range(count)
    ]
    theirs = np.linalg.svd(np.stack(formed), compute_uv=False)[:, : min(rank, *shape)] ** 2
    error = np.std(theirs, axis=0) / np.sqrt(count)
    assert np.all(np.abs(np.mean(ours, axis=0) - np.mean(theirs, axis=0)) < 6 * error)


def bulk(values: LowRank) -> BulkNull:
    found = products.product_null(records(values)[1], 1.0)
    assert isinstance(found, BulkNull)
    return found


@pytest.mark.parametrize(
    ("shape", "rank"),
    [((768, 768), 8), ((64, 400), 16), ((30, 30), 3), ((40, 24), 70), ((24, 24), 24)],
)
def test_adapters_of_gaussian_factors_are_rejected_as_often_as_the_level_says(shape, rank):
    draws = 300
    found = [bulk(factors(shape, rank, seed, 10.0 ** (seed - 150))) for seed in range(draws)]
    assert len(found) == draws
    for level in (0.5, 0.1):
        error = 3.5 * np.sqrt(level * (1 - level) / draws)
        assert np.mean([f.p_value <= level for f in found]) == pytest.approx(level, abs=error + 0.15 * level)


def test_an_adapter_of_few_directions_is_rejected_and_its_edge_has_its_scale():
    one = factors((96, 64), 16, 1)
    learned = LowRank(one.left * np.geomspace(20, 1, 16), one.right)
    assert bulk(learned).p_value < 1e-3
    top = records(one)[2].eigenvalues[0]
    assert bulk(one).edge == pytest.approx(top, rel=0.2)
    assert bulk(LowRank(one.left, one.right, 1e-3)).edge == pytest.approx(1e-6 * bulk(one).edge, rel=1e-9)


def test_what_has_no_null_says_why(monkeypatch):
    matrix, decomposition, _ = records(gaussian((20, 16), 0))
    assert replica_null(matrix, decomposition, NullSettings(null="product")) is Reason.not_an_adapter
    short = records(gaussian((20, 4), 0))
    assert replica_null(short[0], short[1], NullSettings()) is Reason.too_few_eigenvalues
    flat = records(np.ones((20, 20)))
    assert replica_null(flat[0], flat[1], NullSettings(null="shuffle")) is Reason.undefined
    assert products.product_null(records(factors((20, 8), 1))[1], 1.0) is Reason.outside_null_table
    monkeypatch.setattr(products, "MOST_SIDE", 7)
    assert products.product_null(records(factors((20, 8), 8))[1], 1.0) is Reason.outside_null_table
