"""Claim: on a real transformer one seeded shuffle lies in the band of WeightWatcher's unseeded ones, traps sit where it
finds them, and the cheap search counts as the full spectrum does.

Witness: WeightWatcher 0.7.7 with `randomize=True, mp_fit=True` (tests/data/minilm_randomized.csv), one draw; digits of
a shuffle cannot agree, so bands are compared. Over its own seeds λmax of a shuffle spreads by a few percent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.minilm import SPEC
from tests.worlds import reference
from triplepoint import scan
from triplepoint.records import Cause

TABLE = {row["name"]: row for row in reference("minilm_randomized.csv")}
METRICS = ["num_traps", "rand_distance", "max_rand_eval", "ww_softrank", "ww_maxdist", "max_entry_ratio"]

pytestmark = pytest.mark.skipif(SPEC is None, reason="the package with the weights is not installed")


def rows(**options):
    found = scan(Path(SPEC.submodule_search_locations[0]) / "model", metrics=METRICS[:1], **options)
    return {row.id.removesuffix(".weight"): row for row in found.matrices if row.counted}


@pytest.fixture(scope="module")
def shuffled():
    return rows(randomize=1)


@pytest.fixture(scope="module")
def cheap():
    return rows()


@pytest.mark.parametrize(
    ("metric", "typical", "worst"),
    [("rand_distance", 0.01, 0.06), ("max_rand_eval", 0.01, 0.1), ("ww_softrank", 0.01, 0.1)],
)
def test_a_shuffle_lies_in_the_band_of_theirs(shuffled, metric, typical, worst):
    ratios = np.array(
        [shuffled[name].metrics[metric] / float(theirs[metric]) for name, theirs in TABLE.items()]
    )
    assert np.median(ratios) == pytest.approx(1, abs=typical)
    assert np.all(np.abs(ratios - 1) < worst)


def test_all_numbers_of_a_row_are_of_one_draw(shuffled):
    for name, row in shuffled.items():
        top = float(TABLE[name]["lambda_max"])
        assert row.metrics["ww_maxdist"] == pytest.approx(top - row.metrics["max_rand_eval"], rel=1e-9)
        assert row.metrics["ww_softrank"] == pytest.approx(row.metrics["max_rand_eval"] / top, rel=1e-9)
        if row.traps:
            assert row.traps[0].eigenvalue == pytest.approx(row.metrics["max_rand_eval"], rel=1e-4)


def test_traps_sit_where_theirs_do_and_one_more_lies_just_above_the_edge(shuffled):
    found = {name: row.metrics["num_traps"] for name, row in shuffled.items() if row.metrics["num_traps"]}
    theirs = {name: float(row["num_traps"]) for name, row in TABLE.items() if float(row["num_traps"])}
    extra = found.keys() - theirs.keys()
    assert {name: count for name, count in found.items() if name not in extra} == theirs
    # Their threshold lies six Tracy–Widom units above the edge, ours two.
    assert extra == {"encoder.layer.0.attention.output.dense"}
    assert shuffled[extra.pop()].traps[0].strength < 1.05


def test_the_cheap_search_finds_the_same_traps(cheap, shuffled):
    for name, row in shuffled.items():
        assert cheap[name].metrics["num_traps"] == row.metrics["num_traps"], name
        for ours, full in zip(cheap[name].traps, row.traps, strict=True):
            assert ours.eigenvalue == pytest.approx(full.eigenvalue, rel=1e-4)
            assert ours.entries == full.entries


def test_a_trap_names_the_entry_that_makes_it(cheap):
    trap = cheap["encoder.layer.0.output.dense"].traps[0]
    assert trap.cause is Cause.few_huge_entries
    assert (trap.entries[0].row, trap.entries[0].column) == (99, 856)
    assert abs(trap.entries[0].value) == pytest.approx(174.7, abs=0.1)
    assert trap.entries[0].share > 0.9
