"""The live page beside a real training and a real server: frames as they come, and a server that dies and returns."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.page.chromium import Watched
from tests.page.test_browser_frames import TOLD
from tests.page.training import Training
from tests.page.worlds import STRIDE, Way, frames, small_scan, synthetic_run, writer
from triplepoint.page import run_document as documents
from triplepoint.page.run_document import first_document
from triplepoint.store import open_run

pytest.importorskip("starlette")


DEAD = ("ERR_CONNECTION", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "503", "EventSource")
"""What Chromium logs of a server that was killed."""


def told(page: Watched) -> dict:
    """Everything that the page knows of the run, as a document or as frames brought it, every metric fetched."""
    return page.page.evaluate(
        f"""async () => {{
          const {{ subject }} = window.triplepoint;
          await Promise.all([...subject.metrics.keys()].map((name) => subject.metric(name)));
          return ({TOLD})(subject);
        }}"""
    )


def same(one: dict, other: dict) -> None:
    for key, value in other.items():
        assert json.dumps(one[key], sort_keys=True) == json.dumps(value, sort_keys=True), key


def test_the_page_follows_a_training_to_its_end(look, serve, tmp_path):
    pytest.importorskip("torch")
    runs = tmp_path / "runs"
    runs.mkdir()
    with Training(runs / "perceptron" / "run.db") as training:
        served = serve(runs)
        step, _ = training.advance(4)
        page = look(served.link)
        page.at(view="overview", lastStep=step, step=step)
        assert page.page.locator(".subject .pill").text_content() == "running"
        step, frame = training.advance(6)
        page.at(lastStep=step, step=step, connected="true")
        page.wait("(frame) => +document.body.dataset.frame >= frame", frame)

        page.key("ArrowLeft")  # the reader takes the cursor: it stays while the run goes on
        page.wait("(last) => document.body.dataset.step < last", step)
        before = page.data("step")
        later, _ = training.advance(6)
        page.at(lastStep=later, step=before)
        page.page.get_by_role("button", name="follow live").click()
        page.at(step=later)
        last, frame = training.advance(4)
        page.at(step=last, lastStep=last)

        training.finish()
        page.wait("() => document.querySelector('.subject .pill')?.textContent === 'finished'")
        page.wait("(frame) => +document.body.dataset.frame >= frame", frame)
        again = look(served.link)
        again.at(lastStep=last)
        same(told(page), told(again))


def test_a_server_that_returns_is_found_and_nothing_is_missed(look, serve, tmp_path):
    """Killed while frames come; back on its port; the page goes on by itself and ends with what a fresh one has."""
    whole = [*frames(layers=8, steps=30, width=16, way=Way(per_step=20))]
    with writer(tmp_path / "runs" / "run" / "run.db", layers=8, width=16) as made:
        made.write(whole[:10])
        served = serve(tmp_path / "runs")
        page = look(served.link)
        page.excused += DEAD
        page.at(frame=10, connected="true")
        made.write(whole[10:15])
        page.at(frame=15)
        served.kill()
        page.at(connected="false")
        assert "does not answer" in page.page.locator("p.note").text_content()
        page.key("Home", "ArrowRight")  # what is here can still be read
        page.at(step=2 * STRIDE)
        made.write(whole[15:25])
        refused = []
        page.page.route(
            "**/api/stream*", lambda route: (refused.append(1), route.fulfill(status=503, body="{}"))
        )
        served.start()  # but it has no room yet: an answer that is no stream, after which a browser gives up
        page.page.wait_for_event("response", lambda answer: answer.status == 503)
        page.page.unroute("**/api/stream*")
        page.at(connected="true", frame=25, step=2 * STRIDE)
        assert refused
        assert page.page.locator("p.note").is_hidden()
        made.write(whole[25:])
        page.at(frame=len(whole))
        again = look(served.link)
        again.at(frame=len(whole))
        same(told(page), told(again))


def test_a_run_that_goes_back_is_loaded_anew(look, serve, tmp_path):
    whole = [*frames(layers=6, steps=20, width=16, way=Way(per_step=20))]
    with writer(tmp_path / "runs" / "run" / "run.db", layers=6, width=16) as made:
        made.write(whole[:12])
        served = serve(tmp_path / "runs")
        page = look(served.link)
        page.at(lastStep=11 * STRIDE)
        made.rewind(5 * STRIDE)
        page.at(lastStep=5 * STRIDE, step=5 * STRIDE)
        made.write(whole[6:8])
        page.at(lastStep=7 * STRIDE)
        again = look(served.link)
        again.at(lastStep=7 * STRIDE)
        same(told(page), told(again))


def test_a_run_that_goes_and_another_of_its_name(look, serve, tmp_path):
    path = tmp_path / "runs" / "run" / "run.db"
    synthetic_run(path, layers=6, steps=20)
    page = look(serve(tmp_path / "runs").link)
    page.at(lastStep=20 * STRIDE)
    shutil.rmtree(path.parent)
    page.page.get_by_text("is no longer there").wait_for()
    page.at(lastStep=20 * STRIDE)  # what is here stays
    synthetic_run(path, layers=4, steps=30)
    page.at(lastStep=30 * STRIDE)
    assert page.page.locator("p.note").is_hidden()
    assert page.page.evaluate("triplepoint.subject.layers.length") == 5


def test_the_list_opens_runs_and_scans_and_tells_what_cannot_be_read(look, serve, tmp_path):
    runs = tmp_path / "runs"
    synthetic_run(runs / "first" / "run.db", layers=6, steps=20)
    synthetic_run(runs / "second" / "run.db", layers=6, steps=10, status=None)
    small_scan().save(runs / "model.json")
    (runs / "broken").mkdir()
    (runs / "broken" / "run.db").write_bytes(b"no database")
    served = serve(runs)
    page = look(served.link)
    page.at(view="runs")
    text = page.page.locator("[data-role=runs]").inner_text()
    for name in ("first", "second", "model", "broken"):
        assert name in text
    page.page.locator("[data-role=runs]").get_by_text("first", exact=True).click()
    page.at(view="overview", lastStep=20 * STRIDE)
    page.page.go_back()
    page.at(view="runs")
    page.page.locator("[data-role=runs]").get_by_text("model", exact=False).first.click()
    page.wait("() => document.title.startsWith('model.json')")
    assert page.page.locator("nav.tabs button", has_text="Time").count() == 0


def test_the_token_is_gone_from_the_address_and_needed(look, serve, tmp_path):
    synthetic_run(tmp_path / "runs" / "first" / "run.db", layers=4, steps=10)
    served = serve(tmp_path / "runs")
    page = look(served.link)
    assert "token" not in page.page.url
    stranger = look(served.origin, wait=False)
    stranger.excused.append("40")
    assert stranger.page.locator("#app").count() == 0


def test_of_a_long_run_the_end_is_shown_while_its_course_is_read(look, serve, tmp_path, monkeypatch):
    path = synthetic_run(tmp_path / "runs" / "run" / "run.db", layers=8, steps=30, width=16)
    monkeypatch.setattr(documents, "LONG", 10)
    with open_run(path) as run:
        first = json.dumps(first_document(run))
    served, held = serve(tmp_path / "runs"), []
    page = look("about:blank", wait=False)
    page.own = served.link.split("?")[0]

    def answer(route):
        if "first=1" in route.request.url:
            route.fulfill(body=first, content_type="application/json")
        else:
            held.append(route)

    page.page.route("**/api/document*", answer)
    page.page.goto(served.link)
    page.page.locator("[data-role=verdict]").wait_for()
    assert "its course is being read" in page.page.locator("p.note").text_content()
    assert page.page.locator("nav.tabs button").all_text_contents() == ["Runs", "Overview", "Layer"]
    assert page.page.locator(".timeline").is_hidden()
    page.wait("() => true")
    assert page.data("ready") is None
    held[0].continue_()
    page.ready()
    page.at(lastStep=30 * STRIDE, step=30 * STRIDE)
    assert page.page.locator("p.note").is_hidden()
    assert page.page.locator("nav.tabs button").all_text_contents() == [
        "Runs",
        "Overview",
        "Layer",
        "Time",
        "Compare",
    ]
    again = look(served.link)
    same(told(page), told(again))
