"""Claim: every metric keeps the same promises; a new one is tested by existing.

Known answers come from the metric's own examples; laws (scale, transposition, permutation, rotation) are algebra.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed, orthogonal
from triplepoint import scan
from triplepoint.metrics import METRICS

NAMES = sorted(METRICS)
SHAPE = (120, 80)
# Entries move under rotation and permutation keeps them; these metrics look at entries.
OF_ENTRIES = {"max_entry_ratio", "mean_entry_ratio", "mp_sigma", "mp_edge", "mp_ks", "null_p"}
OF_ENTRIES |= {"entry_kurtosis", "num_traps", "num_traps_centred", "max_trap_strength"}
OF_ENTRIES |= {name for name in NAMES if METRICS[name].group == "init"}
# Vectors turn with the matrix.
OF_ENTRIES |= {name for name in NAMES if METRICS[name].group == "vectors"}
# Rows are outputs, and their similarity is another than that of the inputs.
OF_ROWS = {"w_cka"}
# Drawn from the entries or from tiles of them: another order of the entries is another draw.
DRAWN = {name for name in NAMES if METRICS[name].group in {"randomize", "null"}}
DRAWN |= {name for name in NAMES if name.startswith("alpha_farms")}
# Enough draws for every number to have a value.
DRAWS = {"tails": True, "vectors": True, "gof": 20, "randomize": 2, "null": "signflip:19"}


def before(matrix: np.ndarray) -> np.ndarray:
    """Weights to begin from that follow every change of scale, order and orientation."""
    return np.where(np.abs(matrix) > np.median(np.abs(matrix)), matrix, 0.25 * matrix)


def measure(matrix: np.ndarray, **options) -> dict[str, float | None]:
    return dict(scan({"w": matrix}, init={"w": before(matrix)}, workers=1, **DRAWS, **options)["w"].metrics)


def turned(name: str) -> str:
    """What a metric of vectors is called for the transpose."""
    for one, other in (("_rows", "_columns"), ("_columns", "_rows")):
        if METRICS[name].group == "vectors" and name.endswith(one):
            return name.removesuffix(one) + other
    return name


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    """A heavy tail above a bulk: a part of both for the metrics that split the spectrum."""
    return heavy_tailed(SHAPE, 2.5, seed=3) + 0.1 * gaussian(SHAPE, 4)


@pytest.fixture(scope="module")
def base(world) -> dict[str, float | None]:
    return measure(world)


@pytest.mark.parametrize("name", NAMES)
def test_known_answers(name):
    assert METRICS[name].examples, "a metric needs a known answer"
    for records, expected in METRICS[name].examples:
        assert METRICS[name].function(*records) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_words_are_there(name):
    metric = METRICS[name]
    assert len(metric.definition) > 20
    assert metric.reference
    assert metric.unit in {"1", "λ", "1/λ", "log10 λ", "ln λ", "σ", "w", "w²", "count"}


@pytest.mark.parametrize("name", NAMES)
def test_values_lie_in_the_valid_range(name, base):
    low, high = METRICS[name].valid
    assert base[name] is not None
    assert low is None or base[name] >= low
    assert high is None or base[name] <= high


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 7.0, 1e6])
def test_scaling_acts_as_declared(world, base, factor):
    scaled = measure(factor * world)
    for name, metric in METRICS.items():
        if metric.scale == "other":
            continue
        expected = (
            base[name] + 2 * math.log10(factor)
            if metric.scale == "log"
            else base[name] * factor**metric.scale
        )
        assert scaled[name] == pytest.approx(expected, rel=1e-6, abs=1e-12), name


def test_transposition_and_permutation_change_nothing(world, base):
    rng = np.random.default_rng(0)
    shuffled = world[rng.permutation(SHAPE[0])][:, rng.permutation(SHAPE[1])]
    exchanged = {turned(name): value for name, value in measure(world.T).items()}
    for other, same in ((exchanged, OF_ROWS), (measure(shuffled), set())):
        for name in set(NAMES) - DRAWN - same:
            assert other[name] == pytest.approx(base[name], rel=1e-6, abs=1e-12), name


def test_rotation_changes_only_what_looks_at_entries(world, base):
    rotated = measure(orthogonal(SHAPE[0], 8) @ world @ orthogonal(SHAPE[1], 9))
    for name in set(NAMES) - OF_ENTRIES - DRAWN:
        assert rotated[name] == pytest.approx(base[name], rel=1e-6), name


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (7, 7), (8, 8)])
def test_tiny_matrices_give_numbers_or_reasons(shape):
    matrix = np.arange(1.0, 1 + shape[0] * shape[1]).reshape(shape)
    row = scan({"w": matrix}, init={"w": before(matrix)}, workers=1, **DRAWS)["w"]
    assert row.status == "ok"
    assert set(row.metrics) == set(NAMES)
    for name, value in row.metrics.items():
        assert (value is None) == (name in row.metric_status)
        assert value is None or math.isfinite(value)


def test_the_same_matrix_gives_the_same_numbers_twice(world, base):
    assert measure(world) == base


def test_fast_mode_withholds_what_it_cannot_resolve_unless_asked():
    matrix = np.random.default_rng(1).standard_normal((200, 100)).astype(np.float32)
    row = scan({"w": matrix}, mode="fast")["w"]
    assert row.method.startswith("gram32")
    assert {n for n, r in row.metric_status.items() if r == "needs_precise"} == {"matrix_rank", "entropy"}
    asked = scan({"w": matrix}, mode="fast", metrics=["matrix_rank", "entropy"])["w"]
    assert asked.method.startswith("gram64")
    assert asked.metrics["matrix_rank"] == 100


def test_fast_mode_agrees_with_precise_to_four_digits_on_the_rest():
    matrix = heavy_tailed((300, 200), 3.0, seed=5).astype(np.float32)
    fast, precise = measure(matrix, mode="fast"), measure(matrix)
    for name in set(NAMES) - {"matrix_rank", "entropy"}:
        assert fast[name] == pytest.approx(precise[name], rel=1e-4, abs=1e-6), name


def test_the_rank_of_a_float32_product_is_the_rank_of_its_factors():
    rng = np.random.default_rng(0)
    product = (rng.standard_normal((300, 8)) @ rng.standard_normal((8, 200))).astype(np.float32)
    assert scan({"w": product})["w"].metrics["matrix_rank"] == 8
