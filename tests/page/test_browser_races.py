"""What is asked for and what comes back in another order: the page shows what was asked for last."""

from __future__ import annotations

import pytest

from tests.page.test_browser_live import DEAD, same, told
from tests.page.worlds import STRIDE, Way, frames, synthetic_run, writer

pytest.importorskip("starlette")


def hold(page, needle):
    """The next document whose address has `needle` in it waits in the list that is given back."""
    held = []
    page.page.route(
        "**/api/document*",
        lambda route: route.continue_() if held or needle not in route.request.url else held.append(route),
    )
    return held


def go(page, name):
    page.page.evaluate("(run) => triplepoint.state.set({ run, kind: 'run', view: 'overview' })", name)


def shown(page):
    page.settle()
    return page.page.evaluate(
        "[triplepoint.subject.name, document.querySelector('.subject .name').textContent, triplepoint.state.get('run')]"
    )


def test_who_turns_back_before_a_run_is_read_stays_where_he_is(look, serve, tmp_path):
    runs = tmp_path / "runs"
    synthetic_run(runs / "first" / "run.db", layers=4, steps=10)
    synthetic_run(runs / "second" / "run.db", layers=4, steps=20)
    page = look(f"{serve(runs).link}#run=first&kind=run")
    page.at(lastStep=10 * STRIDE)
    held = hold(page, "second")
    go(page, "second")
    page.page.get_by_text("Reading the run").wait_for()
    go(page, "first")
    page.wait("() => document.querySelector('p.note').hidden")
    with page.page.expect_response(lambda answer: "second" in answer.url):
        held[0].continue_()
    page.page.evaluate("() => triplepoint.open('run', 'second').then(() => null)")
    assert shown(page) == ["first", "first", "first"]
    go(page, "second")
    page.at(lastStep=20 * STRIDE)
    assert shown(page) == ["second", "second", "second"]


def test_who_goes_on_while_a_run_is_read_again_is_not_taken_back(look, serve, tmp_path):
    runs = tmp_path / "runs"
    whole = [*frames(layers=4, steps=20, width=16, way=Way(per_step=20))]
    synthetic_run(runs / "other" / "run.db", layers=4, steps=30)
    with writer(runs / "back" / "run.db", layers=4, width=16) as made:
        made.write(whole[:12])
        page = look(f"{serve(runs).link}#run=back&kind=run")
        page.at(lastStep=11 * STRIDE)
        held = hold(page, "back")
        with page.page.expect_request(lambda asked: "document" in asked.url):
            made.rewind(5 * STRIDE)
        go(page, "other")
        page.at(lastStep=30 * STRIDE)
        with page.page.expect_response(lambda answer: "back" in answer.url):
            held[0].continue_()
        page.page.evaluate("() => triplepoint.open('run', 'back').then(() => null)")
        assert shown(page) == ["other", "other", "other"]


@pytest.mark.slow  # it waits for a retry
def test_a_run_that_could_not_be_read_again_at_once_is_read_later(look, serve, tmp_path):
    runs = tmp_path / "runs"
    whole = [*frames(layers=4, steps=20, width=16, way=Way(per_step=20))]
    with writer(runs / "back" / "run.db", layers=4, width=16) as made:
        made.write(whole[:12])
        page = look(f"{serve(runs).link}#run=back&kind=run")
        page.excused += (*DEAD, "500")
        page.at(lastStep=11 * STRIDE)
        page.page.route("**/api/document*", lambda route: route.fulfill(status=500, body="{}"))
        made.rewind(5 * STRIDE)
        page.page.get_by_text("the server answered 500").wait_for()
        page.page.unroute("**/api/document*")
        page.at(lastStep=5 * STRIDE)
        assert page.page.locator("p.note").is_hidden()
        made.write(whole[6:8])
        page.at(lastStep=7 * STRIDE)


@pytest.mark.slow  # it waits for a retry
def test_a_server_that_is_away_while_a_run_is_opened_is_asked_again(look, serve, tmp_path):
    runs = tmp_path / "runs"
    for name in ("first", "second"):
        synthetic_run(runs / name / "run.db", layers=4, steps=10)
    page = look(serve(runs).link)
    page.excused += ("ERR_FAILED", *DEAD)
    page.at(view="runs")
    page.page.route("**/api/document*", lambda route: route.abort())
    go(page, "second")
    page.page.get_by_text("the server does not answer").wait_for()
    page.page.unroute("**/api/document*")
    page.at(lastStep=10 * STRIDE)
    assert page.page.locator("p.note").is_hidden()


def test_why_a_run_cannot_be_opened_stays_to_be_read(look, serve, tmp_path):
    """The list, which is shown in its place, is read again every few seconds."""
    runs = tmp_path / "runs"
    for name in ("first", "second"):
        synthetic_run(runs / name / "run.db", layers=4, steps=10)
    page = look(f"{serve(runs).link}#run=__proto__&kind=run", wait=False)
    page.excused.append("404")
    page.at(ready="true", view="runs")
    with page.page.expect_response("**/api/runs*"):
        page.page.evaluate("triplepoint.list()")
    page.settle()
    assert (
        page.page.locator("p.note").text_content()
        == "read run '__proto__': it is not there. Look at the list"
    )


def test_a_metric_is_asked_for_as_of_the_document(look, serve, tmp_path):
    """Of a run beyond a million visits the server leaves some out, and others at another frame."""
    runs = tmp_path / "runs"
    whole = [*frames(layers=4, steps=20, width=16, way=Way(per_step=20))]
    with writer(runs / "run" / "run.db", layers=4, width=16) as made:
        made.write(whole[:12])
        served = serve(runs)
        page = look(served.link)
        page.at(frame=12)
        made.write(whole[12:18])
        page.at(frame=18)
        with page.page.expect_request("**/api/metric*") as asked:
            found = told(page)
        assert "frame=12" in asked.value.url
        again = look(served.link)
        again.at(frame=18)
        same(found, told(again))


def test_a_page_that_nobody_sees_does_not_ask_for_a_stream_again(look, serve, tmp_path):
    """Its place among six connections is for those that are seen; shown, it follows."""
    runs = tmp_path / "runs"
    for name in ("first", "second"):
        synthetic_run(runs / name / "run.db", layers=4, steps=10)
    page = look(serve(runs).link)
    page.excused += DEAD
    page.at(view="runs")
    page.page.clock.install()
    refused = []
    page.page.route("**/api/stream*", lambda route: (refused.append(1), route.fulfill(status=503, body="{}")))
    page.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    go(page, "first")
    page.at(connected="false")
    page.page.clock.fast_forward(10_000)
    with page.page.expect_response("**/api/runs*"):
        page.page.evaluate("triplepoint.list()")
    assert refused == [1]
    page.page.unroute("**/api/stream*")
    page.page.evaluate("delete document.hidden, document.dispatchEvent(new Event('visibilitychange'))")
    page.at(connected="true", lastStep=10 * STRIDE)
