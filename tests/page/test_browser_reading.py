"""Who cannot see, points with a finger, reads at night or on paper: the same page, held to rules."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.page.chromium import PHONE, Watched
from tests.page.worlds import STRIDE, small_scan, synthetic_run
from triplepoint.page.assemble import assemble
from triplepoint.page.run_document import run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.store import open_run

STEPS = 40
VIEWS = ("runs", "overview", "layer", "time", "compare")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report of a run and a scan, so that every view has something to show."""
    folder = tmp_path_factory.mktemp("reading")
    with open_run(synthetic_run(folder / "first" / "run.db", layers=26, steps=STEPS, per_step=9)) as run:
        documents = run_document(run, budget=3_000_000), scan_document(small_scan())
    path = folder / "reading.html"
    path.write_text(assemble({"documents": [*documents]}, title="reading"), encoding="utf-8")
    return path.as_uri()


def each_view(page: Watched):
    for view in VIEWS:
        page.view(view)
        page.wait("() => [...document.querySelectorAll('main > .view:not([hidden])')].length === 1")
        page.settle()
        page.settle()
        yield view


RULES = Path(__file__).with_name("rules.js").read_text(encoding="utf-8")


def broken(page: Watched, rule: str) -> list:
    """What breaks a rule of `rules.js`."""
    return page.page.evaluate(f"() => {RULES.strip()}.{rule}()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(look, address, scheme):
    """Contrast by computed colours: 4.5, large text and signs 3 (WCAG 2.2, 1.4.3, 1.4.11)."""
    page = look(address, color_scheme=scheme)
    assert page.page.evaluate("document.documentElement.dataset.theme") == scheme
    for view in each_view(page):
        assert broken(page, "contrast") == [], view
    page.key("?")
    page.page.locator("dialog.keys").wait_for(state="visible")
    assert broken(page, "contrast") == []


def test_every_control_has_a_name_and_every_picture_words(revisit, address):
    page = revisit(address)
    for view in each_view(page):
        assert broken(page, "nameless") == [], view
        assert broken(page, "roles") == [], view


def test_headings_form_an_outline(revisit, address):
    """One of the first level in each view, none skipped."""
    page = revisit(address)
    for view in each_view(page):
        levels = broken(page, "headings")
        assert levels.count(1) == 1, (view, levels)
        assert levels[0] == 1, (view, levels)
        assert all(after <= before + 1 for before, after in pairwise(levels)), (
            view,
            levels,
        )


def test_the_page_has_a_language_a_title_and_landmarks(revisit, address):
    page = revisit(address)
    assert page.page.evaluate("document.documentElement.lang") == "en"
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        assert page.page.get_by_role(landmark).count() == 1, landmark


@pytest.mark.parametrize("view", ["overview", "time"])
def test_tab_reaches_every_control_in_the_order_of_the_page(revisit, address, view):
    page = revisit(f"{address}#view={view}")
    page.at(view=view)
    page.settle()
    wanted = page.page.evaluate(
        """() => {
          const all = [...document.querySelectorAll("button, a[href], input, select, summary, [tabindex]")]
            .filter((one) => one.checkVisibility() && one.tabIndex >= 0 && !one.disabled);
          all.forEach((one, at) => (one.dataset.tabbed = at));
          document.activeElement.blur();
          return all.length;
        }"""
    )
    page.page.evaluate(
        "() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); }"
    )
    reached = []
    for _ in range(wanted + 2):
        page.key("Tab")
        at = page.page.evaluate("document.activeElement.dataset.tabbed ?? null")
        if at is None or int(at) in reached:
            break
        reached.append(int(at))
    assert reached == [*range(wanted)]


def test_focus_is_seen(look, address):
    page = look(address)
    page.key("Tab", "Tab", "Tab")
    style = page.page.evaluate(
        """() => { const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
          return [outlineStyle, outlineWidth, boxShadow]; }"""
    )
    assert (style[0] != "none" and style[1] != "0px") or style[2] != "none"


def test_the_strip_is_one_stop_and_arrows_walk_it(revisit, address):
    page = revisit(address)
    cells = page.page.locator("[data-role=strip] [data-layer]")
    assert page.page.locator("[data-role=strip] [data-layer][tabindex='0']").count() == 1
    cells.first.focus()
    page.key("ArrowRight")
    second = page.page.evaluate("document.activeElement.dataset.layer")
    assert second == cells.nth(1).get_attribute("data-layer")
    page.key("Enter")
    page.at(view="layer")
    assert second.removesuffix(".weight") == page.page.locator("main h1:visible").text_content()


def test_the_skip_link_leads_to_the_content(look, address):
    page = look(address)
    page.key("Tab")
    assert page.page.evaluate("document.activeElement.className") == "skip"
    page.key("Enter")
    assert page.page.evaluate("document.activeElement.id") == "main"


def test_a_phone_scrolls_one_way(look, address):
    page = look(address, viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    for view in each_view(page):
        wide = page.page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              const inner = (one) => { for (let up = one.parentElement; up; up = up.parentElement)
                if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true; };
              return [document.documentElement.scrollWidth, width, [...document.querySelectorAll("body *")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1 && !inner(one))
                .map((one) => `${one.tagName}.${one.className}`).slice(0, 5)];
            }"""
        )
        assert wide[0] <= wide[1] == PHONE["width"], (view, wide)
        assert wide[2] == [], (view, wide)


def test_a_finger_finds_its_target(look, address):
    """24 px in both directions (WCAG 2.2, 2.5.8), but for words within a sentence, and for cells and marks, which have
    bigger twins: the select of layers, the slider."""
    page = look(address, viewport=PHONE, has_touch=True, is_mobile=True)
    for view in each_view(page):
        small = page.page.evaluate(
            """() => [...document.querySelectorAll("button, select, input, summary, a[href]")]
              .filter((one) => one.checkVisibility())
              .filter((one) => !one.matches(".cell, .mark, .link, .skip, input[type=checkbox]"))
              .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
              .filter(([, box]) => box.height < 23.5 || box.width < 23.5)
              .map(([text, box]) => `${text} ${box.width.toFixed(0)}x${box.height.toFixed(0)}`)"""
        )
        assert small == [], view


def test_a_touch_on_a_chart_moves_the_cursor(look, address):
    page = look(f"{address}#view=time", viewport=PHONE, has_touch=True, is_mobile=True)
    over = page.page.locator("[data-role=scalars] .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait("(half) => Math.abs(document.body.dataset.step - half) < 0.1 * half", STEPS * STRIDE / 2)


def test_the_theme_follows_the_system_and_the_reader_and_is_kept(look, address):
    page = look(address, color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.page.evaluate(theme) == "dark"
    dark = page.page.evaluate(paper)
    page.page.emulate_media(color_scheme="light")
    page.wait(f"() => {theme} === 'light'")
    assert page.page.evaluate(paper) != dark
    page.page.get_by_role("button", name="Dark or light").click()
    assert page.page.evaluate(theme) == "dark"
    page.page.reload()
    page.ready()
    assert page.page.evaluate(theme) == "dark"


def test_paper_gets_the_content_and_nothing_to_press(look, address, tmp_path):
    page = look(address, color_scheme="dark")
    page.page.emulate_media(media="print")
    page.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.settle()
    assert page.page.evaluate("document.documentElement.dataset.theme") == "light"
    for gone in (".timeline .round", ".tools", "nav.tabs", ".filters"):
        assert page.page.locator(gone).first.is_hidden(), gone
    for there in ("[data-role=verdict]", "[data-role=strip]", "[data-role=findings]"):
        assert page.page.locator(there).first.is_visible(), there
    paper: bytes = page.page.pdf(format="A4", print_background=True)
    (tmp_path / "page.pdf").write_bytes(paper)
    assert 1 <= paper.count(b"/Type /Page\n") <= 8
    page.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_scripts_the_verdicts_are_read(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    text = page.locator("body").inner_text()
    context.close()
    assert "first: " in text
    assert "JavaScript" in text


def test_less_motion_is_no_motion(look, address):
    page = look(address, reduced_motion="reduce")
    moving = page.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
          const style = getComputedStyle(one);
          const animated = style.animationName !== "none" && parseFloat(style.animationDuration) > 0.01;
          return animated || parseFloat(style.transitionDuration) > 0.01;
        }).map((one) => one.className)"""
    )
    assert moving == []


def test_the_file_alone_is_enough(look, address, tmp_path):
    """Moved into an empty folder and opened without a network, it is the same page."""
    moved = tmp_path / "moved.html"
    moved.write_bytes(Path(unquote(urlsplit(address).path)).read_bytes())
    page = look(moved.as_uri())
    page.view("overview")
    assert [*tmp_path.iterdir()] == [moved]
