"""Claim: what the live page asks for fits the document that it has, frame by frame.

Witness: a document that is loaded later holds what a document and the frames since then hold together.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.page import hostile, worlds
from tests.page.schema import check_spectra
from tests.store.frames import frame, full, row
from triplepoint.errors import UsageError
from triplepoint.page import bounds, live
from triplepoint.page.columns import values
from triplepoint.page.document import dumps
from triplepoint.page.run_document import run_document
from triplepoint.records import Alert, Event, ScalarPoint, Severity, Visit, VisitKind, encoding
from triplepoint.store import Run, RunWriter, open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Run]:
    path = worlds.synthetic_run(tmp_path_factory.mktemp("run") / "run.db", layers=12, steps=40, per_step=5)
    with open_run(path) as opened:
        yield opened


def test_a_metric_is_aligned_with_the_visits_of_the_document(run: Run) -> None:
    document = run_document(run)
    for name in run.metric_names:
        found = live.metric_values(run, name, document["frame"])
        assert found["frame"] == document["frame"]
        assert found["offsets"] == document["visits"]["offsets"]
        if name in document["series"]:
            assert found["values"] == document["series"][name]


def test_a_metric_of_an_earlier_frame_has_the_visits_up_to_it(run: Run) -> None:
    ids = [layer["id"] for layer in run_document(run)["layers"]]
    known = dict.fromkeys(ids, 0)
    for id, one in run.frames(0, 20):
        for visit in one.visits:
            known[visit.matrix] += 1
        found = live.metric_values(run, "alpha", id)
        assert np.diff(values(found["offsets"])).tolist() == list(known.values())
    with pytest.raises(UsageError, match="alhpa"):
        live.metric_values(run, "alhpa", 3)


def test_a_metric_of_a_thinned_document_is_thinned_alike(run: Run, monkeypatch) -> None:
    few = replace(bounds.LIVE, visits=60)
    monkeypatch.setattr("triplepoint.page.run_document.LIVE", few)
    monkeypatch.setattr("triplepoint.page.live.LIVE", few)
    document = run_document(run)
    found = live.metric_values(run, "alpha", document["frame"])
    assert found["offsets"] == document["visits"]["offsets"]
    assert found["values"] == document["series"]["alpha"]


def test_spectra_of_a_layer_are_all_of_its_full_visits(run: Run) -> None:
    id = next(id for id in run.matrices if run.spectra(id))
    found = live.layer_spectra(run, id)
    check_spectra(found)
    assert found["frame"] == run.last_frame
    assert values(found["steps"]).tolist() == [one.step for one in run.spectra(id)]
    with pytest.raises(UsageError, match="none"):
        live.layer_spectra(run, "none")


def test_a_row_is_that_of_the_scan_output(run: Run) -> None:
    id = next(id for id in run.matrices if run.spectra(id))
    steps = [visit.step for visit in run.visits(id) if visit.kind is VisitKind.full]
    for step in (None, steps[0], steps[1] - 1):
        found = live.row(run, id, step)
        assert "singular_values" not in found
        expected = encoding.row(run.row(id, step))
        expected.pop("singular_values", None)
        assert found == expected
        assert json.loads(dumps(found)) == json.loads(json.dumps(expected))
    assert live.row(run, id, steps[0] - 1) is None


def test_a_frame_is_what_it_adds_to_the_document() -> None:
    visits = [full(7, row("a")), Visit(7, "b", VisitKind.leading, {"stable_rank": 2.0, "odd": math.nan})]
    points = [ScalarPoint("loss", 7, 1.5, 1.0, 2.0, 3), ScalarPoint("gap", 6, None)]
    alerts = [Alert("r", Severity.warning, 7, "a\nb\u202e", "a"), Alert("r", Severity.info, 7, "c")]
    found = live.frame_delta(
        3,
        frame(
            7, visits=visits, scalars=points, alerts=alerts, events=[Event("rewound", "x", 7, {"step": 2})]
        ),
    )
    assert json.loads(dumps(found)) == found
    assert (found["id"], found["step"], found["time"]) == (3, 7, 1007.0)
    assert found["scalars"] == [["loss", 7, 1.5, 1.0, 2.0], ["gap", 6, None, None, None]]
    one, other = found["visits"]
    assert (one["layer"], one["kind"], one["phase"], one["confidence"]) == ("a", 0, 2, 0.98)
    assert one["metrics"] == row("a").metrics
    assert (other["layer"], other["kind"], other["phase"], other["confidence"]) == ("b", 1, 0, None)
    assert other["metrics"] == {"stable_rank": 2.0, "odd": None}
    assert [(a["layer"], a["statement"], a["frame"]) for a in found["alerts"]] == [
        ("a", "a b\\u202e", 3),
        (None, "c", 3),
    ]
    assert found["events"] == [{"step": 7, "kind": "rewound", "text": "x", "data": {"step": 2}}]


def test_frames_of_hostile_names_are_json(tmp_path) -> None:
    with open_run(hostile.hostile_run(tmp_path, steps=2)) as opened:
        for id, one in opened.frames():
            text = dumps(live.frame_delta(id, one))
            assert text.isascii()
            assert "<" not in text
            assert [visit["layer"] for visit in json.loads(text)["visits"]] == [v.matrix for v in one.visits]


def test_a_document_and_the_frames_since_are_a_later_document(run: Run, tmp_path) -> None:
    """Played by hand as the browser does."""
    frames = [one for _, one in run.frames()]
    path = tmp_path / "a.db"
    with RunWriter(path, provenance=dict(run.provenance)) as writer:
        writer.write(frames[:30])
        with open_run(path) as opened:
            early = run_document(opened)
            writer.write(frames[30:])
            late = run_document(opened)
            later = opened.frames(early["frame"])
    offsets = values(early["visits"]["offsets"])
    layers = {layer["id"]: layer["index"] for layer in early["layers"]}
    played = {
        name: [values(early["visits"][name])[a:b].tolist() for a, b in pairwise(offsets)]
        for name in ("steps", "kinds", "phases")
    }
    for id, one in later:
        for visit in live.frame_delta(id, one)["visits"]:
            index = layers[visit["layer"]]
            before = played["phases"][index][-1] if played["phases"][index] else 0
            played["steps"][index].append(visit["step"])
            played["kinds"][index].append(visit["kind"])
            played["phases"][index].append(visit["phase"] if visit["kind"] == 0 else before)
    for name, of in played.items():
        assert [value for part in of for value in part] == values(late["visits"][name]).tolist()
