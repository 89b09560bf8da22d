"""Frames taken up one by one leave the same subject as a document that was loaded afterwards."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from tests.page.worlds import Way, frames, writer
from tests.store.frames import frame, full, row
from triplepoint.page import carried
from triplepoint.page.live import frame_delta, layer_spectra, metric_values
from triplepoint.page.run_document import run_document
from triplepoint.records import Event, Frame, Reason, Visit, VisitKind
from triplepoint.store import RunWriter, open_run

LAYERS, STEPS, METRIC = 14, 90, "stable_rank"

TOLD = """(subject) => {
  const list = (column) => [...column.values].map((value) => (Number.isNaN(value) ? null : value));
  const visits = subject.visits.map((one) => [
    list(one.steps), list(one.kinds), list(one.phases), list(one.confidence),
    Object.fromEntries([...one.series].map(([name, column]) => [name, list(column)])),
  ]);
  const scalars = Object.fromEntries([...subject.scalars].map(([name, one]) =>
    [name, Object.fromEntries(Object.entries(one).map(([key, column]) => [key, list(column)]))]));
  const steps = [...subject.steps];
  const at = steps.filter((_, k) => k % 7 === 0);
  return {
    visits, scalars, steps, frame: subject.frame, first: subject.firstStep, last: subject.lastStep,
    alerts: subject.alerts, events: subject.events.map(({ frame, step, kind, text }) => [frame, step, kind, text]),
    holding: at.map((step) => subject.holding(step).map(({ rule, layer }) => [rule, layer])),
    census: at.map((step) => subject.census(step)),
    values: at.map((step) => subject.analysed.map((layer) => {
      const value = subject.value(layer, "alpha", step);
      return Number.isNaN(value) ? null : value;
    })),
  };
}"""


@pytest.mark.parametrize(("seed", "split"), [(0, 40), (1, 57), (2, 91)])
def test_frame_by_frame_is_the_same_as_loaded_anew(js, tmp_path, seed, split):
    """Every visit, series, scalar, alert, event, and what is asked of them at every seventh step."""
    path = tmp_path / "run.db"
    whole = [*frames(layers=LAYERS, steps=STEPS, width=16, way=Way(per_step=5, spectra=False, seed=seed))]
    with writer(path, layers=LAYERS, width=16) as made:
        made.write(whole[:split])
        with open_run(path) as run:
            begun, before = run_document(run), run.last_frame
            early = metric_values(run, METRIC, before)
            made.write(whole[split:])
            new = [frame_delta(id, frame) for id, frame in run.frames(after=before)]
            anew = run_document(run)
            late = metric_values(run, METRIC, run.last_frame)
    assert len(new) == len(whole) - split
    grown, fresh = js.evaluate(
        """([begun, early, new_, anew, late, metric]) => {
          const { Subject } = modules.subject;
          const told = TOLD;
          const grown = new Subject(begun, {});
          const half = new_.length >> 1;
          new_.slice(0, half).forEach((frame) => grown.apply(frame));
          grown.steps; // asked in between, as a page does
          grown.take(metric, early);
          const took = new_.slice(half).map((frame) => grown.apply(frame));
          if (!took.every(Boolean)) throw new Error("a frame was refused");
          new_.forEach((frame) => grown.apply(frame)); // sent again: nothing changes
          const fresh = new Subject(anew, {});
          fresh.take(metric, late);
          return [told(grown), told(fresh)];
        }""".replace("TOLD", TOLD),
        [begun, early, new, anew, late, METRIC],
    )
    assert len(fresh["steps"]) == STEPS
    assert sum(len(visits[0]) for visits in fresh["visits"]) > 300
    for key, expected in fresh.items():
        assert json.dumps(grown[key], sort_keys=True) == json.dumps(expected, sort_keys=True), key


def test_a_rewind_or_an_unknown_layer_asks_for_the_document(js, tmp_path):
    path = tmp_path / "run.db"
    whole = [*frames(layers=4, steps=8, width=16, way=Way(spectra=False, per_step=9))]
    with writer(path, layers=4, width=16) as made:
        made.write(whole[:5])
        with open_run(path) as run:
            document = run_document(run)
    stranger = replace(whole[6].visits[0], matrix="a.stranger")
    told = [
        frame_delta(9, Frame(60, 0.0, events=(Event("rewound", "", 30, {"step": 30}),))),
        frame_delta(9, Frame(60, 0.0, visits=(stranger,))),
        frame_delta(9, Frame(60, 0.0, visits=(whole[6].visits[0],))),
    ]
    ask = "([document, frames]) => frames.map((one) => new modules.subject.Subject(document, {}).apply(one))"
    assert js.evaluate(ask, [document, told]) == [False, False, True]


def test_a_spectrum_is_that_of_the_last_full_visit(js, tmp_path):
    path = tmp_path / "run.db"
    with writer(path, layers=4, width=24) as made:
        made.write([*frames(layers=4, steps=30, width=24, way=Way(per_step=9))])
        with open_run(path) as run:
            id = "head.weight"
            sketches = run.spectra(id)
            sent = layer_spectra(run, id)
    asked = [0, *(step for one in sketches for step in (one.step, one.step + 1))]
    found = js.evaluate(
        """async ([document, sent, asked]) => {
          const { Subject, spectrumAt } = modules.subject;
          const subject = new Subject(document, { spectra: () => sent });
          const spectra = await subject.spectra(0);
          return asked.map((step) => {
            const one = spectrumAt(spectra, step);
            return one && [one.step, [...one.counts], [...one.tail], one.unresolved];
          });
        }""",
        [run_document_of(path), sent, asked],
    )
    assert found[0] is None
    for got, one in zip(found[1:], [one for one in sketches for _ in range(2)], strict=True):
        assert got[0] == one.step
        assert got[1] == one.counts.tolist()
        assert got[2] == pytest.approx(one.tail_eigenvalues.tolist(), rel=1e-6)
        assert got[3] == one.unresolved


def run_document_of(path: Any) -> dict[str, Any]:
    with open_run(path) as run:
        return run_document(run)


def test_a_layer_is_judged_from_its_first_whole_look_on(js, tmp_path):
    """Before it, it has neither failed nor is it not assessable; a failed matrix is counted as in the verdict."""
    path = tmp_path / "run.db"
    failed = row("bad", phase=None, status="failed", reason=Reason.non_finite, counted=False, alpha=None)
    whole = [
        frame(1, visits=[Visit(1, "early", VisitKind.leading, metrics={"stable_rank": 2.0})]),
        frame(2, visits=[full(2, failed)]),
        frame(3, visits=[full(3, row("early"))]),
    ]
    with RunWriter(path) as made:
        made.write(whole[:1])
        with open_run(path) as run:
            begun = run_document(run)
            made.write(whole[1:])
            anew = run_document(run)
    told = js.evaluate(
        """([begun, anew]) => {
          const { PHASES } = modules.phases;
          const words = (subject, step) => subject.layers.map(({ index }) => PHASES[subject.phase(index, step)].word);
          const subject = new modules.subject.Subject(anew, {});
          const before = words(new modules.subject.Subject(begun, {}), 1);
          return [before, [0, 1, 2, 3].map((step) => words(subject, step)), [1, 3].map((step) => subject.census(step))];
        }""",
        [begun, anew],
    )
    assert told[0] == ["not judged yet"]
    none = ["not judged yet", "not judged yet"]
    assert told[1] == [none, none, ["not judged yet", "failed"], ["well-trained", "failed"]]
    assert told[2] == [[0, 0, 0, 0, 0, 0, 2], [1, 0, 1, 0, 0, 0, 0]]
    assert anew["verdict"].startswith("2 weight matrices: 1 well-trained, 1 failed")


def test_a_whole_look_that_finds_no_value_ends_the_one_before(js, tmp_path):
    """Else a spectrum without a tail would be drawn with the tail of an earlier one, and α with an older interval."""
    none = {"alpha_low": None, "alpha_high": None}
    looks = [
        full(1, row("m", metrics={"stable_rank": 5.0})),
        Visit(2, "m", VisitKind.leading, metrics={"stable_rank": 6.0}),
        full(3, row("m", alpha=4.0, metrics=none)),
        full(4, row("m", alpha=None)),
        Visit(5, "m", VisitKind.unchanged),
    ]
    with RunWriter(tmp_path / "run.db") as made:
        made.write([frame(look.step, visits=[look]) for look in looks])
        with open_run(tmp_path / "run.db") as run:
            document = run_document(run)
            rank = metric_values(run, "stable_rank", run.last_frame)
            carried_alpha = carried.metric(run, "alpha").values[0]
    told = js.evaluate(
        """([document, rank]) => {
          const subject = new modules.subject.Subject(document, {});
          subject.take("stable_rank", rank);
          const word = modules.heat.metricPainter("alpha", (value) => value)(subject.visits[0]);
          const known = (value) => (Number.isNaN(value) ? null : value);
          const of = (name) => [1, 2, 3, 4, 5].map((step) => known(subject.value(0, name, step)));
          const low = of("alpha_low").map(Boolean);
          return { alpha: of("alpha"), low, rank: of("stable_rank"), map: [0, 1, 2, 3, 4].map(word) };
        }""",
        [document, rank],
    )
    assert told == {
        "alpha": [3, 3, 4, None, None],
        "low": [True, True, False, False, False],
        "rank": [5, 6, 17.5, 17.5, 17.5],
        "map": [3, 3, 4, 0, 0],
    }
    assert carried_alpha.tolist() == pytest.approx([3, 3, 4, math.nan, math.nan], nan_ok=True)
