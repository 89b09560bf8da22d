"""Claim: the tables of a run as columns are what its readers of single matrices and scalars say.

Witness: `Run.visits`, `Run.scalar`, `Run.spectra`, which read records one by one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest

from tests.store.frames import NAMES, frame, full, lawful, row
from triplepoint.errors import UnreadableRun, UsageError
from triplepoint.records import Alert, Event, ScalarPoint, Severity, Visit, VisitKind
from triplepoint.store import Run, RunWriter, open_run, tables


@pytest.fixture
def run(tmp_path) -> Iterator[Run]:
    with RunWriter(tmp_path / "a.db") as writer:
        writer.write([lawful(step) for step in range(8)])
        writer.write(
            [
                frame(
                    9,
                    visits=[
                        Visit(9, "m1", VisitKind.leading, {"stable_rank": 1.0}),
                        Visit(8, "new", VisitKind.unchanged),
                    ],
                )
            ]
        )
        writer.write(
            [frame(10, visits=[full(5, row("m0", metrics={"odd": None}))])]
        )  # a step that comes late
    with open_run(tmp_path / "a.db") as opened:
        yield opened


def test_visits_lie_together_by_matrix_with_ascending_steps(run: Run) -> None:
    table = tables.visits(run)
    assert table.matrices == ("m0", "m1", "m2", "new")
    for place, id in enumerate(table.matrices):
        part = slice(table.offsets[place], table.offsets[place + 1])
        known = sorted(run.visits(id), key=lambda visit: visit.step)
        assert table.steps[part].tolist() == [visit.step for visit in known]
        assert list(table.kinds[part]) == [visit.kind for visit in known]
        assert list(table.phases[part]) == [visit.row and visit.row.phase for visit in known]
        expected = [np.nan if visit.row is None else visit.row.phase_confidence for visit in known]
        assert table.confidence[part].tolist() == pytest.approx(expected, nan_ok=True)


def test_metrics_are_at_their_visits_whichever_are_asked_for(run: Run) -> None:
    table = tables.visits(run)
    names = list(run.metric_names)
    found = tables.metrics(run, names, table)
    for place, id in enumerate(table.matrices):
        part = slice(table.offsets[place], table.offsets[place + 1])
        known = sorted(run.visits(id), key=lambda visit: visit.step)
        for name in names:
            expected = [np.nan if visit.metrics.get(name) is None else visit.metrics[name] for visit in known]
            assert found[name][part].tolist() == pytest.approx(expected, nan_ok=True)
    chosen = np.array([0, 5, table.ids.size - 1])
    some = tables.metrics(run, names, table, chosen)
    for name in names:
        assert some[name][chosen].tolist() == pytest.approx(found[name][chosen].tolist(), nan_ok=True)
        assert np.isnan(np.delete(some[name], chosen)).all()
    assert tables.metrics(run, [], table) == {}
    with pytest.raises(UsageError, match="nothing"):
        tables.metrics(run, ["nothing"], table)


def test_what_came_after_a_frame_is_not_there(run: Run) -> None:
    early = tables.visits(run, 4)
    assert early.steps.size == 12
    assert early.matrices == ("m0", "m1", "m2", "new")
    assert early.offsets.tolist() == [0, 4, 8, 12, 12]
    later = tables.metrics(run, ["alpha"], tables.visits(run))["alpha"]
    assert tables.metrics(run, ["alpha"], early)["alpha"].tolist() == [
        *later[:4],
        *later[9:13],
        *later[18:22],
    ]
    assert tables.scalar(run, NAMES[0], 4).steps.tolist() == [0, 1, 2, 3]
    assert [id for id, _ in tables.events(run, 4)] == [1, 2, 3, 4]


def test_scalars_keep_the_later_of_a_step_that_came_twice(tmp_path) -> None:
    points = [ScalarPoint("a", 3, 1.0), ScalarPoint("a", 1, 2.0, 1.5, 2.5, 2), ScalarPoint("a", 2, None)]
    with RunWriter(tmp_path / "a.db") as writer:
        writer.write([frame(3, scalars=points), frame(4, scalars=[ScalarPoint("a", 3, 7.0)])])
    with open_run(tmp_path / "a.db") as found:
        table = tables.scalar(found, "a")
    assert table.steps.tolist() == [1, 2, 3]
    assert table.values.tolist() == pytest.approx([2.0, np.nan, 7.0], nan_ok=True)
    assert table.low.tolist() == pytest.approx([1.5, np.nan, np.nan], nan_ok=True)
    assert table.high.tolist() == pytest.approx([2.5, np.nan, np.nan], nan_ok=True)


def test_spectra_are_found_by_their_visits(run: Run) -> None:
    table = tables.visits(run)
    there = tables.sketched(run, table)
    assert there.tolist() == [kind == "full" for kind in table.kinds]
    found = tables.sketches(run, table, np.arange(table.ids.size))
    assert list(found) == np.flatnonzero(there).tolist()
    for place, id in enumerate(table.matrices[:3]):
        part = [found[k] for k in range(table.offsets[place], table.offsets[place + 1]) if k in found]
        known = run.spectra(id)
        assert [one.step for one in part] == [one.step for one in known]
        assert [one.counts.tolist() for one in part] == [one.counts.tolist() for one in known]
    assert tables.sketches(run, table, np.array([], dtype=np.int64)) == {}


def test_alerts_and_events_come_with_their_frames(tmp_path) -> None:
    alert, event = Alert("r", Severity.error, 2, "b"), Event("note", "c", 2)
    with RunWriter(tmp_path / "a.db") as writer:
        writer.write([frame(1), frame(2, alerts=[alert], events=[event])])
    with open_run(tmp_path / "a.db") as found:
        assert list(tables.alerts(found)) == [(2, alert)]
        assert [(id, one.text) for id, one in tables.events(found)] == [(2, "c")]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE visits SET step = 'x' WHERE id IN (SELECT min(id) FROM visits)",
        "UPDATE visits SET rest = '{' WHERE id IN (SELECT min(id) FROM visits)",
        "UPDATE measurements SET value = 'x'",
        "UPDATE measurements SET value = 9e999",
        "DELETE FROM matrices WHERE id = 2",
        "UPDATE scalars SET value = x'00'",
    ],
)
def test_a_damaged_table_is_refused_in_one_line(run: Run, damage: str) -> None:
    connection = sqlite3.connect(run.path)
    connection.execute(damage)
    connection.commit()
    connection.close()

    def read() -> None:
        tables.metrics(run, ["alpha"], tables.visits(run))
        tables.scalar(run, NAMES[0])

    with pytest.raises(UnreadableRun) as refused:
        read()
    assert "\n" not in str(refused.value)


def test_a_moment_is_one_whatever_is_written_meanwhile(tmp_path) -> None:
    with RunWriter(tmp_path / "a.db") as writer:
        writer.write([lawful(0)])
        with open_run(tmp_path / "a.db") as found:
            with found.moment():
                assert tables.visits(found).steps.size == 3
                writer.write([lawful(1)])
                assert tables.visits(found).steps.size == 3
                assert found.last_frame == 1
            assert tables.visits(found).steps.size == 6
