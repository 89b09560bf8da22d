"""What the views show of a run is what the store holds, at every step under one cursor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.page.chromium import Watched
from tests.page.worlds import STRIDE, small_scan, synthetic_run
from triplepoint.page.assemble import assemble
from triplepoint.page.codes import PHASES, UNSEEN
from triplepoint.page.run_document import run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.report.text import fixed
from triplepoint.store import Run, open_run

STEPS = 60
LAST = STEPS * STRIDE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """26 layers, each looked at in 20 of 60 steps."""
    path = tmp_path_factory.mktemp("views") / "first" / "run.db"
    synthetic_run(path, layers=26, steps=STEPS, per_step=9, full_every=2)
    with open_run(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(run: Run) -> str:
    return written(run.path.parent / "run.html", run_document(run, budget=3_000_000))


def written(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text(assemble({"documents": [*documents]}, title=documents[0]["name"]), encoding="utf-8")
    return path.as_uri()


def analysed(run: Run) -> list[str]:
    return [id for id, found in run.matrices.items() if found["shape"]]


def cursor(page: Watched, role: str, share: float) -> int:
    """Hover the first chart of a card at a share of its width; the step that the page then stands at."""
    over = page.page.locator(f"[data-role={role}] .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
    page.settle()
    return int(page.data("step"))


@pytest.mark.parametrize("role", ["scalars", "layer-lines", "phase-map"])
def test_hovering_any_chart_moves_the_one_cursor(revisit, address, role):
    page = revisit(f"{address}#view=time")
    page.page.locator(f"[data-role={role}] .u-over").first.wait_for()
    for share in (0.2, 0.75, 0.4):
        step = cursor(page, role, share)
        assert abs(step - (STRIDE + share * (LAST - STRIDE))) <= 0.03 * LAST
        assert step % STRIDE == 0
        lines = page.page.evaluate(
            """() => [...document.querySelectorAll("main .cursor-line")].filter((one) => one.checkVisibility())
              .map((one) => one.getBoundingClientRect().left)"""
        )
        assert len(lines) >= 4, "the charts of scalars, the lines and the map"
        assert max(lines) - min(lines) < 2
        assert page.page.locator("#step-slider").get_attribute("aria-valuetext").startswith(f"step {step:,} ")


def test_the_legend_has_the_exact_values_at_the_cursor(revisit, js, run, address):
    page = revisit(f"{address}#view=time")
    page.page.locator("[data-role=scalars] .u-over").first.wait_for()
    points = {name: {point.step: point.value for point in run.scalar(name)} for name in run.scalar_names}
    for share in (0.1, 0.6, 0.95):
        step = cursor(page, "scalars", share)
        shown = page.page.locator("[data-role=scalars] .legend").all_inner_texts()
        told = " ".join(" ".join(shown).split())
        for name, values in points.items():
            text = js.evaluate("(value) => modules.format.number(value)", values[step])
            assert f"{name} {text}" in told or (name == "learning_rate" and text in told), (name, step)


def test_the_strip_has_the_phases_of_the_store_at_every_step(revisit, run, address):
    page = revisit(f"{address}#view=overview")
    for step in (STRIDE, 12 * STRIDE, 33 * STRIDE, LAST):
        page.page.evaluate(f"location.hash = '#view=overview&step={step}'")
        page.at(step=step)
        page.settle()
        cells = page.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("[data-role=strip] [data-layer]")]
              .map((cell) => [cell.dataset.layer, Number(cell.dataset.phase)]))"""
        )
        rows = {id: run.row(id, step) for id in analysed(run)}
        assert cells == {id: UNSEEN if row is None else PHASES[row.phase] for id, row in rows.items()}
    assert {1, 2} < set(cells.values()) | {1, 2, 3}


