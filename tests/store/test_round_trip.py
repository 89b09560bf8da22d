"""Claim: what was written comes back equal in every number; the witness is the frame itself and the scan it is of."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tests.store.frames import frame, full, lawful, row
from tests.store.scans import scan
from tests.synthetic import HOSTILE
from triplepoint import open_run
from triplepoint.errors import UsageError
from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    MatrixRow,
    Reason,
    ScalarPoint,
    Severity,
    Visit,
    VisitKind,
)
from triplepoint.store import RunWriter


def equal(found: MatrixRow, expected: MatrixRow) -> None:
    for field in fields(MatrixRow):
        if field.name not in ("singular_values", "shuffled_singular_values"):  # a run keeps no shuffles
            assert getattr(found, field.name) == getattr(expected, field.name), field.name


def test_rows_of_a_scan_come_back_equal_in_every_number(tmp_path):
    rows = scan().matrices
    assert any(one.traps for one in rows)
    assert {one.status for one in rows} == {"ok", "failed", "skipped"}
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write([frame(7, visits=[full(7, one) for one in rows])])
        for one in rows:
            found = run.row(one.id)
            equal(found, one)
            assert list(found.metrics) == list(one.metrics)
            if one.singular_values is None:
                assert found.singular_values is None
            else:
                np.testing.assert_allclose(found.singular_values, one.singular_values, rtol=1e-7)
        for visit, one in zip(run.visits(), rows, strict=True):
            assert (visit.matrix, visit.step, visit.kind) == (one.id, 7, VisitKind.full)
            assert visit.metrics == one.metrics
            equal(visit.row, one)


def test_fields_that_change_on_the_way_come_back_as_they_were_then(tmp_path):
    first = row("m", dtype="F32", counted=True)
    second = row(
        "m", dtype="BF16", counted=False, alpha=None, metric_status={"alpha": Reason.degenerate_tail}
    )
    third = replace(first, null_p=0.25, detail="odd", metrics={**first.metrics, "new": 1e300})
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        for step, one in enumerate((first, second, third)):
            writer.write([frame(step, visits=[full(step, one)])])
        for step, one in enumerate((first, second, third)):
            equal(run.row("m", step), one)
        assert run.row("m", 1).metric_status == {"alpha": Reason.degenerate_tail}
        assert run.row("m", 99).null_p == 0.25
        assert run.row("m", -1) is None


def test_a_status_of_a_metric_that_is_not_there_is_kept(tmp_path):
    odd = row("m", metric_status={"absent": Reason.undefined})
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write([frame(0, visits=[full(0, odd)])])
        equal(run.row("m"), odd)


def test_every_part_of_a_frame_comes_back(tmp_path):
    points = [
        ScalarPoint("train_loss", 4, 0.1 + 0.2, 0.1, 0.3, 5, 1),
        ScalarPoint("lr", 4, None, None, None, 2, 2),
        ScalarPoint("lr", 5, 1e-300),
    ]
    alert = Alert(
        "rank_collapse",
        Severity.error,
        5,
        "rank fell to 3",
        "m",
        AlertState.cleared,
        {"rank": 3, "of": "m", "p": 0.01, "x": None},
    )
    whole = Alert("loss_spike", Severity.info, 5, "up")
    event = Event("remark", "lowered\nthe rate", 5, {"rate": [0.1, None, True], "by": {"hand": "α"}})
    leading = Visit(
        5, "m", VisitKind.leading, {"spectral": 2.0, "none": None}, eigenvalues=np.array([4.0, 1.0])
    )
    unchanged = Visit(5, "n", VisitKind.unchanged, change=0.001, seconds=0.25)
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write(
            [
                frame(
                    5,
                    scalars=points,
                    visits=[leading, unchanged],
                    alerts=[alert, whole],
                    events=[event, Event("begun", "")],
                )
            ]
        )
        ((id, found),) = run.frames()
        assert (id, found.step, found.time) == (1, 5, 1005.0)
        assert sorted(found.scalars, key=lambda p: (p.name, p.step)) == sorted(
            points, key=lambda p: (p.name, p.step)
        )
        assert found.alerts == (alert, whole) == run.alerts
        assert found.events == (event, Event("begun", "")) == run.events
        for a, b in zip(found.visits, (leading, unchanged), strict=True):
            for name in ("step", "matrix", "kind", "metrics", "row", "change", "seconds"):
                assert getattr(a, name) == getattr(b, name)
        np.testing.assert_array_equal(found.visits[0].eigenvalues, [4.0, 1.0])
        assert found.visits[1].eigenvalues is None
        assert run.scalar("lr") == (points[1], points[2])
        assert run.raised == (whole,)


def test_numbers_that_are_none_cost_their_own_cell(tmp_path):
    points = [ScalarPoint("x", 0, math.nan, -math.inf, math.inf, 3, 3)]
    visit = Visit(0, "m", VisitKind.leading, {"alpha": math.inf}, change=math.nan, seconds=math.nan)
    events = [Event("odd", "x", None, {"nan": math.nan, 1: np.float32(0.5), "set": {2}})]
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        assert writer.write([frame(0, scalars=points, visits=[visit], events=events)])
        assert writer.refused == 0
        ((_, found),) = run.frames()
        assert found.scalars == (ScalarPoint("x", 0, None, None, None, 3, 3),)
        assert (found.visits[0].metrics, found.visits[0].change, found.visits[0].seconds) == (
            {"alpha": None},
            None,
            0.0,
        )
        assert found.events[0].data == {"nan": None, "1": 0.5, "set": [2]}


@pytest.mark.parametrize("name", [*HOSTILE, "nul\x00inside"])
def test_any_name_comes_back_as_it_was(tmp_path, name):
    alert = Alert(name, Severity.info, 0, name, name, evidence={name: name})
    with RunWriter(tmp_path / "run.db", configuration={name: name}) as writer, open_run(tmp_path) as run:
        visit = full(0, row(name, metrics={name: 2.0}))
        parts = {"scalars": [ScalarPoint(name, 0, 1.0)], "alerts": [alert], "events": [Event(name, name)]}
        writer.write([frame(0, visits=[visit], **parts)])
        assert run.scalar(name)[0].value == 1.0
        assert run.trajectory(name, name).values.tolist() == [2.0]
        assert run.row(name).id == name
        assert run.alerts == (alert,)
        assert run.events == (Event(name, name),)
        assert run.configuration == {name: name}
        assert list(run.matrices) == [name]


def test_trajectories_hold_what_has_a_value_in_the_order_of_steps(tmp_path):
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        for step, alpha in ((0, 2.0), (10, None), (20, 4.0), (20, 5.0), (15, 3.0)):
            writer.write(
                [
                    frame(
                        step,
                        scalars=[ScalarPoint("loss", step, alpha)],
                        visits=[full(step, row("m", alpha=alpha))],
                    )
                ]
            )
        writer.write([frame(30, visits=[Visit(30, "m", VisitKind.leading, {"alpha": 6.0})])])
        for found in (run.trajectory("alpha", "m"), run.trajectory("loss")):
            assert found.steps.tolist()[:3] == [0, 15, 20]
            assert found.values.tolist()[:3] == [2.0, 3.0, 5.0]
            assert (np.diff(found.steps) > 0).all()
        found = run.trajectory("alpha", "m")
        np.testing.assert_allclose(found.low, [1.6, 2.6, 4.6, math.nan])
        np.testing.assert_allclose(found.high, [2.4, 3.4, 5.4, math.nan])
        np.testing.assert_allclose(found.sem, [0.2, 0.2, 0.2, math.nan])
        assert run.trajectory("stable_rank", "m").low is None
        assert (run.trajectory("loss").matrix, run.trajectory("loss").sem) == (None, None)


def test_what_is_not_there_is_refused_with_what_is(tmp_path):
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write([lawful(0)])
        for call, word in (
            (lambda: run.scalar("train_los"), "scalar 'train_los'"),
            (lambda: run.trajectory("alfa", "m0"), "Did you mean alpha"),
            (lambda: run.trajectory("alpha"), "scalar 'alpha'"),
            (lambda: run.row("m9"), "It has m0"),
            (lambda: run.spectrum("nothing"), "It has m0, m1, m2"),
            (lambda: run.spectra("m9"), "matrix 'm9'"),
            (lambda: list(run.visits("m9")), "matrix 'm9'"),
        ):
            with pytest.raises(UsageError, match=word):
                call()


def test_new_frames_are_streamed_from_where_a_reader_was(tmp_path, monkeypatch):
    monkeypatch.setattr("triplepoint.store.run._CHUNK", 7)
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        assert (run.last_frame, run.last_step, run.last_time, run.frames()) == (0, None, None, ())
        writer.write([lawful(step) for step in range(120)])
        found = run.frames(after=0, most=70)
        found += run.frames(after=found[-1][0], most=70)
        assert [frame.step for _, frame in found] == list(range(120))
        assert run.frames(after=run.last_frame) == ()
        seen = [(visit.step, visit.matrix) for visit in run.visits()]
        assert seen == [(step, f"m{k}") for step in range(120) for k in range(3)]
        assert [v.step for v in run.visits("m1", after=found[9][0])] == list(range(10, 120))
        assert [v.step for v in run.visits(after=found[118][0])] == [119] * 3
        assert run.steps.tolist() == list(range(120))
        assert (run.last_step, run.last_time, run.last_value("b")) == (119, 1119.0, 119 + 2 / 64)
        assert run.last_value("train_loss") is None
        assert run.scalar_names == ("a", "b", "c")


def test_the_views_say_to_sqlite_what_the_reader_says(tmp_path):
    with RunWriter(tmp_path / "run.db") as writer:
        writer.write([lawful(step) for step in range(3)])
        with open_run(tmp_path) as run:
            expected = run.trajectory("alpha", "m1")
    shell = sqlite3.connect(tmp_path / "run.db")
    asked = "SELECT step, value FROM metric_values WHERE matrix = 'm1' AND metric = 'alpha' ORDER BY step"
    assert shell.execute(asked).fetchall() == list(
        zip(expected.steps.tolist(), expected.values.tolist(), strict=True)
    )
    asked = "SELECT step, time, value FROM scalar_values WHERE name = 'a' ORDER BY step"
    assert shell.execute(asked).fetchall() == [(step, 1000.0 + step, step + 1 / 64) for step in range(3)]
    shell.close()


def test_a_configuration_is_kept_in_plain_types(tmp_path):
    given: dict[str, Any] = {"lr": 1e-3, "layers": ("a", "b"), "nan": math.nan, "n": np.int64(3)}
    with RunWriter(tmp_path / "run.db", configuration=given, provenance={"version": "1"}) as writer:
        writer.note("model", {"parameters": 12})
        with open_run(tmp_path) as run:
            assert run.configuration == {"lr": 1e-3, "layers": ["a", "b"], "nan": None, "n": 3}
            assert run.provenance == {"version": "1"}
            assert run.about["model"] == {"parameters": 12}
            assert run.about["schema"] == "triplepoint.run/1"
