"""The table keeps its width and its order whatever the names are, and takes every name literally."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests import synthetic
from tests.synthetic import HOSTILE, failed, row, scan_of, skipped, warning
from triplepoint.records import Phase, Reason, Scan, Severity
from triplepoint.report import table
from triplepoint.report.order import label, matrices


def widest(text: str) -> int:
    return max(map(cell_len, text.splitlines()))


@given(synthetic.any_scan, st.sampled_from([100, 80, 60]))
@settings(max_examples=50, deadline=None)
def test_no_line_is_wider_than_asked_and_nothing_drives_the_terminal(scan: Scan, width: int) -> None:
    text = table.plain(scan, width=width)
    assert widest(text) <= width
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("width", [100, 80])
def test_hostile_names_alone_and_together_keep_the_width(width: int) -> None:
    rows = [row(name) for name in HOSTILE] + [skipped(name, Reason.vector) for name in HOSTILE]
    assert widest(table.plain(scan_of(rows), width=width)) <= width
    for name in HOSTILE:
        assert widest(table.plain(scan_of([row(name), failed(name)]), width=width)) <= width


def test_markup_links_and_emoji_codes_are_shown_as_they_are_written() -> None:
    names = ["[bold]markup[/bold]", "[link=http://evil]x[/link]", ":smile:"]
    text = table.plain(scan_of([row(name) for name in names]), width=120)
    assert all(name in text for name in names)


def test_every_line_of_a_likely_scan_keeps_the_layer_and_its_phase() -> None:
    for width in (100, 80):
        text = table.plain(synthetic.example(), width=width)
        lines = text.splitlines()
        header = next(line for line in lines if line.startswith("layer"))
        assert all(title in header for title in ("α", "95 %", "null p", "phase"))
        assert "e.layer.6.attention.self.value" in text or "e.l.6.a.self.value" in text
        assert "under-trained 97%" in text


def test_an_undecided_row_claims_no_confidence() -> None:
    """The record's confidence is the likelier side's; beside the word it would be read as the opposite."""
    assert "undecided 5" not in table.plain(synthetic.example(), width=160)


def test_columns_give_way_in_their_order_and_come_back_with_room() -> None:
    scan = synthetic.example()
    narrow, wide = table.plain(scan, width=80), table.plain(scan, width=160)
    assert "λmax" not in narrow
    assert all(title in wide for title in ("kind", "tail", "KS D", "stable", "λmax"))
    assert "encoder.layer.0.attention.output.dense" in wide


def test_the_worst_come_first() -> None:
    order = [row.phase for row in matrices(synthetic.example())]
    ranks = [
        None,
        Phase.over_trained,
        Phase.under_trained,
        Phase.undecided,
        Phase.not_assessable,
        Phase.well_trained,
    ]
    assert order == sorted(order, key=ranks.index)


def test_within_a_phase_the_deepest_come_first() -> None:
    rows = [
        row("o1", 1.8, phase=Phase.over_trained),
        row("o2", 1.2, phase=Phase.over_trained),
        row("u1", 7.0, phase=Phase.under_trained),
        row("u2", 12.0, phase=Phase.under_trained),
        row("w1", phase_confidence=0.99),
        row("w2", phase_confidence=0.6),
    ]
    assert [label(r) for r in matrices(scan_of(rows))] == ["o2", "o1", "u2", "u1", "w2", "w1"]


def test_slices_and_left_out_tensors_have_no_line() -> None:
    ids = [row.id for row in matrices(synthetic.example())]
    assert ids.count("conv") == 1
    assert "position_ids" not in ids


def test_left_out_tensors_are_grouped_with_their_sentence_and_three_names() -> None:
    text = " ".join(table.plain(synthetic.example()).split())
    assert "7 vector: A tensor with fewer than two dimensions has no spectrum." in text
    assert text.count("LayerNorm") == 3
    assert "1 integer:" in text


def test_a_slice_that_failed_or_was_left_out_is_not_listed_beside_its_kernel() -> None:
    parts = [failed("conv", part=f"slice.{i}", findings=(warning(),)) for i in range(4)]
    parts += [skipped("deep", Reason.vector, part=f"slice.{i}") for i in range(4)]
    text = table.plain(scan_of([row("a"), failed("conv"), skipped("deep", Reason.vector), *parts]))
    assert "1 non_finite" in text
    assert "1 vector" in text
    assert "×4" not in text


def test_the_largest_eigenvalue_is_shown_without_a_fit() -> None:
    bare = row("a", None, metrics={"xmax": None, "log_spectral_norm": 2.0}, phase=Phase.not_assessable)
    assert "100" in table.plain(scan_of([bare]), width=160).splitlines()[4].split()
    huge = row("a", None, metrics={"xmax": None, "log_spectral_norm": 1e5}, phase=Phase.not_assessable)
    assert "well" not in table.plain(scan_of([huge]), width=160)


def test_a_large_model_is_limited_to_its_worst_rows_and_says_so() -> None:
    rows = [row(f"block.{i}") for i in range(1000)] + [row("bad", 1.2, phase=Phase.over_trained)]
    text = table.plain(scan_of(rows))
    assert "601 more rows; the 400 worst are shown (--top N shows more, --format csv has all)." in text
    assert text.count("block.") == 399
    assert text.count("bad") == 1
    assert table.plain(scan_of(rows), top=1001).count("block.") == 1000


def test_twenty_thousand_rows_are_written_within_seconds() -> None:
    """Processor time, so that a busy machine does not decide; the old table took 26 s."""
    scan = scan_of([row(f"model.layers.{i}.mlp.experts.{i % 64}.down_proj") for i in range(20_000)])
    started = time.process_time()
    text = table.plain(scan, top=20_000)
    assert time.process_time() - started < 6
    assert text.count("m.layers.") + text.count("m.l.") > 0
    started = time.process_time()
    table.plain(scan)
    assert time.process_time() - started < 2


def test_the_footer_says_how_the_intervals_were_made() -> None:
    text = " ".join(table.plain(synthetic.example()).split())
    assert "95 % intervals: closed form, independent Pareto tail" in text
    model = {"interval_model": "bootstrap:matrix-rows:500\x1b"}
    assert r"bootstrap:matrix-rows:500\x1b" in table.plain(scan_of([row("a")], settings=model))
    assert "intervals" not in table.plain(scan_of([row("a")], settings={}))


def test_top_limits_the_lines_and_says_how_many_are_hidden() -> None:
    text = table.plain(synthetic.example(), top=2)
    assert "29 more rows; the 2 worst are shown" in text
    assert "e.layer.0" not in text


def test_findings_are_one_point_a_rule_and_info_is_left_to_the_data() -> None:
    many = [row(f"l{i}", 1.5, phase=Phase.over_trained, findings=(warning(),)) for i in range(9)]
    quiet = synthetic.warning("embedding")
    quiet = type(quiet)("embedding", Severity.info, "less meaningful")
    text = table.plain(scan_of([*many, row("e", findings=(quiet,))]))
    assert text.count("over_trained ×9") == 1
    assert "less meaningful" not in text


def test_the_footer_names_what_is_needed_to_repeat_the_numbers() -> None:
    text = table.plain(synthetic.example())
    assert "mode precise · seed 0 · 3.21 s · triplepoint 0.1.0" in text
    assert "alpha 3.35 (n 29)" in text


def test_the_footer_counts_spectral_classes_and_traps() -> None:
    text = table.plain(synthetic.example())
    assert "Spectral classes: 30 bulk-decay" in text
    assert "traps in" not in text
    trapped = table.plain(
        scan_of([row("a", metrics={"num_traps": 2.0}), row("b", metrics={"num_traps": 0.0})])
    )
    assert "Spectral classes: 2 bulk-decay · traps in 1 matrix" in trapped


def test_a_wide_terminal_shows_class_and_traps() -> None:
    text = table.plain(scan_of([row("a", metrics={"num_traps": 2.0})]), width=160)
    assert "traps" in text.splitlines()[2]
    assert "bulk-decay" in text.splitlines()[4]


def test_a_terminal_gets_colour_and_words_and_no_color_gets_words_alone() -> None:
    def shown(color: str | None) -> str:
        out = io.StringIO()
        console = Console(file=out, width=100, force_terminal=True, color_system=color)  # type: ignore[arg-type]
        table.show(synthetic.example(), console)
        return out.getvalue()

    assert "\x1b[" in shown("standard")
    assert "\x1b" not in shown(None)
    assert "over-trained" in shown("standard")


def test_a_scan_without_matrices_is_a_verdict_and_its_reasons() -> None:
    text = table.plain(scan_of([skipped("bias", Reason.vector)]))
    assert text.startswith("Nothing to analyse")
    assert "layer  " not in text


def test_what_was_asked_for_has_a_column_and_outlives_the_others() -> None:
    rows = [synthetic.row("a", metrics={**synthetic.row("a").metrics, "gof_p": 0.25, "replica_p": None})]
    text = table.plain(synthetic.scan_of(rows), width=70)
    assert "gof p" in text
    assert "0.25" in text
    assert "replica p" in text
    assert "λmax" not in text
    assert "gof p" not in table.plain(synthetic.scan_of([synthetic.row("a")]), width=200)
    spreads = {"tail_spread_rows": 0.7, "tail_spread_columns": 0.95}
    rows = [synthetic.row("a", metrics=spreads), synthetic.row("b", metrics=dict.fromkeys(spreads))]
    assert "0.70 0.95" in table.plain(synthetic.scan_of(rows), width=200)