def test_the_layer_has_the_row_of_the_store_at_the_cursor(revisit, run, address):
    page = revisit(address)
    for id, step in (("head.weight", 20 * STRIDE), ("blocks.0.mlp.up.weight", 45 * STRIDE)):
        page.page.evaluate("(hash) => { location.hash = hash; }", f"#view=layer&layer={id}&step={step}")
        page.at(view="layer", step=step)
        page.settle()
        row = run.row(id, step)
        assert page.page.locator("main h1:visible").text_content() == id.removesuffix(".weight")
        assert page.page.locator("[data-role=phase]").get_attribute("data-phase") == row.phase.value
        sentence = page.page.locator(".layer-sentence").text_content()
        alpha, low, high = (fixed(row.metrics[name]) for name in ("alpha", "alpha_low", "alpha_high"))
        assert f"{alpha} [{low}, {high}]" in sentence


def test_the_spectrum_moves_with_the_cursor(revisit, run, address):
    page = revisit(f"{address}#view=layer&layer=head.weight")
    page.page.locator("[data-role=spectrum] canvas").first.wait_for()
    seen = set()
    for step in (STRIDE * 10, STRIDE * 30, LAST):
        page.page.evaluate(f"location.hash = '#view=layer&layer=head.weight&step={step}'")
        page.at(step=step)
        page.settle()
        seen.add(page.page.locator("[data-role=spectrum] canvas").first.evaluate("(one) => one.toDataURL()"))
    assert len(seen) == 3


def test_findings_are_sorted_and_lead_to_their_layer(revisit, run, address):
    page = revisit(address)
    document = run_document(run)
    rank = {"error": 0, "warning": 1, "info": 2}
    order = [(rank[one["severity"]], -(one["confidence"] or 0)) for one in document["findings"]]
    assert order == sorted(order)
    text = page.page.locator("[data-role=findings]").inner_text()
    first = document["findings"][0]
    assert first["statement"] in text
    label = document["layers"][first["layer"]]["label"]
    page.page.locator("[data-role=findings]").get_by_role("button", name=label).first.click()
    page.at(view="layer")
    assert page.page.locator("main h1:visible").text_content() == label
    assert page.page.locator("[data-role=verdict]").first.text_content() in document["verdict"]


def test_filters_choose_the_layers(revisit, run, address):
    page = revisit(address)
    cells = "[data-role=strip] [data-layer]"

    def shown() -> set[str]:
        page.settle()
        return set(
            page.page.evaluate(
                f"() => [...document.querySelectorAll('{cells}')].filter((one) => !one.classList.contains('away'))"
                ".map((one) => one.dataset.layer)"
            )
        )

    def choose(label: str, value: str) -> None:
        page.page.locator(f"label.field:visible:has(span:text-is('{label}')) select").select_option(value)

    assert shown() == set(analysed(run))
    page.page.locator("#search").fill("mlp UP")
    page.wait("() => location.hash.includes('search')")
    assert shown() == {id for id in analysed(run) if "mlp" in id and "up" in id}
    page.page.get_by_role("button", name="Show all", exact=True).click()
    choose("Kind", "attention")
    assert shown() == {id for id, found in run.matrices.items() if found["kind"] == "attention"}
    choose("Block", "blocks.1")
    assert shown() == {
        id
        for id, found in run.matrices.items()
        if found["kind"] == "attention" and id.startswith("blocks.1.")
    }
    page.page.get_by_role("button", name="Show all", exact=True).click()
    page.page.locator("[data-role=phases] button", has_text="over-trained").click()
    over = {id for id in analysed(run) if run.row(id).phase.value == "over_trained"}
    assert over
    assert shown() == over


def test_alerts_lie_on_the_time_line_and_lead_to_their_step(revisit, run, address):
    page = revisit(f"{address}#view=time")
    raised = [alert for alert in run.alerts if alert.state.value == "raised"]
    marks = page.page.locator("[data-role=alert-marks] .mark")
    assert sum(int(one.get_attribute("data-alerts") or 1) for one in marks.all()) == len(raised)
    marks.first.click()
    page.at(step=min(alert.step for alert in raised))
    card = page.page.locator("[data-role=alerts]:visible").inner_text()
    assert raised[-1].statement in card


