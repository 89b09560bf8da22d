"""Names that want to be markup: shown as what they are, in the report and live, with nothing run and nothing made."""

from __future__ import annotations

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
    """Every view, and the keys that bring up more."""
    for view in ("overview", "layer", "time", "compare"):
        if page.page.locator("nav.tabs button", has_text=view.capitalize()).count():
            page.view(view)
            page.settle()
            unharmed(page)
    page.key("Home", "End", "[", "?")
    page.settle()
    page.key("Escape")
    unharmed(page)


LAYERS = """async () => {
  const { state, subject } = window.triplepoint;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const told = [];
  for (const index of subject.analysed) {
    state.set({ view: "layer", layer: subject.layers[index].id });
    await frame();
    await frame();
    told.push([subject.layers[index].label, document.querySelector("main > :not([hidden]) h1").textContent]);
  }
  return told;
}"""


def test_a_hostile_report_is_only_text(revisit, js, report):
    """What a reader sees of a layer is its label, letter by letter, with what does not print spelled out."""
    page = revisit(f"{report}#view=overview")
    walk(page)
    told = page.page.evaluate(LAYERS)
    assert len(told) == len(NAMES)
    for label, shown in told:
        assert shown == js.evaluate("(text) => modules.dom.visible(text)", label)
    unharmed(page)
    assert {
        "<script>alert(1)</script>",
        '"><svg onload=alert(3)>',
        "__proto__",
        "{{constructor.constructor('alert(6)')()}}",
    } <= {shown for _, shown in told}
    assert page.page.title().startswith(RUN)


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


def test_a_layer_with_any_name_is_a_link(revisit, report):
    page = revisit(f"{report}#view=layer")
    for name in NAMES:
        if "\ud800" in name or not name:  # it has no form in an address
            continue
        hash = page.page.evaluate("(layer) => `#${new URLSearchParams({ view: 'layer', layer })}`", name)
        page.page.evaluate("(hash) => { location.hash = hash; }", hash)
        page.wait(
            "(name) => document.querySelector('main > :not([hidden]) [data-layer]')?.dataset.layer === name",
            name,
        )
