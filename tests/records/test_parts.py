"""Claim: each stored weight stands once among the primary rows, whatever else is said of it."""

from __future__ import annotations

from tests.worlds import gaussian
from triplepoint import scan
from triplepoint.records import is_slice, primary


def test_slices_and_fused_wholes_are_left_to_their_parts_and_nothing_else_is() -> None:
    found = scan(
        {
            "attn.in_proj_weight": gaussian((48, 16)),
            "conv.weight": gaussian((12, 10, 3)),
            "fc.weight": gaussian((20, 16)),
            "mlp.experts.gate_up_proj": gaussian((2, 32, 16)),
            "mlp.experts.down_proj": gaussian((2, 16, 16)),
        }
    )
    kept = [row.id for row in primary(found.matrices)]
    assert [id for id in kept if id.startswith(("attn", "conv", "fc"))] == [
        "attn.in_proj_weight/query",
        "attn.in_proj_weight/key",
        "attn.in_proj_weight/value",
        "conv.weight",
        "fc.weight",
    ]
    assert len(kept) == 5 + 6
    dropped = [row for row in found.matrices if row.id not in kept]
    assert [row.id for row in dropped if not is_slice(row)] == ["attn.in_proj_weight"]
    assert len(dropped) == 1 + 3
