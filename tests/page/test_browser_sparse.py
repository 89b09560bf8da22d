"""What the page says of a run that holds little: nothing of a layer, a part of the metrics, no whole look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.page.worlds import small_scan
from tests.store.frames import frame, full, row
from triplepoint.page.writing import write_report
from triplepoint.records import Frame, ScalarPoint, Visit, VisitKind
from triplepoint.store import RunWriter, open_run

LOSS = frame(1, scalars=[ScalarPoint("train_loss", 1, 2.0)])
LEADING = frame(1, visits=[Visit(1, "late", VisitKind.leading, {"stable_rank": 3.0})])
WHOLE = frame(2, visits=[full(2, row("m"))])


def report(folder: Path, frames: Sequence[Frame], *beside) -> str:
    with RunWriter(folder / "first" / "run.db") as made:
        made.write(list(frames))
    with open_run(folder / "first" / "run.db") as run:
        write_report(folder / "a.html", run, *beside)
    return (folder / "a.html").as_uri()


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([LOSS], "No tensor is known."),
        ([LEADING, WHOLE], "Nothing; 1 tensor was not looked at as a whole yet."),
        ([WHOLE], "Nothing: every tensor was analysed."),
    ],
)
def test_what_was_not_looked_at_was_not_analysed(look, tmp_path, frames, text):
    page = look(report(tmp_path, frames))
    assert page.page.locator("[data-role=left-out] p").inner_text() == text


def test_a_metric_that_was_never_measured_is_not_said_to_be_elsewhere(look, tmp_path):
    page = look(report(tmp_path, [LOSS]) + "#view=time")
    assert page.page.locator(".absent").first.inner_text() == (
        "alpha is not here. It was not measured in this run."
    )


def test_a_tail_whose_beginning_is_not_known_was_fitted_all_the_same(look, tmp_path):
    page = look(report(tmp_path, [WHOLE]) + "#view=layer")
    told = page.page.locator(".spectrum-words")
    told.wait_for()
    assert "No power law" not in told.inner_text()
    assert told.inner_text().startswith("Where the fitted tail begins is not among these numbers")
    title = page.page.locator("[data-overlay=tail]").get_attribute("title")
    assert title == "Where the fitted tail begins was not measured."


def test_a_run_is_held_against_what_it_was_put_beside(look, tmp_path):
    page = look(report(tmp_path, [WHOLE], small_scan()) + "#view=compare")
    page.wait("() => document.querySelector('[data-role=compare-headline]')?.textContent")
    assert page.page.locator("[data-role=against]").input_value().startswith("scan\n")
    assert page.page.locator("[data-role=compare-headline]").inner_text() == (
        "A and B have no layer in common."
    )


def test_before_its_first_look_a_layer_has_no_number_of_a_later_one(look, serve, tmp_path):
    """The row of the server is of the last visit; scrubbed to before the first, nothing of it may stand."""
    looks = [frame(step, scalars=[ScalarPoint("train_loss", step, 2.0)]) for step in (1, 2)]
    with RunWriter(tmp_path / "runs" / "first" / "run.db") as made:
        made.write([*looks, frame(3, visits=[full(3, row("m"))])])
        made.finish("finished")
    page = look(serve(tmp_path / "runs").link)
    page.view("layer")
    cell = "tr[data-metric=stable_rank] td.value div"
    shown = "([cell, text]) => document.querySelector(cell)?.textContent === text"
    page.wait(shown, [cell, "17.5"])
    page.page.get_by_text("Of the last whole look").wait_for()
    page.key("Home")
    page.at(step=1)
    page.wait(shown, [cell, "–"])
