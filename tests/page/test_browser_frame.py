"""The frame of the page, in a report from disk without a network: tabs, cursor, playing, keys, links, both themes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.page.worlds import STRIDE, small_scan, synthetic_run
from triplepoint.page.assemble import assemble
from triplepoint.page.run_document import run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.store import open_run

STEPS = 60
LAST = STEPS * STRIDE


@pytest.fixture(scope="module")
def run_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report of a run of 26 layers and 60 steps."""
    folder = tmp_path_factory.mktemp("report")
    path = synthetic_run(folder / "first" / "run.db", layers=26, steps=STEPS)
    with open_run(path) as run:
        document = run_document(run, budget=3_000_000)
    return written(folder / "run.html", document)


@pytest.fixture(scope="module")
def scan_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("report") / "scan.html", scan_document(small_scan()))


def written(path: Path, *documents: dict) -> str:
    path.write_text(assemble({"documents": [*documents]}, title=documents[0]["name"]), encoding="utf-8")
    return path.as_uri()


def tabs(page) -> list[str]:
    return page.page.locator("nav.tabs button").all_text_contents()


def test_a_report_of_a_run_opens_at_its_overview_and_last_step(revisit, run_report):
    page = revisit(run_report)
    page.at(view="overview", step=LAST, lastStep=LAST)
    assert tabs(page) == ["Overview", "Layer", "Time", "Compare"]
    assert page.page.title() == "first – triplepoint"


def test_a_report_of_one_scan_has_no_time(revisit, scan_report):
    page = revisit(scan_report)
    page.at(view="overview")
    assert tabs(page) == ["Overview", "Layer"]
    assert page.page.locator(".timeline").is_hidden()
    page.key("3", "4", "ArrowLeft", " ", "f")
    page.settle()
    page.at(view="overview")


def test_two_documents_are_compared_and_listed(look, tmp_path):
    documents = scan_document(small_scan(seed=0)), scan_document(small_scan(seed=1)) | {"name": "second"}
    page = look(written(tmp_path / "two.html", *documents))
    page.at(view="overview")
    assert tabs(page) == ["Runs", "Overview", "Layer", "Compare"]


def test_each_view_opens_by_tab_key_and_address(revisit, run_report):
    page = revisit(run_report)
    views = ("overview", "layer", "time", "compare")
    for view, before in zip(views, ("compare", *views), strict=False):
        ways = {
            "address": lambda view=view: page.page.evaluate(f"location.hash = '#view={view}'"),
            "key": lambda view=view: page.key(str(1 + views.index(view))),
            "tab": lambda view=view: page.page.get_by_role(
                "button", name=view.capitalize(), exact=True
            ).click(),
        }
        for way in ways.values():
            page.view(before)
            way()
            page.at(view=view)
            assert page.page.locator("main > section.view:visible").count() == 1
            assert page.page.locator("nav.tabs [aria-current=page]").text_content().lower() == view


def test_back_leads_to_the_view_before(look, run_report):
    page = look(run_report)
    page.view("layer")
    page.view("time")
    page.wait("() => location.hash.includes('view=time')")
    page.page.go_back()
    page.at(view="layer")
    page.page.go_back()
    page.at(view="overview")


KEYS = [
    (["ArrowLeft"], LAST - STRIDE),
    (["Shift+ArrowLeft"], LAST - 10 * STRIDE),
    (["Shift+ArrowLeft", "ArrowRight"], LAST - 9 * STRIDE),
    (["Home"], STRIDE),
    (["Home", "Shift+ArrowRight"], 11 * STRIDE),
    (["Home", "End"], LAST),
    (["Home", "f"], LAST),
    (["Home", "ArrowLeft"], STRIDE),
    (["ArrowRight"], LAST),
    (["Home", "]"], round(0.2 * STEPS) * STRIDE),
    (["]"], LAST),
    (["["], round(0.9 * STEPS) * STRIDE),
]


def test_keys_move_the_cursor(revisit, run_report):
    page = revisit(run_report)
    for keys, step in KEYS:
        page.key("End", *keys)
        page.at(step=step)


def test_all_other_keys_do_what_the_sheet_says(look, run_report):
    page = look(run_report)
    page.key("l")
    page.wait("() => location.hash.includes('scale=log')")
    page.key("l")
    page.wait("() => !location.hash.includes('scale')")
    before = page.page.evaluate("document.documentElement.dataset.theme")
    page.key("t")
    assert page.page.evaluate("document.documentElement.dataset.theme") != before
    page.key("/")
    page.wait("() => document.activeElement.id === 'search'")
    page.page.keyboard.type("query")
    page.wait("() => location.hash.includes('search=query')")
    page.key("Escape")
    page.wait("() => document.activeElement.id !== 'search'")
    page.key("2", "j")
    page.at(view="layer")
    page.wait("() => /layer=blocks.*query/.test(location.hash)")
    layer = page.page.evaluate("location.hash")
    page.key("j")
    page.wait("(before) => location.hash !== before", layer)
    page.key("k")
    page.wait("(before) => location.hash === before", layer)


