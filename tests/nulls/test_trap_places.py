"""Claim: an entry that carries a trap can be looked up in the stored tensor, whatever became of its axes.

Witness: the one entry that was planted, read from the array that was given.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint import scan
from triplepoint.matrices import stored_index
from triplepoint.records import Decoding, MatrixPlan, codec

WORLDS = {
    "plain": ("w.weight", (60, 40), (7, 31), None),
    "in,out": ("w.weight", (40, 60), (31, 7), "in,out"),
    "fused parts": ("w.weight", (120, 40), (97, 31), "out(query,key,value),in"),
    "fused, in first": ("w.weight", (40, 120), (31, 97), "in,out(query,key,value)"),
    "head by head": ("w.weight", (120, 40), (53, 31), "out(5 x query:8,key:8,value:8),in"),
    "kernel": ("w.weight", (24, 20, 3, 3), (5, 17, 1, 2), None),
    "kernel first": ("w.weight", (3, 3, 20, 24), (1, 2, 17, 5), "kernel,kernel,in,out"),
    "groups": ("w.weight", (48, 20, 3), (29, 17, 2), "out/2,in,kernel"),
    "stack": ("w.weight", (4, 24, 20), (3, 5, 17), "expert,out,in"),
    "stack of fused": ("w.weight", (4, 20, 48), (3, 17, 29), "expert,in,out(* x gate:1,up:1)"),
    "filters": ("w.weight", (40, 1, 5, 5), (31, 0, 3, 2), None),
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_planted_entry_is_found_in_the_tensor_as_stored(world):
    name, shape, index, layout = WORLDS[world]
    values = gaussian(shape, 3).astype(np.float32)
    values[index] = 60.0
    found = scan({name: values}, layouts={"*": layout} if layout else None, metrics=["num_traps"])
    # Without the kernel positions in which chance has made a trap.
    rows = [row for row in found.matrices if row.traps and row.traps[0].entries[0].value > 10]
    assert rows
    for row in rows:
        assert row.traps[0].entries[0].index == index
        for trap in row.traps:
            for entry in trap.entries:
                assert abs(values[entry.index]) <= 60
                assert np.sign(values[entry.index]) == np.sign(entry.value)
        statement = next(f.statement for f in row.findings if f.rule == "correlation_trap")
        assert f"at [{', '.join(map(str, index))}] of the tensor" in statement
    read = codec.scan_from_dict(json.loads(codec.to_json(found)))
    assert [row.traps for row in read.matrices] == [row.traps for row in found.matrices]


def test_the_values_beside_places_are_those_of_the_tensor():
    values = np.random.default_rng(5).standard_t(2.5, (3, 40, 90))
    (row, *_) = scan({"w": values}, layouts={"*": "kernel,in,out"}, metrics=["num_traps"]).matrices
    entries = [entry for trap in row.traps for entry in trap.entries]
    assert {entry.slice for entry in entries} == {0, 1, 2}
    for entry in entries:
        own = values[entry.index[0]]
        assert entry.index == (entry.slice, entry.column, entry.row)
        assert values[entry.index] / np.std(own) == pytest.approx(entry.value, rel=1e-6)


def test_scans_from_before_there_were_places_are_read():
    values = gaussian((60, 40), 3)
    values[7, 31] = 60.0
    document = json.loads(codec.to_json(scan({"w": values}, metrics=["num_traps"])))
    for entry in document["matrices"][0]["traps"][0]["entries"]:
        del entry["slice"], entry["index"]
    read = codec.scan_from_dict(document).matrices[0].traps[0].entries[0]
    assert (read.row, read.column, read.slice, read.index) == (7, 31, 0, None)


def test_what_is_not_one_stored_number_has_no_index():
    plan = MatrixPlan("w", "w", ("w",), (60, 40), "F32")
    assert stored_index(plan, 0, 7, 31) == (7, 31)
    assert stored_index(replace(plan, sources=("w", "scale")), 0, 7, 31) is None
    assert stored_index(replace(plan, decoding=Decoding("fp8_blocks")), 0, 7, 31) is None
    assert stored_index(replace(plan, decoded_shape=(60, 80)), 0, 7, 31) is None
