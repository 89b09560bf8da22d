"""Names that want to be markup: shown as what they are, in the report and live, with nothing run and nothing made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.chromium import Watched
from tests.page.hostile import NAMES, RUN, hostile_run, hostile_scan
from triplepoint.page.assemble import assemble
from triplepoint.page.run_document import run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.store import open_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    made = tmp_path_factory.mktemp("hostile")
    hostile_run(made / "runs")
    hostile_scan().save(made / "runs" / "scan.json")
    return made


@pytest.fixture(scope="module")
def report(folder) -> str:
    with open_run(folder / "runs" / RUN / "run.db") as run:
        documents = [run_document(run, budget=3_000_000), scan_document(hostile_scan())]
    path = folder / "hostile.html"
    path.write_text(assemble({"documents": documents}, title=documents[0]["name"]), encoding="utf-8")
    return path.as_uri()


def unharmed(page: Watched) -> None:
    """No element, attribute or property came from a name."""
    found = page.page.evaluate(
        """() => ({
          tags: [...document.body.querySelectorAll("script, img, iframe, object, embed, base, form, link, style, meta")]
            .filter((one) => one.closest("#app, dialog") && !one.matches("dialog form"))
            .map((one) => one.outerHTML.slice(0, 200)),
          handlers: [...document.querySelectorAll("*")].flatMap((one) => one.getAttributeNames())
            .filter((name) => name.startsWith("on")),
          links: [...document.querySelectorAll("a[href]")].map((one) => one.getAttribute("href"))
            .filter((href) => !href.startsWith("#")),
          polluted: ({}).polluted ?? ({})[0] ?? null,
          keys: Object.keys(Object.prototype),
        })"""
    )
    assert found == {"tags": [], "handlers": [], "links": [], "polluted": None, "keys": []}


def walk(page: Watched) -> None:
    """Every view, every layer, the first and the last step, the filters."""
    views = ["overview", "layer", "time", "compare"]
    for view in views:
        if page.page.locator("nav.tabs button", has_text=view.capitalize()).count():
            page.view(view)
            page.settle()
            unharmed(page)
    page.view("layer")
    for _ in NAMES:
        page.key("j")
        page.settle()
    unharmed(page)
    page.key("Home", "End", "[", "?")
    page.settle()
    page.key("Escape")
    unharmed(page)


def visible(js: Any, text: str) -> str:
    return js.evaluate("(text) => modules.dom.visible(text)", text)


def test_a_hostile_report_is_only_text(look, report):
    page = look(report)
    page.page.evaluate("location.hash = '#view=overview'")
    walk(page)


def test_a_hostile_live_page_is_only_text(look, serve, folder):
    served = serve(folder / "runs")
    page = look(served.link)
    page.at(view="runs")
    unharmed(page)
    assert RUN in page.page.locator("main").inner_text()
    for kind, name in (("run", RUN), ("scan", "scan.json")):
        page.page.evaluate(
            "(to) => { location.hash = '#' + new URLSearchParams(to); }", {"kind": kind, "run": name}
        )
        page.at(view="overview")
        page.page.locator(f".subject:has-text({name!r})").wait_for()
        walk(page)


def test_names_are_shown_as_they_are(look, report):
    """What a reader sees of a layer is its label, letter by letter, with what does not print spelled out."""
    page = look(f"{report}#view=layer")
    page.at(view="layer")
    shown = page.page.locator("main").inner_text()
    assert "<script>alert(1)</script>" in shown
    assert page.page.title().startswith(RUN)


def test_a_layer_with_any_name_is_a_link(look, report):
    page = look(f"{report}#view=layer")
    page.at(view="layer")
    count = page.page.evaluate("location.hash.length")
    assert count
    seen = []
    for _ in range(len(NAMES) + 2):
        page.key("j")
        page.settle()
        seen.append(page.page.evaluate("new URLSearchParams(location.hash.slice(1)).get('layer')"))
    assert "__proto__" in seen
    assert "constructor" in seen
    assert "<script>alert(1)</script>" in seen
    page.page.wait_for_function("() => location.hash.includes('layer=')")
    again = look(page.page.url)
    again.at(view="layer")
    assert again.page.evaluate("location.hash") == page.page.evaluate("location.hash")