def test_the_sheet_lists_every_key_and_closes(revisit, run_report):
    page = revisit(run_report)
    page.key("?")
    sheet = page.page.locator("dialog.keys")
    sheet.wait_for(state="visible")
    listed = set(sheet.locator("kbd").all_text_contents())
    assert {"←", "→", "Home", "End", "Space", "f", "l", "1", "2", "3", "4", "j", "k", "/", "t", "?"} <= listed
    page.key("ArrowLeft", "3")
    page.settle()
    page.at(view="overview", step=LAST)
    page.key("Escape")
    sheet.wait_for(state="hidden")
    page.page.get_by_role("button", name="Keys").click()
    sheet.wait_for(state="visible")
    page.page.get_by_role("button", name="Close", exact=True).click()
    sheet.wait_for(state="hidden")


def test_keys_of_the_browser_and_typed_words_are_left_alone(revisit, run_report):
    page = revisit(run_report)
    page.key("Control+ArrowLeft", "Alt+Shift+3", "Meta+l")
    page.key("/")
    page.wait("() => document.activeElement.id === 'search'")
    page.page.keyboard.type("3 f l t")
    page.settle()
    page.at(view="overview", step=LAST)
    assert page.page.locator("#search").input_value() == "3 f l t"


def test_play_runs_to_the_end_and_stops_there(revisit, run_report):
    page = revisit(f"{run_report}#speed=8")
    page.key("Home")
    page.at(step=STRIDE)
    steps = record_steps(page)
    page.key(" ")
    page.wait("() => document.querySelector('[data-role=play]').dataset.playing === 'true'")
    page.at(step=LAST)
    page.wait("() => document.querySelector('[data-role=play]').dataset.playing === 'false'")
    seen = steps()
    assert seen == sorted(seen)
    assert len(seen) > 8, seen
    assert seen[-1] == LAST


def test_play_pauses_and_goes_on(revisit, run_report):
    page = revisit(f"{run_report}#speed=2")
    page.key("Home")
    page.at(step=STRIDE)
    page.page.get_by_role("button", name="Play", exact=True).click()
    page.wait("(step) => Number(document.body.dataset.step) > step", 5 * STRIDE)
    page.page.get_by_role("button", name="Pause", exact=True).click()
    page.settle()
    at = page.data("step")
    page.settle()
    assert page.data("step") == at
    assert int(at) < LAST


def record_steps(page):
    """Note every step that the cursor stands at from now on."""
    page.page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => window.seen.push(Number(document.body.dataset.step)))
            .observe(document.body, { attributes: true, attributeFilter: ["data-step"] });
        }"""
    )
    return lambda: page.page.evaluate("window.seen")


def test_the_slider_scrubs(revisit, run_report):
    page = revisit(run_report)
    slider = page.page.locator("#step-slider")
    box = slider.bounding_box()
    page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait(
        "([low, high]) => low < +document.body.dataset.step && +document.body.dataset.step < high",
        [LAST * 0.4, LAST * 0.6],
    )
    assert slider.get_attribute("aria-valuetext") == f"step {int(page.data('step')):,} of {LAST:,}"


def test_what_is_seen_is_a_link(look, run_report):
    page = look(run_report, permissions=["clipboard-read", "clipboard-write"])
    page.view("layer")
    page.key("j", "j", "Shift+ArrowLeft", "l")
    page.at(step=LAST - 10 * STRIDE)
    page.wait("() => ['view=layer', 'step=', 'scale=log'].every((part) => location.hash.includes(part))")
    page.page.get_by_role("button", name="Copy link").click()
    page.page.get_by_text("The link is").wait_for()
    link = page.page.evaluate("navigator.clipboard.readText().catch(() => location.href)")
    again = look(link)
    again.at(view="layer", step=LAST - 10 * STRIDE)
    values = "Object.fromEntries(new URLSearchParams(location.hash.slice(1)))"
    assert again.page.evaluate(values) == page.page.evaluate(values)
    assert again.page.evaluate(values)["layer"]
    again.page.evaluate(f"() => {{ location.hash = {json.dumps('view=time&step=30')}; }}")
    again.at(view="time", step=30)


STRANGE = (
    *(
        "view=nonsense",
        "run=nobody",
        "layer=nothing&view=layer",
        "step=-5",
        "step=1e99",
        "kind=x",
        "speed=-1",
    ),
    *("view=time&from=50&to=20", "view=time&from=abc", "metric=nothing&view=time", "phase=9,x", "of=nothing"),
    *(
        "view=compare&against=nobody",
        "view=compare&againstStep=-7",
        "spectrum=x&view=layer",
        "%",
        "&&==",
        "scale=x",
    ),
)


def test_an_address_that_fits_nothing_still_shows_something(look, run_report):
    page = look(run_report)
    for number, part in enumerate(STRANGE):
        if number % 4 == 0:  # opened so; the others are typed into a page that is open
            page.page.goto("about:blank")
            page.page.goto(f"{run_report}#{part}")
        else:
            page.page.evaluate("(hash) => { location.hash = hash; }", part)
        page.ready().settle()
        shown = page.page.locator("main > section.view:visible").count() == 1
        assert shown or page.page.locator("p.note").is_visible(), part
        assert page.faults() == [], part


@pytest.mark.parametrize(
    ("asked", "step"),
    [("-5", STRIDE), ("1e308", LAST), ("-1e308", STRIDE), ("101.5", 100), ("Infinity", LAST)],
)
def test_a_step_that_is_none_of_the_run_is_the_nearest_one(revisit, run_report, asked, step):
    """A number of 300 digits pushed the foot of the page out of the window."""
    page = revisit(f"{run_report}#step={asked}")
    page.at(step=step)
    assert page.page.locator("output.step").text_content() == f"{step} of {LAST}"
