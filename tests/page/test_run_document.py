"""Claim: the document of a run holds what the run holds at one moment, thinned only where a file has no room.

Witnesses: the run's own readers of one matrix and one scalar (`trajectory`, `row`, `spectra`), which share no statement
with the columns, and the frames as they were written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.page import hostile, worlds
from tests.page.schema import check, of_layer
from tests.page.test_scan_document import PHASES
from tests.store.frames import frame, full, lawful, row
from triplepoint.page import bounds
from triplepoint.page import run_document as documents
from triplepoint.page.codes import UNSEEN
from triplepoint.page.columns import values
from triplepoint.page.costs import cost
from triplepoint.page.rows_of_run import run_verdict
from triplepoint.page.run_document import first_document, run_document
from triplepoint.page.series import FIRST
from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Frame,
    Phase,
    ScalarPoint,
    Severity,
    Visit,
    VisitKind,
)
from triplepoint.store import Run, RunWriter, open_run

KINDS = ["full", "leading", "unchanged"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Run]:
    path = worlds.synthetic_run(tmp_path_factory.mktemp("run") / "run.db", layers=20, steps=60, per_step=8)
    with open_run(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def live(run: Run) -> dict:
    return check(run_document(run))


def written(path: Path, *frames: Frame, **about) -> Run:
    with RunWriter(path, **about) as writer:
        writer.write(list(frames))
    return open_run(path)


def test_every_visit_is_there_in_the_order_of_the_model(run: Run, live: dict) -> None:
    assert live["kind"] == "run"
    assert live["status"] == "finished"
    assert live["frame"] == run.last_frame
    assert live["missing"] == []
    assert live["spectra"] == {}
    assert live["started"] < live["ended"]
    order = run.provenance["monitor"]["order"]
    ids = [layer["id"] for layer in live["layers"]]
    assert ids == sorted(run.matrices, key=order.index)
    for index, id in enumerate(ids):
        visits = list(run.visits(id))
        assert of_layer(live, index, "steps") == [visit.step for visit in visits]
        assert [KINDS[int(kind)] for kind in of_layer(live, index, "kinds")] == [
            visit.kind for visit in visits
        ]
        last = None
        phases, confidences = of_layer(live, index, "phases"), of_layer(live, index, "confidence")
        for visit, phase, confidence in zip(visits, phases, confidences, strict=True):
            last = visit.row if visit.row is not None else last
            assert PHASES[int(phase)] == (last and last.phase)
            expected = math.nan if last is None or last.phase_confidence is None else last.phase_confidence
            assert confidence == pytest.approx(expected, nan_ok=True, rel=1e-6)
        for name in live["series"]:
            expected = [visit.metrics.get(name) for visit in visits]
            expected = [math.nan if value is None else value for value in expected]
            assert of_layer(live, index, name) == pytest.approx(expected, nan_ok=True, rel=1e-6)
    assert {"alpha", "alpha_low", "alpha_high", "xmin", "num_tail"} <= set(live["series"]) <= set(FIRST)


def test_layers_are_those_of_the_last_full_rows(run: Run, live: dict) -> None:
    for layer in live["layers"]:
        found = run.row(layer["id"])
        assert (layer["status"], layer["counted"], layer["num_eigenvalues"]) == (
            found.status,
            found.counted,
            found.num_eigenvalues,
        )
    step_of = {layer["index"]: layer["id"] for layer in live["layers"]}
    assert live["findings"]
    for finding in live["findings"]:
        full_steps = [v.step for v in run.visits(step_of[finding["layer"]]) if v.kind is VisitKind.full]
        assert finding["step"] == max(full_steps)
    assert live["verdict"] == run_verdict(run)
    assert live["verdict"].startswith("20 weight matrices: ")


def test_laws_are_of_the_larger_side_by_the_smaller(tmp_path) -> None:
    visits = [full(1, row("wide", shape=(70, 140))), full(1, row("tall", shape=(90, 70)))]
    with written(tmp_path / "a.db", frame(1, visits=visits)) as found:
        assert set(check(run_document(found))["laws"]) == {"140x70", "90x70"}


def test_scalars_alerts_and_events_are_those_of_the_run(run: Run, live: dict) -> None:
    assert set(live["scalars"]) == set(run.scalar_names)
    for name in run.scalar_names:
        found, points = live["scalars"][name], run.scalar(name)
        assert values(found["steps"]).tolist() == [point.step for point in points]
        assert values(found["values"]).tolist() == [point.value for point in points]
    assert [(one["rule"], one["state"], one["step"]) for one in live["alerts"]] == [
        (alert.rule, alert.state, alert.step) for alert in run.alerts
    ]
    ids = [layer["id"] for layer in live["layers"]]
    assert [one["layer"] for one in live["alerts"]] == [
        None if alert.matrix is None else ids.index(alert.matrix) for alert in run.alerts
    ]
    assert [one["text"] for one in live["events"]] == [event.text for event in run.events]
    frames = {event.text: id for id, found in run.frames() for event in found.events}
    assert all(one["frame"] == frames[one["text"]] for one in live["events"])


def test_a_run_without_an_order_keeps_that_in_which_matrices_came(tmp_path) -> None:
    frames = [frame(k, visits=[full(k, row(id))]) for k, id in enumerate(("b", "a", "c"))]
    with written(tmp_path / "a.db", *frames) as found:
        assert [layer["id"] for layer in run_document(found)["layers"]] == ["b", "a", "c"]
    about = {"provenance": {"monitor": {"order": ["c", ["odd"], 3, "a"]}}}
    with written(tmp_path / "b.db", *frames, **about) as found:
        assert [layer["id"] for layer in run_document(found)["layers"]] == ["c", "a", "b"]


def test_a_run_with_no_visit_yet_says_that_there_is_no_verdict(tmp_path) -> None:
    with written(tmp_path / "a.db") as found:
        document = check(run_document(found))
        assert document["layers"] == []
        assert document["frame"] == 0
        assert document["verdict"] == "No matrix has been looked at in full yet."
        assert check(run_document(found, budget=100_000))["layers"] == []
    point = ScalarPoint("train_loss", 1, 2.0)
    leading = Visit(1, "m", VisitKind.leading, {"stable_rank": 3.0})
    with written(tmp_path / "b.db", frame(1, scalars=[point], visits=[leading])) as found:
        document = check(run_document(found))
        assert document["verdict"] == "No matrix has been looked at in full yet."
        assert of_layer(document, 0, "phases") == [UNSEEN]
        assert document["layers"][0]["detail"] == "not looked at in full yet"
        assert values(document["scalars"]["train_loss"]["values"]).tolist() == [2.0]


def test_what_a_rewind_took_back_is_not_in_the_document(tmp_path) -> None:
    path = tmp_path / "a.db"
    late = row("late")
    with RunWriter(path) as writer:
        writer.write([lawful(step) for step in range(10)])
        writer.write([frame(10, visits=[full(10, late)], alerts=[Alert("r", Severity.error, 10, "late")])])
        writer.rewind(4)
        writer.write([lawful(step) for step in (5, 6)])
    with open_run(path) as found:
        document = check(run_document(found))
        assert [layer["id"] for layer in document["layers"]] == ["m0", "m1", "m2", "late"]
        assert of_layer(document, 0, "steps") == [0, 1, 2, 3, 4, 5, 6]
        assert of_layer(document, 3, "steps") == []
        assert document["layers"][3]["detail"] == "not looked at in full yet"
        assert values(document["scalars"]["a"]["steps"]).tolist() == [0, 1, 2, 3, 4, 5, 6]
        assert document["alerts"] == []
        assert [event["kind"] for event in document["events"]].count("rewound") == 1
        assert document["frame"] == found.last_frame


def test_scalars_that_are_no_number_are_gaps_and_blocks_keep_their_ends(tmp_path) -> None:
    points = [
        ScalarPoint("loss", 1, 2.0, 1.0, 3.0, 10),
        ScalarPoint("loss", 2, math.nan, math.nan, math.inf, 10, 10),
        ScalarPoint("loss", 3, None),
        ScalarPoint("loss", 4, 1e300),
    ]
    with written(tmp_path / "a.db", frame(4, scalars=points)) as found:
        scalar = check(run_document(found))["scalars"]["loss"]
        expected = [[2.0, math.nan, math.nan, 1e300], [1.0, *[math.nan] * 3], [3.0, *[math.nan] * 3]]
        for name, column in zip(("values", "low", "high"), expected, strict=True):
            assert values(scalar[name]).tolist() == pytest.approx(column, nan_ok=True)


def test_a_metric_that_is_no_number_is_a_gap(tmp_path) -> None:
    odd = row("m", metrics={"alpha": math.nan, "bulk_sigma": math.inf})
    with written(tmp_path / "a.db", frame(1, visits=[full(1, odd)])) as found:
        document = check(run_document(found))
        assert np.isnan(of_layer(document, 0, "alpha")).all()
        assert np.isnan(of_layer(document, 0, "bulk_sigma")).all()


def test_hostile_texts_stay_harmless_and_ids_what_they_are(tmp_path) -> None:
    with open_run(hostile.hostile_run(tmp_path)) as found:
        for document in (check(run_document(found)), check(run_document(found, budget=1_000_000))):
            assert [layer["id"] for layer in document["layers"]] == [
                n for n in hostile.NAMES if n in found.matrices
            ]
            assert set(document["scalars"]) == set(hostile.SCALARS)
            shown = [layer["label"] for layer in document["layers"]]
            shown += [text for pair in document["about"] for text in pair]
            shown += [one[key] for one in document["alerts"] for key in ("statement", "rule")]
            shown += [one[key] for one in document["events"] for key in ("text", "kind")]
            shown += [one[key] for one in document["findings"] for key in ("statement", "rule")]
            assert all(text.isprintable() for text in shown)
            assert document["verdict"].isprintable()


def test_a_configuration_nested_deeply_is_shown_as_far_as_it_can_be_read(tmp_path) -> None:
    nested: dict = {}
    for _ in range(200):
        nested = {"a": nested, "b": [1] * 100, "c": {str(k): k for k in range(100)}}
    with written(tmp_path / "a.db", configuration=nested) as found:
        texts = dict(check(run_document(found))["about"])
        assert texts["configuration: a"].startswith("a a a a a …")
        assert texts["configuration: b"].endswith("1, …")
        assert texts["configuration: c"].endswith("59 59, …")
        assert len(max(texts.values(), key=len)) <= 2000


def test_steps_beyond_what_a_browser_can_tell_apart_are_said(tmp_path) -> None:
    with written(tmp_path / "a.db", frame(2**53, visits=[full(2**53, row("m"))])) as found:
        assert check(run_document(found))["missing"] == []
    steps = [2**53 + 2, 2**53 + 3]
    with written(tmp_path / "b.db", *(frame(s, visits=[full(s, row("m"))]) for s in steps)) as found:
        document = check(run_document(found))
        assert of_layer(document, 0, "steps") == [float(2**53 + 2), float(2**53 + 4)]
        assert "2^53" in document["missing"][0]


def test_of_endless_lists_the_newest_are_shown(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("triplepoint.page.run_document.LIVE", replace(bounds.LIVE, alerts=3, events=4))
    alerts = [
        Alert("r", Severity.info, k, str(k), state=AlertState.raised if k % 2 else AlertState.cleared)
        for k in range(9)
    ]
    events = [Event("note", str(k), k) for k in range(9)]
    with written(tmp_path / "a.db", frame(9, alerts=alerts, events=events)) as found:
        document = check(run_document(found))
        assert [one["statement"] for one in document["alerts"]] == ["6", "7", "8"]
        assert [one["text"] for one in document["events"]] == ["5", "6", "7", "8"]
        assert document["missing"] == [
            "The last 3 of 9 alerts are shown.",
            "The last 4 of 9 events are shown.",
        ]


def test_more_visits_and_points_than_a_page_bears_are_thinned_and_said(run: Run, monkeypatch) -> None:
    monkeypatch.setattr(
        "triplepoint.page.run_document.LIVE", replace(bounds.LIVE, visits=100, points=10, all_points=30)
    )
    document = check(run_document(run))
    offsets = values(document["visits"]["offsets"])
    assert offsets[-1] <= 100 + len(document["layers"])
    assert any("visits are shown" in text for text in document["missing"])
    assert any("scalars are shown" in text for text in document["missing"])
    for scalar in document["scalars"].values():
        assert values(scalar["steps"]).size <= 20


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Iterator[Run]:
    """12 layers looked at in full 120 times each."""
    way = {"per_step": 30, "full_every": 1}
    path = tmp_path_factory.mktemp("long") / "run.db"
    worlds.synthetic_run(path, layers=12, steps=120, width=32, **way)
    with open_run(path) as opened:
        yield opened


def test_a_file_with_room_holds_every_visit_metric_and_spectrum(run: Run, live: dict) -> None:
    document = check(run_document(run, budget=3_000_000))
    assert document["missing"] == []
    assert document["visits"] == live["visits"]
    assert set(document["series"]) == set(run.metric_names)
    for name in live["series"]:
        assert document["series"][name] == live["series"][name]
    for layer in document["layers"]:
        known = list(run.spectra(layer["id"]))
        found = document["spectra"].get(str(layer["index"]))
        assert (found is None) == (not known)
        if found is not None:
            assert values(found["steps"]).tolist() == [one.step for one in known]
            assert values(found["counts"]).reshape(-1, 128).tolist() == [one.counts.tolist() for one in known]
            assert values(found["low"]).tolist() == [one.low for one in known]
            tails = np.concatenate([one.tail_eigenvalues for one in known])
            assert values(found["tail"]) == pytest.approx(tails, rel=1e-6)


@pytest.mark.parametrize("budget", [120_000, 70_000, 45_000])
def test_a_file_without_room_is_thinned_and_stays_below_its_budget(long: Run, budget: int) -> None:
    document = check(run_document(long, budget=budget))
    assert cost(document) < 1.05 * budget
    assert cost(document) > 0.5 * budget
    whole = run_document(long)
    offsets, all_offsets = (values(one["visits"]["offsets"]) for one in (document, whole))
    matrices = [layer["index"] for layer in document["layers"] if layer["status"] == "ok"]
    kept = {int(np.diff(offsets)[index]) for index in matrices}
    assert max(kept) - min(kept) <= 2  # every layer alike
    assert max(kept) < 120
    for index in matrices:
        steps = of_layer(document, index, "steps")
        before = of_layer(whole, index, "steps")
        assert (steps[0], steps[-1]) == (before[0], before[-1])
        assert set(steps) <= set(before)
        places = [before.index(step) for step in steps]
        for name in ("alpha", "phases"):
            there = np.array(of_layer(whole, index, name))[places]
            assert of_layer(document, index, name) == pytest.approx(there.tolist(), rel=2e-4, nan_ok=True)
    assert all_offsets[-1] > offsets[-1]
    told = " ".join(document["missing"])
    assert "visits are in this file" in told
    assert "four digits" in told
    assert document["missing"][-1] == "The live page has all of it: triplepoint serve."
    assert set(document["series"]) >= set(FIRST) & set(long.metric_names)
    assert document["spectra"]
    assert cost(document["series"]) < 0.7 * budget
    keys = {values(one["steps"]).size for one in document["spectra"].values()}
    assert len(keys) == 1
    assert f"Spectra are kept at {keys.pop()} of up to 120 visits" in told
    one = document["spectra"][str(matrices[0])]
    assert values(one["steps"])[-1] == of_layer(whole, matrices[0], "steps")[-1]


def test_where_there_is_no_room_at_all_the_picture_of_a_layer_is_kept_and_spectra_are_not(long: Run) -> None:
    document = check(run_document(long, budget=25_000))
    assert document["spectra"] == {}
    assert any("no room for spectra" in text for text in document["missing"])
    assert set(document["series"]) == set(FIRST) & set(long.metric_names)


def test_spectra_that_pack_worse_than_the_last_are_fewer_and_fit(tmp_path) -> None:
    """The last is the cheapest, so by proportion far too many would be taken."""
    random = np.random.default_rng(0)
    spectra = [np.sort(random.lognormal(size=200))[::-1] for _ in range(40)] + [np.full(200, 2.0)]
    frames = [
        frame(k, visits=[full(k, row(f"m{j}", singular_values=sigma)) for j in range(4)])
        for k, sigma in enumerate(spectra)
    ]
    with written(tmp_path / "a.db", *frames) as found:
        whole = run_document(found, budget=10**7)
        bare = cost(whole) - cost(whole["spectra"])
        for room in (2_000, 6_000, 12_000):
            document = check(run_document(found, budget=bare + room))
            assert cost(document) < bare + room + 2_000
            assert len(document["spectra"]) == 4


def test_a_file_has_narrower_bounds_than_the_live_page(tmp_path) -> None:
    events = [Event("note", str(k), k) for k in range(1500)]
    points = [ScalarPoint("loss", k, math.sin(k)) for k in range(5000)]
    with written(tmp_path / "a.db", frame(5000, events=events, scalars=points)) as found:
        assert check(run_document(found))["missing"] == []
        document = check(run_document(found, budget=1_000_000))
        assert len(document["events"]) == 1000
        assert 1800 < values(document["scalars"]["loss"]["steps"]).size <= 2000
        assert values(document["scalars"]["loss"]["high"]).max() == max(point.value for point in points)


def test_the_document_is_of_one_moment(run: Run, tmp_path) -> None:
    path = tmp_path / "a.db"
    with RunWriter(path) as writer:
        writer.write([lawful(0)])
        with open_run(path) as found, found.moment():
            assert found.last_frame == 1
            writer.write([lawful(1)])
            document = check(run_document(found))
            assert document["frame"] == 1
            assert of_layer(document, 0, "steps") == [0]
        with open_run(path) as found:
            assert run_document(found)["frame"] == 2


def test_the_same_file_gives_the_same_document(run: Run) -> None:
    assert json.dumps(run_document(run)) == json.dumps(run_document(run))
    assert json.dumps(run_document(run, budget=60_000)) == json.dumps(run_document(run, budget=60_000))


def test_the_phase_of_one_matrix_is_never_that_of_another(tmp_path) -> None:
    frames = [
        frame(1, visits=[full(1, row("a")), Visit(1, "b", VisitKind.leading)]),
        frame(2, visits=[full(2, row("b", phase=Phase.undecided)), Visit(2, "a", VisitKind.unchanged)]),
        frame(3, visits=[Visit(3, "b", VisitKind.unchanged)]),
    ]
    with written(tmp_path / "a.db", *frames) as found:
        document = check(run_document(found))
        assert [of_layer(document, k, "phases") for k in (0, 1)] == [[2, 2], [UNSEEN, 4, 4]]
        assert np.isnan(of_layer(document, 1, "confidence")[0])


def test_a_failed_visit_has_no_phase(tmp_path) -> None:
    good = row("m", phase=Phase.over_trained)
    bad = replace(good, status="failed", phase=None, phase_confidence=None, metrics={}, singular_values=None)
    frames = [frame(1, visits=[full(1, good)]), frame(2, visits=[full(2, bad)])]
    frames.append(frame(3, visits=[Visit(3, "m", VisitKind.unchanged)]))
    with written(tmp_path / "a.db", *frames) as found:
        document = check(run_document(found))
        assert of_layer(document, 0, "phases") == [3, 0, 0]
        assert document["layers"][0]["status"] == "failed"


def test_of_a_long_run_the_last_full_visit_of_each_layer_is_there_at_once(run, live, monkeypatch):
    assert first_document(run) == live  # a short one is read whole
    monkeypatch.setattr(documents, "LONG", 100)
    found = check({key: value for key, value in first_document(run).items() if key != "partial"})
    assert first_document(run)["partial"] is True
    for layer in range(len(live["layers"])):
        full = np.flatnonzero(np.array(of_layer(live, layer, "kinds")) == 0)[-1:]
        for name in ("steps", "phases", "confidence", *live["series"]):
            whole = np.array(of_layer(live, layer, name))[full]
            np.testing.assert_array_equal(of_layer(found, layer, name), whole)
    assert {key: found[key] for key in ("layers", "scalars", "verdict", "frame")} == {
        key: live[key] for key in ("layers", "scalars", "verdict", "frame")
    }
