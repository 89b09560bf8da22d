"""Claim: layers of zeros, of few eigenvalues or without entries cost nobody the table; the numbers are those of 0.7.7.

They were read off tables that it made.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import triplepoint.compat.weightwatcher as ww
from tests.worlds import gaussian
from triplepoint.errors import UsageError

BOTH = pytest.mark.parametrize("compat", [None, "weightwatcher"])


def test_zeros_have_the_columns_that_weightwatcher_gives_them():
    weights = {"zero.weight": np.zeros((20, 20)), "b.weight": gaussian((20, 20))}
    table = ww.WeightWatcher(weights, compat="weightwatcher").analyze(detX=True, randomize=True)
    row = table.iloc[0]
    assert (row["detX_num"], row["ERG_gap"], row["num_traps"], row["ww_maxdist"]) == (0, 1, -1, 0)
    assert row[["detX_val", "detX_val_unrescaled", "rand_distance", "ww_softrank"]].isna().all()
    assert table["detX_num"][1] > 0


@pytest.mark.parametrize(("shape", "options"), [((8, 50), {"xmax": -3}), ((9, 9), {"xmax": -3})])
def test_the_error_of_a_fit_to_fewer_than_eight_values_is_that_of_no_exponent(shape, options):
    table = ww.WeightWatcher({"a.weight": gaussian(shape)}, compat="weightwatcher").analyze(**options)
    assert table["status"][0] == "success"
    assert table["sigma"][0] == pytest.approx(-1 / math.sqrt(min(shape) - 3))


@BOTH
def test_weights_without_entries_or_of_objects_are_passed_over(compat):
    weights = {
        "none.weight": np.zeros((0, 20)),
        "words.weight": np.full((20, 20), "x", object),
        "b.weight": gaussian((20, 16)),
    }
    watcher = ww.WeightWatcher(dict(weights), compat=compat)
    if compat is None:
        changed = watcher.SVDSmoothing(method="svd", percent=0.5)
    else:
        with pytest.warns(UserWarning, match="words"):
            changed = watcher.SVDSmoothing(method="svd", percent=0.5)
    assert np.linalg.matrix_rank(changed["b.weight"]) == 8
    del weights["words.weight"]
    for method in ("raw", "cka"):
        _, _, table = watcher.distances(weights, weights, method=method)
        assert list(table["name"]) == ["b"]


@BOTH
def test_a_broken_layer_has_no_eigenvalues_and_says_so(compat):
    weights = {"a.weight": np.full((20, 12), np.nan)}
    for random in (False, True):
        with pytest.raises(UsageError, match=r"layer 'a'|shuffle of"):
            ww.WeightWatcher(weights, compat=compat).get_ESD(layer="a", random=random)


@BOTH
@pytest.mark.parametrize("key", ["state_dict", "model", "module", "model_state_dict"])
def test_the_weights_of_a_training_checkpoint_are_smoothed_where_they_are_found(compat, key):
    given = {key: {"a.weight": gaussian((40, 30))}, "epoch": 3}
    changed = ww.WeightWatcher(given, compat=compat).SVDSmoothing(method="svd", percent=0.5)
    assert np.linalg.matrix_rank(changed["a.weight"]) == 15
