"""Claim: `Run.rows` is `Run.row` of every matrix at once."""

from __future__ import annotations

from tests.store import frames
from triplepoint.records import Visit, VisitKind, encoding
from triplepoint.store import RunWriter, open_run


def test_rows_are_the_last_full_ones_in_the_order_in_which_matrices_came(tmp_path):
    with RunWriter(tmp_path / "run.db") as writer:
        for step in range(3):
            writer.write([frames.lawful(step)])
        unchanged = Visit(9, "m1", VisitKind.unchanged, change=0.0)
        late = frames.full(9, frames.row("late", metrics={"alpha": 9.5}))
        writer.write([frames.frame(9, visits=[unchanged, late, Visit(9, "dim", VisitKind.leading)])])
    with open_run(tmp_path / "run.db") as run:
        found = run.rows()
        assert list(found) == ["m0", "m1", "m2", "late"]
        for id, row in found.items():
            alone = encoding.row(run.row(id))
            alone.pop("singular_values", None)
            assert encoding.row(row) == alone
        assert found["m1"].metrics["alpha"] == frames.value(2, 11)
