"""Names from a file are harmless on a terminal, and numbers keep within their cells."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests import synthetic
from triplepoint.report.text import fixed, p_value, percent, plural, safe_text, shorten, shorten_all


@given(synthetic.names)
def test_no_character_that_drives_a_terminal_survives(name: str) -> None:
    shown = safe_text(name)
    shown.encode("utf-8")
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)


def test_printing_names_are_left_alone() -> None:
    assert safe_text("layer.0.größe-漢字") == "layer.0.größe-漢字"
    assert safe_text("\x1b[31m") == r"\x1b[31m"


@given(synthetic.names, st.integers(1, 60))
def test_a_shortened_name_fits_in_cells_not_in_characters(name: str, width: int) -> None:
    safe = safe_text(name)
    short = shorten(safe, width, cell_len)
    assert cell_len(short) <= width
    assert short == safe or cell_len(safe) > width


def test_shortening_keeps_block_numbers_and_tells_towers_apart() -> None:
    assert shorten("encoder.layer.10.attention.output.dense", 21) == "e.l.10.a.output.dense"
    assert shorten("encoder.layer10.attention", 16) == "e.l10.attention"
    assert shorten("model.encoder.0.query", 13) != shorten("model.decoder.0.query", 13)
    assert shorten("x" * 50, 9) == "xxxx…xxxx"


@given(st.floats(-1e300, 1e300))
def test_any_number_fits_in_six_characters(value: float) -> None:
    assert len(fixed(value)) <= 6
    if abs(value) >= 0.01:
        assert math.isclose(float(fixed(value)), value, rel_tol=0.6)


@given(st.floats(0, 1))
def test_a_p_value_fits_and_is_never_rounded_to_zero(p: float) -> None:
    assert len(p_value(p)) <= 6
    assert p_value(p) not in ("0.00", "0.000")


@pytest.mark.parametrize(("share", "text"), [(1.0, "100%"), (0.9999, "99%"), (0.5, "50%"), (None, "")])
def test_certainty_is_never_reached_by_rounding(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_plurals() -> None:
    assert [plural(1, "tensor"), plural(2, "tensor")] == ["1 tensor", "2 tensors"]
    assert plural(0, "matrix", "matrices") == "0 matrices"


def test_names_that_would_look_alike_keep_what_tells_them_apart() -> None:
    pair = ["_model.decoder.rnn.weight_ih/input", "_model_8k.decoder.rnn.weight_ih/input"]
    assert shorten_all(pair, 32) == ["_model.d.rnn.weight_ih/input", "_model_8k.d.rnn.weight_ih/input"]
    towers = [
        "text.layers.0.attention.out_proj",
        "text.layers.0.adapter.out_proj",
        "text.layers.1.adapter.out_proj",
    ]
    assert shorten_all(towers, 26) == [
        "t.l.0.attention.out_proj",
        "t.l.0.adapter.out_proj",
        "t.l.1.adapter.out_proj",
    ]
    assert shorten_all(["same.name"] * 2, 6) == [shorten("same.name", 6)] * 2