def test_a_tensor_that_was_left_out_says_why(revisit, address):
    page = revisit(address)
    card = page.page.locator("[data-role=left-out]")
    assert "2 tensors" in card.inner_text()
    card.locator("summary").first.click()
    assert "blocks.0.norm" in card.inner_text()


def rows_shown(page: Watched) -> dict[str, list[str]]:
    """{id: texts of its cells} of the table of matched layers."""
    return page.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-role=compare-table] tr[data-id]")]
          .map((row) => [row.dataset.id, [...row.cells].map((cell) => cell.textContent)]))"""
    )


def number(text: str) -> float | None:
    found = re.match(r"[+−-]?[\d.,]+(e-?\d+)?", text)
    return float(found[0].replace("−", "-").replace(",", "").replace("+", "")) if found else None


def test_two_scans_are_compared_on_matched_rows(look, tmp_path):
    one, other = small_scan(seed=0), small_scan(seed=40)
    documents = scan_document(one) | {"name": "one"}, scan_document(other) | {"name": "other"}
    page = look(written(tmp_path / "two.html", *documents) + "#view=compare&run=other&kind=scan")
    page.at(view="compare")
    page.page.locator("[data-role=compare-table] tr[data-id]").first.wait_for()
    shown = rows_shown(page)
    pairs = {row.id: (row, other[row.id]) for row in one.matrices if row.status != "skipped"}
    assert set(shown) <= set(pairs)
    assert set(shown) >= {id for id, (a, _) in pairs.items() if a.counted}
    for id, cells in shown.items():
        before, after = (row.metrics.get("alpha") for row in pairs[id])
        if before is None or after is None:
            assert cells[3] == "–"
            continue
        assert number(cells[1]) == pytest.approx(before, abs=0.006)
        assert number(cells[2]) == pytest.approx(after, abs=0.006)
        assert number(cells[3]) == pytest.approx(after - before, abs=0.012)
        words = [row.phase.value.replace("_", "-").replace("not-a", "not a") for row in pairs[id]]
        assert cells[4:6] == words


def test_a_run_is_compared_with_itself_at_an_earlier_step(revisit, run, address):
    a, b = 25 * STRIDE, LAST
    page = revisit(f"{address}#view=compare&step={b}&againstStep={a}")
    page.at(view="compare", step=b)
    page.page.locator("[data-role=compare-table] tr[data-id]").first.wait_for()
    shown = rows_shown(page)
    assert set(shown) == set(analysed(run))
    for id, cells in shown.items():
        early, late = run.row(id, a).metrics["alpha"], run.row(id, b).metrics["alpha"]
        assert number(cells[1]) == pytest.approx(early, abs=0.006)
        assert number(cells[2]) == pytest.approx(late, abs=0.006)
        assert number(cells[3]) == pytest.approx(late - early, abs=0.012)
    page.page.locator("[data-role=swap]").click()
    page.at(step=a)
    page.wait(
        """([id, text]) => [...document.querySelectorAll("[data-role=compare-table] tr[data-id]")]
          .find((row) => row.dataset.id === id).cells[2].textContent === text""",
        ["head.weight", shown["head.weight"][1]],
    )


def test_a_stretch_of_steps_is_seen_alone_and_whole_again(revisit, address):
    page = revisit(f"{address}#view=time&step={30 * STRIDE}")
    page.page.locator("[data-role=scalars] .u-over").first.wait_for()
    page.key("+")
    page.wait("() => location.hash.includes('from=') && location.hash.includes('to=')")
    assert "of 600" in page.page.locator("[data-role=stretch]").text_content()
    step = cursor(page, "scalars", 0.99)
    assert step < 0.9 * LAST
    page.key("0")
    page.wait("() => !location.hash.includes('from=')")
    assert page.page.locator("[data-role=stretch]").text_content().startswith("All steps")


def test_log_steps_give_the_first_steps_room(revisit, address):
    page = revisit(f"{address}#view=time&scale=log")
    page.page.locator("[data-role=scalars] .u-over").first.wait_for()
    assert cursor(page, "scalars", 0.5) < 0.3 * LAST
